"""Crops, flips, Mixup, CutMix and RandAugment against slices, PyTorch and torchvision."""

import pytest
import torch
import torch.nn.functional as F

from ltdd_utils.augment import SPACE, crops, magnitude_of, mixing, policy, transform
from ltdd_utils.core.seeds import generator

RATIO = (3 / 4, 4 / 3)


def some_images(batch=6, channels=3, size=10):
    return torch.rand(batch, channels, size, size, generator=generator(0, "images"))


def some_pixels(batch=6, channels=3, size=32):
    """Uint8 images with structure at several scales: noise alone would hide a shift by a pixel."""
    rng = generator(0, "pixels")
    smooth = F.interpolate(torch.rand(batch, channels, 5, 5, generator=rng), size=size, mode="bicubic").clamp(0, 1)
    noise = torch.rand(batch, channels, size, size, generator=rng)
    return (20 + 200 * (0.8 * smooth + 0.2 * noise)).round().to(torch.uint8)


# Crops and flips


def test_every_crop_and_flip_is_a_slice_of_the_padded_image():
    images, padding, size = some_images(300), 2, 10
    result = crops.random_crop_flip(images, padding, generator(0, "views"))
    padded = F.pad(images, (padding,) * 4)
    seen = set()
    for image, whole in zip(result, padded, strict=True):
        slices = {
            (row, column, mirrored): part.flip(2) if mirrored else part
            for row in range(2 * padding + 1)
            for column in range(2 * padding + 1)
            for part in [whole[:, row : row + size, column : column + size]]
            for mirrored in (False, True)
        }
        found = [place for place, part in slices.items() if torch.equal(part, image)]
        assert len(found) == 1
        seen.update(found)
    assert {place[:2] for place in seen} == {(row, column) for row in range(5) for column in range(5)}
    assert {place[2] for place in seen} == {False, True}


def test_crop_without_padding_and_flip_is_the_identity_and_keeps_integers():
    images = some_pixels()
    assert torch.equal(crops.random_crop_flip(images, 0, generator(0, "views"), flip=False), images)


def test_without_flip_nothing_is_mirrored():
    ramp = torch.arange(1.0, 11).expand(50, 1, 10, 10)
    result = crops.random_crop_flip(ramp, 2, generator(0, "views"), flip=False)
    assert (result[:, :, 5, 7] > result[:, :, 5, 3]).all()


def test_about_half_of_the_images_are_mirrored():
    images = some_images(1000, 1, 4)
    result = crops.random_flip(images, generator(0, "views"))
    mirrored = (result == images.flip(3)).flatten(1).all(dim=1)
    assert 440 < mirrored.sum() < 560
    assert torch.equal(result[~mirrored], images[~mirrored])


# Resized crops


def test_the_box_of_the_whole_image_is_the_identity():
    images = some_images()
    boxes = torch.tensor([[0, 0, 10, 10]]).expand(6, 4)
    torch.testing.assert_close(crops.crop_boxes(images, boxes, 10), images)


@pytest.mark.parametrize("size", [4, 10, 17])
def test_crops_equal_pytorchs_antialiased_resize_of_each_slice(size):
    images = some_images(40)
    made, boxes = crops.random_resized_crop(images, size, (0.08, 1.0), RATIO, generator(0, "views"))
    for image, crop, (top, left, height, width) in zip(images, made, boxes.tolist(), strict=True):
        part = image[None, :, top : top + height, left : left + width]
        expected = F.interpolate(part, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
        torch.testing.assert_close(crop[None], expected)


def test_stored_boxes_give_the_same_crops_again():
    images = some_images()
    made, boxes = crops.random_resized_crop(images, 10, (0.08, 1.0), RATIO, generator(0, "views"))
    assert torch.equal(crops.crop_boxes(images, boxes, 10), made)
    assert not torch.equal(crops.random_resized_crop(images, 10, (0.08, 1.0), RATIO, generator(1, "views"))[1], boxes)


def test_autocast_leaves_the_crops_alone():
    images = some_images().float()
    with torch.autocast("cpu", torch.bfloat16):
        inside, boxes = crops.random_resized_crop(images, 10, (0.08, 1.0), RATIO, generator(0, "views"))
    assert inside.dtype == torch.float32
    assert torch.equal(inside, crops.crop_boxes(images, boxes, 10))


def test_boxes_lie_inside_the_image_and_fill_their_ranges():
    top, left, height, width = crops.draw_boxes(5000, 100, 100, (0.2, 0.6), RATIO, generator=generator(0, "views")).T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 100).all()
    assert (left + width <= 100).all()
    share, ratio = height * width / 1e4, width / height
    # Sides are whole pixels, hence the margins.
    assert 0.19 < share.min() < 0.21
    assert 0.59 < share.max() < 0.61
    assert 0.72 < ratio.min() < 0.77
    assert 1.3 < ratio.max() < 1.38
    assert abs(share.mean() - 0.4) < 0.01
    assert abs(ratio.log().mean()) < 0.02
    # A box is as likely at one end of its room as at the other.
    assert abs((top / (100 - height)).mean() - 0.5) < 0.02
    assert abs((left / (100 - width)).mean() - 0.5) < 0.02


