"""Folders of images, downloads and checks, on small made data sets; real Tiny-ImageNet where it is there."""

import hashlib
import io
import os
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from ltdd_utils.cli import main
from ltdd_utils.data import DATASETS, DataConfig, load, sources
from ltdd_utils.data.sources import downloads
from ltdd_utils.data.sources.archives import unpack
from ltdd_utils.data.sources.dataset import data_root as find_root
from ltdd_utils.data.sources.files import CACHE, centre_square

WNIDS = ("n003", "n001", "n002")  # not in order, on purpose


def picture(seed, size=(64, 64), mode="RGB"):
    rng = np.random.RandomState(seed)
    small = rng.randint(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BILINEAR).convert(mode)


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.fixture
def tiny(tmp_path):
    """Three classes with 12 named train images each, all there, and four validation images each."""
    top = tmp_path / "tiny-imagenet-200"
    rows = []
    for c, wnid in enumerate(WNIDS):
        for k in range(12):
            save(top / f"train/{wnid}/images/{wnid}_{k}.JPEG", picture(100 * c + k, mode="L" if k == 3 else "RGB"))
        boxes = "".join(f"{wnid}_{k}.JPEG\t0\t0\t9\t9\n" for k in range(12))
        (top / f"train/{wnid}/{wnid}_boxes.txt").write_text(boxes)
        for k in range(4):
            save(top / f"val/images/val_{4 * c + k}.JPEG", picture(5000 + 4 * c + k))
            rows.append(f"val_{4 * c + k}.JPEG\t{wnid}\t0\t0\t9\t9\n")
    (top / "val/val_annotations.txt").write_text("".join(rows))
    (top / "words.txt").write_text("n001\tgoldfish, Carassius auratus\nn002\tbullfrog\nn999\tno class here\n")
    return tmp_path


CONFIG = DataConfig("tiny", imbalance_factor=4)


def pixels(path):
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB"), dtype=np.uint8).copy()).permute(2, 0, 1)


def test_tiny_reads_the_listed_images(tiny):
    data = load(CONFIG, tiny)
    assert data.class_names == ("goldfish", "bullfrog", "n003")  # wnid order; a wnid without words stands for itself
    assert data.counts == (12, 6, 3)
    kept = []
    for c, wnid in enumerate(sorted(WNIDS)):
        names = sorted(f"{wnid}_{k}.JPEG" for k in range(12))
        keep = np.random.RandomState(42).choice(12, data.counts[c], replace=False)
        kept += [tiny / "tiny-imagenet-200/train" / wnid / "images" / names[i] for i in keep]
    assert torch.equal(data.train_images, torch.stack([pixels(path) for path in kept]))
    assert data.test_labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    first = tiny / "tiny-imagenet-200/val/images/val_4.JPEG"  # the first of n001
    assert torch.equal(data.test_images[0], pixels(first))


@pytest.mark.parametrize("pattern", ["val/images/{}", "val/{}", "val/{}/images"])
def test_tiny_val_may_be_sorted_into_class_folders(tiny, pattern):
    before = load(CONFIG, tiny)
    top = tiny / "tiny-imagenet-200"
    for c, wnid in enumerate(WNIDS):
        folder = top / pattern.format(wnid)
        folder.mkdir(parents=True)
        for k in range(4):
            shutil.move(top / f"val/images/val_{4 * c + k}.JPEG", folder)
    assert load(CONFIG, tiny).sha256 == before.sha256


def test_positions_do_not_depend_on_what_is_there(tiny):
    """With the unlisted images gone the same list gives the same data; a list that needs one of them says which."""
    before = load(CONFIG, tiny)
    kept = {int(i) for i in before.indices}
    train = tiny / "tiny-imagenet-200/train"
    for c, wnid in enumerate(sorted(WNIDS)):
        for k, name in enumerate(sorted(f"{wnid}_{k}.JPEG" for k in range(12))):
            if 12 * c + k not in kept:
                (train / wnid / "images" / name).unlink()
    after = load(CONFIG, tiny)
    assert after.sha256 == before.sha256
    assert torch.equal(after.indices, before.indices)
    with pytest.raises(FileNotFoundError, match=r"n002_\d+.JPEG is absent, as are 5 of the 26 .*ltdd data fetch tiny"):
        load(DataConfig("tiny", imbalance_factor=2, n_max=12), tiny)
    assert "partial (21 of 36 train images): 3 classes, 12 test images" in downloads.verify("tiny", tiny)
    (row,) = downloads.status(tiny, ["tiny"])
    assert (row["present"], row["verified"], row["complete"]) == (True, False, False)  # what is there is right
    assert main(["data", "verify", "tiny", "--data", str(tiny)]) == 0


