"""CIFAR in the files that people have: the same data as torchvision's, in the same order, or a refusal."""

import hashlib
import io
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ltdd_utils.cli import main
from ltdd_utils.data import DataConfig, load
from ltdd_utils.data.sources import cifar, cifar_forms, downloads

BATCH, CLASSES = 8, 10
CONFIG = DataConfig("cifar10", profile="natural")


def hashed(images, labels):
    """Written from the description: pixels, channels first, then one byte a label."""
    return hashlib.sha256(images.transpose(0, 3, 1, 2).tobytes() + bytes(labels.tolist())).hexdigest()


@pytest.fixture
def small(monkeypatch):
    """A made-up CIFAR-10 of five batches of 8 images, and 20 test images; images [N, 32, 32, 3] and labels by split."""
    draw = np.random.RandomState(0)
    data = {}
    for split, count in (("train", 5 * BATCH), ("test", 20)):
        labels = draw.permutation(np.arange(count) % CLASSES)
        data[split] = draw.randint(0, 256, (count, 32, 32, 3), dtype=np.uint8), labels
    batches = [slice(k * BATCH, (k + 1) * BATCH) for k in range(5)]
    known = {"train": tuple(hashed(*(part[b] for part in data["train"])) for b in batches)}
    known["test"] = (hashed(*data["test"]),)
    form = replace(cifar_forms.FORMS["cifar10"], known=known)
    monkeypatch.setitem(cifar_forms.FORMS, "cifar10", form)
    return data


def write_npz(root, small, **changes):
    arrays = {f"{key}_{split}": part for split, pair in small.items() for key, part in zip("xy", pair, strict=True)}
    arrays |= {key: part.reshape(-1, 1).astype(np.uint8) for key, part in arrays.items() if key.startswith("y")}
    np.savez(root / "cifar10.npz", **(arrays | changes))


def reordered(small, order):
    rows = np.concatenate([np.arange(k * BATCH, (k + 1) * BATCH) for k in order])
    return {**small, "train": tuple(part[rows] for part in small["train"])}


def same(data, small):
    order = np.argsort(small["train"][1], kind="stable")
    assert torch.equal(data.train_images, torch.from_numpy(small["train"][0][order].transpose(0, 3, 1, 2).copy()))
    assert torch.equal(data.test_images, torch.from_numpy(small["test"][0].transpose(0, 3, 1, 2).copy()))
    assert data.train_labels.tolist() == sorted(small["train"][1].tolist())
    assert data.test_labels.tolist() == small["test"][1].tolist()
    assert data.indices.tolist() == order.tolist() and data.class_names[:2] == ("airplane", "automobile")


def test_keras_arrays_are_the_original(tmp_path, small, recwarn):
    write_npz(tmp_path, small)
    same(load(CONFIG, tmp_path), small)
    assert not recwarn.list
    (row,) = downloads.status(tmp_path, ["cifar10"])
    assert (row["present"], row["verified"]) == (True, True)
    assert row["state"] == f"present in {tmp_path / 'cifar10.npz'}, pixels and labels right"
    assert downloads.fetch("cifar10", tmp_path)  # without a connection: nothing is missing


def test_arrays_with_channels_first_are_the_original(tmp_path, small):
    write_npz(tmp_path, small, **{f"x_{split}": small[split][0].transpose(0, 3, 1, 2) for split in small})
    same(load(CONFIG, tmp_path), small)


def test_batches_in_another_order_are_put_back_and_that_is_said(tmp_path, small):
    write_npz(tmp_path, reordered(small, [3, 2, 1, 4, 0]))
    with pytest.warns(UserWarning, match="the train batches come as 4, 3, 2, 5, 1, and are put back into their order"):
        data = load(CONFIG, tmp_path)
    same(data, small)