def test_a_box_may_lie_at_every_border():
    boxes = crops.draw_boxes(200, 3, 3, (4 / 9, 4 / 9), (1.0, 1.0), generator=generator(0, "views"))
    assert {tuple(box) for box in boxes.tolist()} == {(top, left, 2, 2) for top in (0, 1) for left in (0, 1)}


@pytest.mark.parametrize(
    ("height", "width", "ratio", "expected"),
    [
        (8, 8, RATIO, [0, 0, 8, 8]),
        (8, 20, (1.0, 1.0), [0, 6, 8, 8]),
        (20, 8, (1.0, 1.0), [6, 0, 8, 8]),
        (8, 8, (2.0, 2.0), [2, 0, 4, 8]),
    ],
)
def test_a_box_that_never_fits_becomes_the_largest_central_one(height, width, ratio, expected):
    boxes = crops.draw_boxes(3, height, width, (40.0, 50.0), ratio, generator=generator(0, "views"))
    assert boxes.tolist() == [expected] * 3


# Mixup and CutMix


def test_mixup_ends_at_its_two_images():
    first, second = some_images(), some_images().flip(0)
    assert torch.equal(mixing.mixup(first, second, 1.0), first)
    assert torch.equal(mixing.mixup(first, second, 0.0), second)
    share = torch.linspace(0, 1, 6)[:, None, None, None]
    mixed = mixing.mixup(first, second, share)
    torch.testing.assert_close(mixed[2], 0.4 * first[2] + 0.6 * second[2])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.75, 1.0])