def test_decoded_images_are_cached_and_a_damaged_cache_is_not_trusted(tiny, monkeypatch):
    seen = []
    before = load(CONFIG, tiny, watch=seen.append)
    assert [event["stage"] for event in seen] == ["tiny-test", "tiny-train"]
    assert all(event["done"] == event["total"] for event in seen)
    load(CONFIG, tiny, watch=seen.append)
    assert len(seen) == 2  # nothing decoded
    for file in (tiny / CACHE).iterdir():
        file.write_bytes(file.read_bytes()[:-5])
    assert load(CONFIG, tiny, watch=seen.append).sha256 == before.sha256
    assert len(seen) == 4
    save(tiny / "tiny-imagenet-200/val/images/val_0.JPEG", picture(77777, mode="L"))  # another file, another length
    assert load(CONFIG, tiny).sha256 != before.sha256


def test_an_image_edited_to_the_same_length_is_another_data_set(birds):
    """By length alone it would be read from the cache."""
    path, cfg = birds / "birds/train/owl/edited.bmp", DataConfig("folder:birds", profile="natural")
    save(path, Image.new("L", (32, 32), 10))
    before, facts = load(cfg, birds).sha256, path.stat()
    save(path, Image.new("L", (32, 32), 30))
    assert path.stat().st_size == facts.st_size
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1_000_000))
    assert load(cfg, birds).sha256 != before


def test_a_read_only_data_folder_is_read(tiny, monkeypatch):
    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr("ltdd_utils.data.sources.files.save_bundle", refuse)
    assert len(load(CONFIG, tiny).train_images) == 21


