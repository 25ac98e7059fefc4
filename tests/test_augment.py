"""DSA against loops over single images, its identities, and its gradients."""

import math

import pytest
import torch
import torch.nn.functional as F

from ltdd_utils.augment import DSA_OPERATIONS as OPERATIONS
from ltdd_utils.augment import DSAParameters, draw, dsa
from ltdd_utils.augment import siamese as augment
from ltdd_utils.core.seeds import generator

STRATEGY = "_".join(OPERATIONS)
SIZE = 9
BATCH = 5


def some_images(size=SIZE, channels=3):
    return torch.rand(BATCH, channels, size, size, generator=generator(0, "images"))


def same_for_all(operation, *values):
    return DSAParameters(operation, torch.tensor(values)[:, None].expand(-1, BATCH))


@pytest.mark.parametrize(
    "parameters",
    [
        same_for_all("color", 0.0, 1.0, 1.0),
        same_for_all("crop", 0.0, 0.0),
        same_for_all("flip", 0.0),
        same_for_all("scale", 1.0, 1.0),
        same_for_all("rotate", 0.0),
        DSAParameters("none", torch.zeros(0, BATCH)),
    ],
    ids=lambda parameters: parameters.operation,
)
def test_neutral_parameters_change_nothing(parameters):
    images = some_images()
    torch.testing.assert_close(augment.apply(images, parameters), images)


def test_two_flips_and_four_right_angles_are_the_identity():
    images = some_images()
    for operation, value, times in (("flip", 1.0, 2), ("rotate", 90.0, 4)):
        moved = images
        for _ in range(times):
            moved = augment.apply(moved, same_for_all(operation, value))
        torch.testing.assert_close(moved, images)


def test_a_positive_angle_turns_counter_clockwise():
    images = some_images()
    turned = augment.apply(images, same_for_all("rotate", 90.0))
    torch.testing.assert_close(turned, images.rot90(1, dims=(2, 3)))


def test_the_strategy_none_gives_back_the_images():
    images = some_images()
    assert dsa(images, "none", generator(0, "draw")) is images
    assert dsa(images, "", generator(0, "draw")) is images