def test_cutmix_takes_one_square_and_says_how_much_is_kept(share):
    size, side = 10, int(10 * (1 - share) ** 0.5)
    ones, kept_shares = torch.ones(3, 2, size, size), []
    for draw in range(40):
        mixed, kept = mixing.cutmix(ones, torch.zeros_like(ones), share, generator(draw, "views"))
        assert mixed.mean().item() == pytest.approx(kept)
        assert torch.equal(mixed, mixed[:1, :1].expand_as(mixed))  # one square for all images and channels
        replaced = 1 - mixed[0, 0]
        rows, columns = replaced.amax(dim=1), replaced.amax(dim=0)
        assert torch.equal(replaced, rows[:, None] * columns)  # a rectangle
        assert max(rows.sum(), columns.sum()) <= side
        kept_shares.append(kept)
    # Wholly inside, the square has its full area; in a corner about a quarter of it is left.
    assert max(kept_shares) <= 1 - ((side + 1) // 2 / size) ** 2 + 1e-9
    if side < size:
        assert min(kept_shares) == pytest.approx(1 - (side / size) ** 2)


def test_cutmix_leaves_its_inputs_alone():
    first, second = some_images(), some_images().flip(0)
    before = first.clone()
    mixing.cutmix(first, second, 0.5, generator(0, "views"))
    assert torch.equal(first, before)


def test_the_centre_of_a_cutmix_square_is_any_pixel():
    places = set()
    rng = generator(0, "views")
    for _ in range(400):
        rows, columns = mixing.cutmix_box(6, 1 - 1 / 36, rng)  # a square of one pixel
        places.add((rows.start, columns.start))
        assert (rows.stop, columns.stop) == (rows.start + 1, columns.start + 1)
    assert places == {(row, column) for row in range(6) for column in range(6)}


# RandAugment


@pytest.mark.parametrize("magnitude", [4, 9, 26])
def test_operations_agree_with_torchvisions_randaugment(magnitude):
    """Torchvision draws an operation and a sign from the global generator; drawing alongside tells which it was."""
    from torchvision.transforms import v2

    image, names, seen = some_pixels(1), list(SPACE), set()
    with torch.random.fork_rng(devices=[]):
        for seed in range(250):
            torch.manual_seed(seed)
            expected = v2.RandAugment(num_ops=1, magnitude=magnitude)(image)
            torch.manual_seed(seed)
            name = names[int(torch.randint(len(names), ()))]
            sign = -1 if SPACE[name] and torch.rand(()) <= 0.5 else 1
            ours = transform(image, name, sign * magnitude_of(name, magnitude, 32))
            assert torch.equal(ours, expected), (name, sign)
            seen.add((name, sign))
    assert len(seen) == sum(2 if signed else 1 for signed in SPACE.values())


@pytest.mark.parametrize("name", [name for name in SPACE if name not in ("AutoContrast", "Equalize")])
def test_magnitude_zero_is_the_identity(name):
    images = some_pixels()
    result = transform(images, name, magnitude_of(name, 0, 32))
    # Solarize inverts from the value on: at 255, which no pixel here reaches, it inverts nothing.
    assert torch.equal(result, images)


def test_each_image_gets_operations_of_its_own():
    images = some_pixels(1).expand(200, -1, -1, -1)
    possible = {
        transform(images[:1], name, sign * magnitude_of(name, 9, 32)).numpy().tobytes(): (name, sign)
        for name, signed in SPACE.items()
        for sign in ((1, -1) if signed else (1,))
    }
    result = policy.randaugment(images, generator(0, "views"), operations=1)
    counts = {}
    for image in result:
        found = possible[image[None].numpy().tobytes()]  # KeyError: an operation that is not in the space
        counts[found[0]] = counts.get(found[0], 0) + 1
    assert set(counts) == set(SPACE)
    assert max(counts.values()) < 40  # 200 / 14 expected


def one_operation_after_the_other(images, rng, operations, magnitude):
    """``randaugment`` as a loop over images and rounds, from the same draws."""
    for _ in range(operations):
        chosen, negative = (torch.randint(high, (len(images),), generator=rng) for high in (len(SPACE), 2))
        drawn = [list(SPACE)[index] for index in chosen]
        signs = [-1 if SPACE[name] and minus else 1 for name, minus in zip(drawn, negative, strict=True)]
        values = [
            sign * magnitude_of(name, magnitude, images.shape[-1]) for name, sign in zip(drawn, signs, strict=True)
        ]
        images = torch.cat([transform(*one) for one in zip(images.split(1), drawn, values, strict=True)])
    return images


@pytest.mark.parametrize(
    ("channels", "size", "magnitude"), [(3, 32, 9), (1, 16, 9), (3, 33, 30), (3, 8, 17), (1, 2, 9), (3, 32, 0)]
)
def test_images_that_go_together_become_what_they_become_alone(channels, size, magnitude):
    images = some_pixels(150, channels, size)
    first, second = generator(0, "views"), generator(0, "views")
    found = policy.randaugment(images, first, operations=3, magnitude=magnitude)
    assert torch.equal(found, one_operation_after_the_other(images, second, 3, magnitude))
    assert torch.equal(first.get_state(), second.get_state())


def test_pixels_move_exactly_inside_a_bf16_step_too():
    """Torchvision's grid is a matrix product, which autocast would round."""
    policy._sources.cache_clear()
    images = some_pixels(60)
    with torch.autocast("cpu", torch.bfloat16):
        first = policy._sources(32, 32, 9, images.device)
    policy._sources.cache_clear()
    assert torch.equal(first, policy._sources(32, 32, 9, images.device))


def test_randaugment_is_replayed_by_its_seed_and_leaves_its_input_alone():
    images = some_pixels()
    before = images.clone()
    first, again, other = (policy.randaugment(images, generator(seed, "views")) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(images, before)
    assert first.dtype == torch.uint8
    assert torch.equal(policy.randaugment(images, generator(0, "views"), operations=0), images)


def test_randaugment_takes_images_with_one_channel():
    images = some_pixels(60, channels=1, size=16)
    assert policy.randaugment(images, generator(0, "views")).shape == images.shape


def test_errors_name_the_value():
    images, rng = some_images(), generator(0, "views")
    with pytest.raises(ValueError, match=r"images are torch\.float64; RandAugment works on uint8"):
        policy.randaugment(images, rng)
    with pytest.raises(ValueError, match="magnitude is 31; choose 0 to 30"):
        policy.randaugment(some_pixels(), rng, magnitude=31)
    with pytest.raises(ValueError, match=r"images are torch\.uint8; convert them"):
        crops.crop_boxes(some_pixels(), torch.zeros(6, 4, dtype=torch.long), 8)
    with pytest.raises(ValueError, match=r"boxes have shape \[5, 4\]; 6 images need"):
        crops.crop_boxes(images, torch.zeros(5, 4, dtype=torch.long), 8)
    with pytest.raises(ValueError, match=r"scale is \(0.0, 1.0\)"):
        crops.random_resized_crop(images, 8, (0.0, 1.0), RATIO, rng)
    with pytest.raises(ValueError, match=r"share is 1.5; it must be between 0 and 1"):
        mixing.cutmix(images, images, 1.5, rng)
    with pytest.raises(ValueError, match="padding is -1"):
        crops.random_crop_flip(images, -1, rng)