@pytest.mark.parametrize("fault", ["an image moved", "a pixel", "a label", "too few"])
def test_what_is_not_the_original_is_refused(tmp_path, small, fault):
    images, labels = (part.copy() for part in small["train"])
    if fault == "an image moved":
        rows = np.roll(np.arange(len(images)), 1)
        images, labels = images[rows], labels[rows]
    elif fault == "a pixel":
        images[3, 0, 0, 0] ^= 1
    elif fault == "a label":
        labels[3] = (labels[3] + 1) % CLASSES
    else:
        images, labels = images[:-1], labels[:-1]
    write_npz(tmp_path, {**small, "train": (images, labels)})
    with pytest.raises(ValueError, match=r"does not hold the train images of cifar10 .*run `ltdd data fetch") as caught:
        load(CONFIG, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": np.zeros((40, 32, 32, 3), dtype=np.float32)}, "holds x_train as float32; keep the pixels as they"),
        ({"y_train": np.array([None])}, "cannot be read as Keras' arrays of cifar10"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path, small, changes, message):
    write_npz(tmp_path, small, **changes)
    with pytest.raises(ValueError, match=message):
        load(CONFIG, tmp_path)


def test_absent_arrays_and_a_damaged_file(tmp_path, small):
    np.savez(tmp_path / "cifar10.npz", images=small["train"][0])
    with pytest.raises(ValueError, match="has the arrays images, and not x_train and y_train"):
        load(CONFIG, tmp_path)
    write_npz(tmp_path, small)
    whole = (tmp_path / "cifar10.npz").read_bytes()
    for content in (b"PK no archive", whole[: len(whole) // 2], whole[:5000] + bytes(9) + whole[5009:], b""):
        (tmp_path / "cifar10.npz").write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read as Keras' arrays") as caught:
            load(CONFIG, tmp_path)
        assert "\n" not in str(caught.value)
    assert main(["data", "--data", str(tmp_path)]) == 0  # which only tells


# --- Hugging Face ---


def write_parquet(root, small, names, image="img", label="label"):
    import pyarrow
    from pyarrow import parquet

    for split, (images, labels) in small.items():
        cells = []
        for pixels in images:
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "PNG")
            cells.append({"bytes": file.getvalue(), "path": None})
        file = root / names.format(split)
        file.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pyarrow.table({image: cells, label: labels}), file)


@pytest.mark.parametrize(
    ("names", "image"),
    [
        ("cifar10/plain_text/{}-00000-of-00001.parquet", "img"),
        ("cifar10/plain_text/{}/0000.parquet", "img"),
        ("cifar-10/{}-00000-of-00001.parquet", "image"),
    ],
)
def test_parquet_files_are_the_original(tmp_path, small, names, image):
    pytest.importorskip("pyarrow")
    write_parquet(tmp_path, reordered(small, [3, 2, 1, 4, 0]), names, image)
    with pytest.warns(UserWarning, match="batches come as 4, 3, 2, 5, 1"):
        same(load(CONFIG, tmp_path), small)


def test_a_parquet_file_of_other_columns_is_refused(tmp_path, small):
    pytest.importorskip("pyarrow")
    write_parquet(tmp_path, small, "cifar10/{}-0.parquet", label="fine_label")
    with pytest.raises(ValueError, match=r"has the columns fine_label, img, and not img \(or image\) and label"):
        load(CONFIG, tmp_path)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (tmp_path / "cifar10/train-0.parquet").write_bytes(pointer)
    with pytest.raises(
        ValueError, match=r"train-0.parquet cannot be read as Hugging Face's cifar10: .*download it anew"
    ):
        load(CONFIG, tmp_path)


def test_cells_that_are_no_images_are_refused(tmp_path, small):
    pyarrow = pytest.importorskip("pyarrow")
    write_parquet(tmp_path, small, "cifar10/{}-0.parquet")
    for cells in ([{"bytes": b"no image", "path": None}], ["words"], [None]):
        pyarrow.parquet.write_table(pyarrow.table({"img": cells, "label": [1]}), tmp_path / "cifar10/train-0.parquet")
        with pytest.raises(ValueError, match="its cells do not hold images of one size"):
            load(CONFIG, tmp_path)


def test_without_pyarrow_one_line_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10/train-00000-of-00001.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match="which pyarrow reads, and it is not installed: `pip install pyarrow`, or run"):
        load(CONFIG, tmp_path)


# --- Folders and archives of other programs ---


@pytest.mark.parametrize("place", ["cifar-10-batches-py-target", "cifar-10-batches-py", "cifar-10", "cifar-10-python"])
def test_torchvisions_folder_is_found_where_others_put_it(tmp_path, place):
    folder = tmp_path / place / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    (folder / "data_batch_1").write_bytes(b"")
    assert cifar_forms.folder_of("cifar10", tmp_path) == tmp_path / place
    assert cifar_forms.folder_of("cifar10", folder) == tmp_path / place  # the folder itself is named
    with pytest.raises(ValueError, match="is incomplete or altered"):
        load(CONFIG, tmp_path)
    (row,) = downloads.status(tmp_path, ["cifar10"])
    assert row["verified"] is False and str(folder) in row["state"]


def test_an_archive_under_keras_name_is_used(tmp_path, monkeypatch):
    origin = replace(cifar.cifar10_source(), url=(tmp_path / "nowhere.tar.gz").as_uri())
    monkeypatch.setattr(downloads, "source", lambda name: origin)
    (tmp_path / "cifar-10-batches-py-target_archive").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"cifar-10-batches-py-target_archive has MD5 .*; delete it and run"):
        downloads.fetch("cifar10", tmp_path)


def test_the_known_hashes_are_those_of_the_real_files(data_root):
    """Read by torchvision, which checks its own sums."""
    for name in ("cifar10", "cifar100"):
        form = cifar_forms.FORMS[name]
        if not (data_root / form.folder).is_dir():
            continue
        for train in (True, False):
            real = cifar.torchvision_class(name)(data_root, train=train)
            known = form.known["train" if train else "test"]
            size, targets = len(real.data) // len(known), np.array(real.targets)
            blocks = [slice(k * size, (k + 1) * size) for k in range(len(known))]
            assert [hashed(real.data[block], targets[block]) for block in blocks] == list(known)
            assert tuple(real.classes) == form.class_names