def test_tiny_refusals(tiny, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no tiny in .*ltdd data fetch tiny"):
        load(CONFIG, tmp_path / "elsewhere")
    image = next((tiny / "tiny-imagenet-200/val/images").iterdir())
    image.write_bytes(image.read_bytes()[:300])
    with pytest.raises(ValueError, match=f"{image.name} is damaged or cut short"):
        load(CONFIG, tiny)
    image.write_bytes(b"")
    with pytest.raises(ValueError, match=f"{image.name} is empty"):
        downloads.verify("tiny", tiny)
    (tiny / "tiny-imagenet-200/train/n002/n002_boxes.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"n002_boxes.txt"):
        load(CONFIG, tiny)


def test_real_tiny():
    top = find_root() / "tiny-imagenet-200"
    if not top.is_dir():
        pytest.skip(f"no Tiny-ImageNet in {find_root()} (set LTDD_DATA, or run `ltdd data fetch tiny`)")
    full = sources.source_dataset("tiny", find_root())
    assert len(full.class_names) == 200
    assert np.bincount(full.labels).tolist() == [500] * 200
    assert (full.n_max, full.class_names[0]) == (500, "goldfish")
    wnid = sorted(path.name for path in (top / "train").iterdir())[150]
    names = sorted(f"{wnid}_{k}.JPEG" for k in range(500))
    keep = np.random.RandomState(42).choice(500, 3, replace=False)
    found = full.read_train(150 * 500 + keep, None)
    expected = [pixels(top / "train" / wnid / "images" / names[i]) for i in keep]
    assert torch.equal(found, torch.stack(expected))


@pytest.mark.parametrize("size", [(67, 64), (64, 131), (300, 200), (33, 50), (64, 64)])
def test_resize_and_crop_are_torchvisions(size):
    from torchvision import transforms

    image = picture(5, size)
    theirs = transforms.Compose([transforms.Resize(64), transforms.CenterCrop(64)])(image)
    assert np.array_equal(np.asarray(centre_square(image, 64)), np.asarray(theirs))


@pytest.fixture
def imagenet(tmp_path):
    """Three classes of 10, 8 and 2 train images of several sizes and modes."""
    for c, (wnid, count) in enumerate(zip(sorted(WNIDS), (10, 8, 2), strict=True)):
        for k in range(count):
            mode = "L" if k == 1 else "RGB"
            save(tmp_path / f"imagenet/train/{wnid}/{wnid}_{k}.JPEG", picture(100 * c + k, (90 + k, 70), mode))
        save(tmp_path / f"imagenet/val/{wnid}/val_{c}.JPEG", picture(900 + c, (80, 100)))
    return tmp_path


def test_imagenet_takes_all_of_a_small_class(imagenet):
    data = load(DataConfig("imagenet", imbalance_factor=2, n_max=8), imagenet)
    assert data.counts == (8, 5, 2)  # the formula asks the last for 4
    assert data.train_images.shape == (15, 3, 64, 64)
    assert data.test_labels.tolist() == [0, 1, 2]
    assert data.class_names == ("n001", "n002", "n003")
    assert sources.source_dataset("imagenet", imagenet).n_max == 20 // 3


def test_imagenet_list_file(imagenet):
    file = imagenet / "imagenet/ImageNet_LT_train.txt"
    with pytest.raises(FileNotFoundError, match=r"ImageNet_LT_train.txt: put the standard"):
        load(DataConfig("imagenet", profile="list"), imagenet)
    lines = ["n002/n002_3.JPEG 1", "n001/n001_9.JPEG 0", "n001/n001_0.JPEG 0", "n003/n003_1.JPEG 2"]
    file.write_text("".join(f"train/{line}\n" for line in lines))
    data = load(DataConfig("imagenet", profile="list"), imagenet)
    assert data.indices.tolist() == [9, 0, 13, 19]
    assert data.counts == (2, 1, 1)
    file.write_text("train/n002/n002_3.JPEG 0\n")
    with pytest.raises(ValueError, match=r"gives train/n002/n002_3.JPEG label 0, but n002 is class 1"):
        load(DataConfig("imagenet", profile="list"), imagenet)
    file.write_text("train/n002/n002_99.JPEG 1\n")
    with pytest.raises(FileNotFoundError, match=r"train/n002/n002_99.JPEG, which .* names, is absent"):
        load(DataConfig("imagenet", profile="list"), imagenet)
    file.write_text("train/n002/n002_3.JPEG 1\n")
    data = load(DataConfig("imagenet", profile="natural"), imagenet)
    assert data.counts == (10, 8, 2)


def test_imagenet_splits_must_agree(imagenet):
    shutil.rmtree(imagenet / "imagenet/val/n003")
    for call in (lambda: load(DataConfig("imagenet", 1), imagenet), lambda: downloads.verify("imagenet", imagenet)):
        with pytest.raises(
            ValueError, match=r"class 'n003' of .* is not in both train and val: .*val/n003 is absent; add it, or"
        ):
            call()


@pytest.fixture
def birds(tmp_path):
    """A folder of the user's own: 5 owls, 2 wrens to train on; grey, 32x32."""
    for split, counts in (("train", {"wren": 2, "owl": 5}), ("test", {"wren": 2, "owl": 2})):
        for name, count in counts.items():
            for k in range(count):
                save(tmp_path / f"birds/{split}/{name}/{k}.png", picture(hash_of(split, name, k), (32, 32), "L"))
    return tmp_path


def hash_of(*parts):
    return int(hashlib.md5(str(parts).encode()).hexdigest()[:6], 16)


def test_own_folder_with_its_natural_counts(birds):
    data = load(DataConfig("folder:birds", profile="natural"), birds)
    assert (data.class_names, data.counts) == (("owl", "wren"), (5, 2))
    assert (data.channels, data.image_size, len(data.test_images)) == (1, 32, 4)
    own = np.asarray(Image.open(birds / "birds/train/owl/0.png"))
    assert np.array_equal(data.train_images[0, 0].numpy(), own)  # png: without loss
    absolute = load(DataConfig(f"folder:{birds / 'birds'}", profile="natural"), birds / "nowhere")
    assert absolute.sha256 == data.sha256
    assert load(DataConfig("folder:birds", 2), birds).counts == (2, 1)  # n_max: the smallest class
    with pytest.raises(ValueError, match=r"use at most n_max, here 2, or keep every image .* data.profile=natural"):
        load(DataConfig("folder:birds", 20), birds)
    what = "LongTailedData('folder:birds', 2 classes, 7 train (5 to 2 a class) and 4 test images, 1x32x32)"
    assert repr(data) == what


def test_own_folder_at_another_size(birds):
    save(birds / "birds/train/owl/9.png", picture(1, (40, 30)))
    with pytest.raises(ValueError, match=r"differ in size or are not square .*9.png: 40x30.* as in folder:PATH@64"):
        load(DataConfig("folder:birds", profile="natural"), birds)
    data = load(DataConfig("folder:birds@24", profile="natural"), birds)
    assert data.train_images.shape == (8, 3, 24, 24)  # one image has colours, so all get three channels


def test_own_folder_refusals(birds):
    with pytest.raises(FileNotFoundError, match=r"no folder .*/none/train: put the images there"):
        load(DataConfig("folder:none", profile="natural"), birds)
    save(birds / "birds/train/owl/8.tif", Image.fromarray(np.zeros((32, 32), dtype=np.float32)))
    with pytest.raises(ValueError, match=r"8.tif has more than 8 bits a channel"):
        load(DataConfig("folder:birds", profile="natural"), birds)
    (birds / "birds/train/owl/8.tif").unlink()
    (birds / "birds/train/owl/8.png").write_text("no image")
    with pytest.raises(ValueError, match=r"8.png is damaged or no image"):
        load(DataConfig("folder:birds", profile="natural"), birds)
    (birds / "birds/train/owl/8.png").unlink()
    shutil.rmtree(birds / "birds/train/wren")
    with pytest.raises(
        ValueError,
        match=r"class 'wren' of .* not in both train and test: .*train/wren is absent; add it, or remove .*test/wren",
    ):
        load(DataConfig("folder:birds", profile="natural"), birds)
    with pytest.raises(ValueError, match="folder:birds@0 asks for images of 0 pixels; name a side of at least 1"):
        load(DataConfig("folder:birds@0", profile="natural"), birds)
    (birds / "birds/train/wren").mkdir()
    with pytest.raises(ValueError, match="train/wren holds no image"):
        load(DataConfig("folder:birds", profile="natural"), birds)


def test_data_root(monkeypatch, tmp_path, root):
    monkeypatch.setenv("LTDD_DATA", str(tmp_path / "set"))
    assert find_root(tmp_path) == tmp_path
    assert find_root() == tmp_path / "set"
    monkeypatch.delenv("LTDD_DATA")
    assert find_root() == root / "data"


FILES = {"batch_1": b"some pixels" * 50, "batches.meta": b"names"}


def md5(data):
    return hashlib.md5(data).hexdigest()


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A CIFAR-like archive at a file:// address, in the place of the real one; returns the data root to fetch into."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in {**FILES, "../escape": b"x", "readme.html": b"y"}.items():
            member = tarfile.TarInfo(f"toy-batches/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    archive = tmp_path / "server" / "toy.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(packed.getvalue())
    sums = {name: md5(content) for name, content in FILES.items()}
    toy = downloads.Source(archive.as_uri(), md5(packed.getvalue()), "toy-batches", sums, len(packed.getvalue()))
    monkeypatch.setattr(downloads, "source", lambda name: toy)
    return tmp_path / "root"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_fetch_downloads_checks_and_unpacks(served):
    seen = []
    assert downloads.fetch("cifar10", served, seen.append) == served / "toy-batches"
    assert names(served) == ["toy-batches"]
    assert names(served / "toy-batches") == sorted(FILES)
    assert (served / "toy-batches/batch_1").read_bytes() == FILES["batch_1"]
    last = {event["stage"]: event for event in seen}
    assert [*last] == ["download toy.tar.gz", "unpack"]
    assert all(event["done"] == event["total"] > 1 for event in last.values())
    assert downloads.verify("cifar10", served) == "present, checksums right"
    (served.parent / "server/toy.tar.gz").unlink()
    downloads.fetch("cifar10", served)  # nothing left to fetch


def test_fetch_mends_an_altered_folder(served):
    downloads.fetch("cifar10", served)
    file = served / "toy-batches/batch_1"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"batch_1 has MD5 .* not .*: it is cut short .*; run `ltdd data fetch"):
        downloads.verify("cifar10", served)
    (row,) = [row for row in downloads.status(served) if row["name"] == "cifar10"]
    assert (row["present"], row["verified"]) == (True, False)
    downloads.fetch("cifar10", served)
    assert downloads.verify("cifar10", served) == "present, checksums right"
    assert names(served) == ["toy-batches"]


def test_a_truncated_archive_leaves_nothing(served):
    archive = served.parent / "server/toy.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"toy.tar.gz has MD5 .*; run `ltdd data fetch cifar10` again"):
        downloads.fetch("cifar10", served)
    assert names(served) == []
    shutil.copy(archive, served)
    with pytest.raises(ValueError, match="cut short or altered; delete it and run"):
        downloads.fetch("cifar10", served)
    assert names(served) == ["toy.tar.gz"]


def test_an_archive_brought_by_hand_is_used(served):
    served.mkdir()
    shutil.move(served.parent / "server/toy.tar.gz", served)
    downloads.fetch("cifar10", served)
    assert names(served) == ["toy-batches", "toy.tar.gz"]


def test_no_connection_and_no_space(served, monkeypatch):
    (served.parent / "server/toy.tar.gz").rename(served.parent / "gone")
    with pytest.raises(OSError, match=r"cannot download file:.*put toy.tar.gz into .*root by hand"):
        downloads.fetch("cifar10", served)
    assert names(served) == []
    (served.parent / "gone").rename(served.parent / "server/toy.tar.gz")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads, "unpack", full)
    with pytest.raises(OSError, match="No space left"):
        downloads.fetch("cifar10", served)
    assert names(served) == []


def test_a_data_folder_below_a_file_is_refused(served):
    served.mkdir()
    (served / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot make the data folder .*file/x: Not a directory; name another one"):
        downloads.fetch("cifar10", served / "file" / "x")


def test_fetch_completes_a_partial_tiny(tiny, tmp_path, monkeypatch):
    packed = tmp_path / "tiny-imagenet-200.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((tiny / "tiny-imagenet-200").rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(tiny))
    toy = downloads.Source(packed.as_uri(), md5(packed.read_bytes()), "tiny-imagenet-200", {}, packed.stat().st_size)
    monkeypatch.setattr(downloads, "source", lambda name: toy)
    before = load(CONFIG, tiny).sha256
    image = tiny / "tiny-imagenet-200/train/n001/images/n001_5.JPEG"
    image.unlink()
    downloads.fetch("tiny", tiny)
    assert image.is_file()
    assert load(CONFIG, tiny).sha256 == before


def test_status_of_an_empty_folder(tmp_path):
    rows = {row["name"]: row for row in downloads.status(tmp_path)}
    assert list(rows) == list(DATASETS)
    assert rows["digits"]["verified"] is True
    for name in rows.keys() - {"digits"}:
        assert (rows[name]["present"], rows[name]["verified"]) == (False, None)
    assert "ltdd data fetch cifar100" in rows["cifar100"]["state"]


def test_status_of_some_and_of_unknown_data_sets(tmp_path):
    assert [row["name"] for row in downloads.status(tmp_path, ["tiny", "digits"])] == ["tiny", "digits"]
    with pytest.raises(ValueError, match="'foo' is unknown: use digits, cifar10"):
        downloads.status(tmp_path, ["digits", "foo"])


def test_status_knows_real_cifar(data_root):
    rows = {row["name"]: row for row in downloads.status(data_root)}
    assert rows["cifar10"]["state"] == "present, checksums right"


def test_what_cannot_be_fetched(tmp_path):
    for name in ("imagenet", "letters"):
        with pytest.raises(ValueError, match=f"{name}.* cannot be fetched"):
            downloads.fetch(name, tmp_path)
    with pytest.raises(ValueError, match="'letters' is unknown"):
        downloads.verify("letters", tmp_path)
    with pytest.raises(ValueError, match="'letters' is unknown"):
        sources.source_dataset("letters", tmp_path)


def test_a_tar_whose_files_nobody_names_is_unpacked_whole(tmp_path):
    """A data set of the user's own knows its archive by the MD5 alone."""
    archive = tmp_path / "toy.tar.gz"
    with tarfile.open(archive, mode="w:gz") as tar:
        for name in ("toy/train/a.png", "toy/words.txt", "toy/../escape", "elsewhere/b.png"):
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
    unpack(archive, tmp_path, "toy", {}, None)
    found = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(found) == ["toy.tar.gz", "toy/train/a.png", "toy/words.txt"]
