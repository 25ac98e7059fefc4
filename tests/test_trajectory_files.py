"""The trajectory family's files: a round trip, and nothing executable is ever unpickled."""

import os
from dataclasses import replace

import pytest
import torch
from toy_sets import NAMES, context, digits, fit, noise, quick, result_of, synthetic

from ltdd_utils.distilled import content_hash, pixels
from ltdd_utils.methods.trajectory.interchange import export_trajectory, import_trajectory

ZCA = {"class_names": NAMES, "preprocess": fit("zca").describe()}


def round_trip(folder, distilled):
    export_trajectory(folder, distilled, digits(), fit("zca"))
    return import_trajectory(folder, ZCA)


def test_hard_labels_survive_without_a_step_size(tmp_path):
    before = synthetic()
    after = round_trip(tmp_path, before)
    assert content_hash(after) == content_hash(before) and after.lr is None and after.targets is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images_best.pt", "labels_best.pt"]


def test_logits_and_the_step_size_survive(tmp_path):
    before = synthetic(lr=0.03125, targets=noise(20, 10), info={**ZCA, "targets": "logits"})
    assert content_hash(round_trip(tmp_path, before)) == content_hash(before)


def test_probabilities_become_logits_of_the_same_probabilities(tmp_path):
    probabilities = noise(20, 10).softmax(dim=1)
    probabilities[0] = torch.eye(10)[3]
    before = synthetic(targets=probabilities, info={**ZCA, "targets": "probabilities"})
    torch.testing.assert_close(round_trip(tmp_path, before).target_probabilities(), probabilities)


def test_images_are_written_class_by_class(tmp_path):
    base = synthetic(targets=noise(20, 10), info={**ZCA, "targets": "logits"})
    order = torch.randperm(20)
    shuffled = replace(base, labels=base.labels[order], images=base.images[order], targets=base.targets[order])
    after = round_trip(tmp_path, shuffled)
    assert after.labels.tolist() == base.labels.tolist()
    wanted = shuffled.labels.argsort(stable=True)
    assert torch.equal(after.images, shuffled.images[wanted]) and torch.equal(after.targets, shuffled.targets[wanted])


def test_real_images_are_written_as_preprocessed_pixels(tmp_path):
    chosen = result_of(quick(), context(tmp_path)).set
    after = round_trip(tmp_path / "out", chosen)
    assert torch.equal(after.images, pixels(chosen, digits(), fit("zca")))
    assert after.labels.tolist() == chosen.labels.tolist()


def test_the_step_size_of_an_earlier_export_does_not_stay(tmp_path):
    export_trajectory(tmp_path, synthetic(lr=0.5), digits(), fit("zca"))
    assert round_trip(tmp_path, synthetic()).lr is None


class Harmful:
    """Runs a command when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("name", ["images", "labels", "lr"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, name):
    export_trajectory(tmp_path, synthetic(lr=0.5), digits(), fit("zca"))
    torch.save(Harmful(tmp_path / "mark"), tmp_path / f"{name}_best.pt")
    with pytest.raises(ValueError, match=rf"{name}_best.pt holds no plain tensor, or is damaged"):
        import_trajectory(tmp_path, ZCA)
    assert not (tmp_path / "mark").exists()
    torch.load(tmp_path / f"{name}_best.pt", weights_only=False)
    assert (tmp_path / "mark").exists()  # the file was harmful


def test_what_is_no_set_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*images_best.pt; a set of the trajectory family has"):
        import_trajectory(tmp_path, ZCA)
    export_trajectory(tmp_path, synthetic(), digits(), fit("zca"))
    whole = (tmp_path / "images_best.pt").read_bytes()
    (tmp_path / "images_best.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"images_best.pt holds no plain tensor, or is damaged"):
        import_trajectory(tmp_path, ZCA)
    torch.save([torch.zeros(3)], tmp_path / "images_best.pt")
    with pytest.raises(ValueError, match=r"images_best.pt holds a list; expected a tensor"):
        import_trajectory(tmp_path, ZCA)
    torch.save(torch.full((20, 1, 16, 16), float("nan")), tmp_path / "images_best.pt")
    with pytest.raises(ValueError, match="values of the set's images are not finite"):
        import_trajectory(tmp_path, ZCA)
    torch.save(torch.zeros(19, 10), tmp_path / "labels_best.pt")
    with pytest.raises(ValueError, match="19 images for 10 classes; expected the same number of each"):
        import_trajectory(tmp_path, ZCA)


ODD = {
    "no bytes": ("images", b"", "holds no plain tensor, or is damaged: "),
    "a number": (
        "images",
        torch.tensor(1.0),
        r"holds torch.float32 \[\]; expected real numbers in 4 dimensions.* \[images, channels, height, width\]",
    ),
    "sparse": ("images", torch.zeros(20, 1, 16, 16).to_sparse(), "expected real numbers in 4 dimensions"),
    "no class": ("labels", torch.zeros(20, 0), r"\[20, 0\]; expected real numbers in 1 or 2 dimensions, at least one"),
    "one label": ("labels", torch.tensor(3), "expected real numbers in 1 or 2 dimensions"),
    "true or false": ("labels", torch.ones(20, dtype=torch.bool), "expected real numbers"),
    "complex step": (
        "lr",
        torch.tensor(1j),
        "expected real numbers in 0 or 1 dimensions, at least one number: save one number",
    ),
    "two steps": ("lr", torch.tensor([0.1, 0.2]), "holds 2 numbers; expected one step size"),
}


@pytest.mark.parametrize(("name", "content", "message"), ODD.values(), ids=ODD)
def test_an_odd_file_is_refused_by_its_name(tmp_path, name, content, message):
    export_trajectory(tmp_path, synthetic(lr=0.5), digits(), fit("zca"))
    path = tmp_path / f"{name}_best.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(ValueError, match=rf"{name}_best.pt {message}" if "expected" not in message else message):
        import_trajectory(tmp_path, ZCA)


def test_soft_labels_of_unequal_classes_have_no_place_in_the_layout(tmp_path):
    uneven = synthetic(labels=torch.tensor([0] * 20), targets=noise(20, 10), info={**ZCA, "targets": "logits"})
    with pytest.raises(ValueError, match="with soft labels this layout needs the same of each"):
        export_trajectory(tmp_path, uneven, digits(), fit("zca"))
    assert not list(tmp_path.iterdir())