def brute_force(image, operation, values):
    """One image, pixel by pixel, from the definitions."""
    channels, size, _ = image.shape
    values = values.tolist()
    if operation == "color":
        brightness, saturation, contrast = values
        brighter = image + brightness
        grey = sum(brighter) / channels
        coloured = torch.stack([grey + saturation * (channel - grey) for channel in brighter])
        mean = coloured.sum() / coloured.numel()
        return mean + contrast * (coloured - mean)
    result = torch.zeros_like(image)
    for i in range(size):
        for j in range(size):
            if operation == "cutout":
                side = round(size / 2 + 1e-9)  # half of the side, .5 upwards
                first_row, first_column = (int(value) - side // 2 for value in values)
                erased = first_row <= i < first_row + side and first_column <= j < first_column + side
                result[:, i, j] = 0 if erased else image[:, i, j]
            elif operation == "flip":
                result[:, i, j] = image[:, i, size - 1 - j] if values[0] else image[:, i, j]
            elif operation == "crop":
                row, column = i + int(values[0]), j + int(values[1])
                if 0 <= row < size and 0 <= column < size:
                    result[:, i, j] = image[:, row, column]
            else:
                result[:, i, j] = bilinear(image, *source(i, j, size, operation, values))
    return result


def source(i, j, size, operation, values):
    """Row and column, in pixels, from which scale and rotate read pixel (i, j)."""
    centre = (size - 1) / 2
    down, right = i - centre, j - centre
    if operation == "scale":
        return centre + values[1] * down, centre + values[0] * right
    cosine, sine = math.cos(math.radians(values[0])), math.sin(math.radians(values[0]))
    return centre + sine * right + cosine * down, centre + cosine * right - sine * down


def bilinear(image, row, column):
    """The image at a place between pixels, zero beyond its border."""
    total = torch.zeros(image.shape[0])
    for i in (math.floor(row), math.floor(row) + 1):
        for j in (math.floor(column), math.floor(column) + 1):
            if 0 <= i < image.shape[1] and 0 <= j < image.shape[2]:
                total += (1 - abs(row - i)) * (1 - abs(column - j)) * image[:, i, j]
    return total


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_is_what_its_definition_says(operation, size):
    images = some_images(size)
    parameters = draw(operation, BATCH, size, generator(1, "draw", operation))
    pairs = zip(images, parameters.values.T, strict=True)
    expected = [brute_force(image, operation, values) for image, values in pairs]
    result = augment.apply(images, parameters)
    torch.testing.assert_close(result, torch.stack(expected))
    assert not torch.equal(result, images)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_gradient_with_respect_to_the_images(operation):
    images = some_images(4)[:2].requires_grad_()
    parameters = draw(operation, 2, 4, generator(0, "draw"))
    assert torch.autograd.gradcheck(lambda x: augment.apply(x, parameters), images)


def test_a_draw_can_be_replayed_and_the_same_seed_draws_the_same():
    images = some_images()
    parameters = draw(STRATEGY, BATCH, SIZE, generator(3, "draw"))
    again = draw(STRATEGY, BATCH, SIZE, generator(3, "draw"))
    assert parameters.operation == again.operation
    assert torch.equal(parameters.values, again.values)
    assert torch.equal(augment.apply(images, parameters), augment.apply(images, again))
    assert torch.equal(augment.apply(images, parameters), dsa(images, STRATEGY, generator(3, "draw")))


def test_images_of_a_batch_do_not_influence_each_other():
    images = some_images()
    for operation in OPERATIONS:
        parameters = draw(operation, BATCH, SIZE, generator(0, "draw"))
        alone = DSAParameters(operation, parameters.values[:, 2:3])
        torch.testing.assert_close(augment.apply(images[2:3], alone), augment.apply(images, parameters)[2:3])


@pytest.mark.parametrize("size", [16, 29, 32])
def test_parameters_fill_their_ranges(size):
    half, shift = int(size / 2 + 0.5), int(size / 8 + 0.5)
    ranges = {
        "color": [(-0.5, 0.5), (0, 2), (0.5, 1.5)],
        "crop": [(-shift, shift)] * 2,
        "cutout": [(0, size - half % 2)] * 2,
        "flip": [(0, 1)],
        "scale": [(1 / 1.2, 1.2)] * 2,
        "rotate": [(-15, 15)],
    }
    for operation, expected in ranges.items():
        values = draw(operation, 4000, size, generator(0, "draw")).values.double()
        assert values.shape == (len(expected), 4000)
        for row, (low, high) in zip(values, expected, strict=True):
            near = 0.01 * (high - low)
            assert low - 1e-6 <= row.min() < low + near
            assert high - near < row.max() <= high + 1e-6
            assert abs(row.mean() - (low + high) / 2) < 0.03 * (high - low)
        if len(values) == 2:
            assert abs(torch.corrcoef(values)[0, 1]) < 0.1  # drawn independently


def test_every_operation_of_a_strategy_is_drawn_about_equally_often():
    rng = generator(0, "draw")
    drawn = [draw(STRATEGY, 1, 8, rng).operation for _ in range(1200)]
    assert all(150 < drawn.count(operation) < 250 for operation in OPERATIONS)
    assert {draw("crop_scale", 1, 8, rng).operation for _ in range(50)} == {"crop", "scale"}


def test_a_draw_does_not_depend_on_the_default_type():
    for operation in OPERATIONS:
        double = draw(operation, 4, SIZE, generator(0, "draw")).values
        torch.set_default_dtype(torch.float32)
        single = draw(operation, 4, SIZE, generator(0, "draw")).values
        torch.set_default_dtype(torch.float64)
        assert torch.equal(double, single)


def test_autocast_leaves_the_pixels_alone():
    images = some_images(32).float()
    for operation in OPERATIONS:
        parameters = draw(operation, BATCH, 32, generator(0, "draw"))
        with torch.autocast("cpu", torch.bfloat16):
            inside = augment.apply(images, parameters)
        assert inside.dtype == torch.float32
        assert torch.equal(inside, augment.apply(images, parameters))


def test_affine_operations_agree_with_pytorchs_grid():
    images = some_images(32)
    horizontal, vertical = values = draw("scale", BATCH, 32, generator(0, "draw")).values.double()
    theta = torch.zeros(BATCH, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = horizontal, vertical
    grid = F.affine_grid(theta, list(images.shape), align_corners=True)
    expected = F.grid_sample(images, grid, align_corners=True)
    torch.testing.assert_close(augment.apply(images, DSAParameters("scale", values)), expected)


def test_one_channel_has_no_saturation():
    images = some_images(channels=1)
    results = [augment.apply(images, same_for_all("color", 0.1, saturation, 1.2)) for saturation in (0.0, 1.7)]
    torch.testing.assert_close(*results)


def test_errors_name_the_value_and_the_remedy():
    with pytest.raises(ValueError, match="augmentation 'blur' in 'crop_blur' is unknown; join any of color"):
        draw("crop_blur", 2, 8, generator(0, "draw"))
    with pytest.raises(ValueError, match="drawn for 2 images, got 5"):
        augment.apply(some_images(), draw("crop", 2, SIZE, generator(0, "draw")))


@pytest.mark.gpu
def test_a_gpu_gets_the_same_augmentations():
    images = some_images(32)
    for operation in OPERATIONS:
        there = dsa(images.cuda(), operation, generator(0, "draw")).cpu()
        torch.testing.assert_close(there, dsa(images, operation, generator(0, "draw")))
