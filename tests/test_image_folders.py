"""People's own image folders: nothing is read wrongly, and nothing is left out, without a word."""

import shutil
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from ltdd_utils.cli.progress import Bars
from ltdd_utils.data import DataConfig, load
from ltdd_utils.data.sources import files
from ltdd_utils.data.sources.files import opaque

OWN = DataConfig("folder:own", profile="natural")
SIZE = 16


def grey(level, size=(SIZE, SIZE)):
    return Image.new("L", size, level)


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


@pytest.fixture
def own(tmp_path):
    """Two classes with two train images and one test image each, grey."""
    for name, level in (("cat", 50), ("dog", 200)):
        for k in range(2):
            save(tmp_path / f"own/train/{name}/{k}.png", grey(level + k))
        save(tmp_path / f"own/test/{name}/0.png", grey(level + 9))
    return tmp_path


def said(call):
    """What a call returns, and the text of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    return result, [str(warning.message) for warning in caught]


def oriented(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    return exif


def half_white():
    pixels = np.zeros((SIZE, SIZE), dtype=np.uint8)
    pixels[: SIZE // 2] = 255
    return pixels


def test_grey_png_folders_keep_their_hash_and_nothing_is_said(own):
    """The pixels, and so the keys of finished stages, of what was read rightly all along."""
    data, words = said(lambda: load(OWN, own))
    assert data.sha256 == "1cb0fa108058e9bab19c289c4590ff6b00d02701c35931e71b6675e2dc723bec"
    assert words == []


# --- turned photos


SHOWN = {  # what a viewer shows of the half white image, by orientation
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.T,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).T,
    8: lambda pixels: np.rot90(pixels, 1),
    9: lambda pixels: pixels,  # not a valid one
}


@pytest.mark.parametrize("turn", SHOWN)
def test_photos_are_turned_as_a_viewer_shows_them(own, turn):
    pixels = half_white() // 2 + half_white().T // 4  # another picture after each turn
    save(own / "own/train/cat/2.png", Image.fromarray(pixels), exif=oriented(turn))
    assert np.array_equal(load(OWN, own).train_images[2, 0].numpy(), SHOWN[turn](pixels))


def test_side_lengths_are_those_that_a_viewer_shows(own):
    save(own / "own/train/cat/2.jpg", grey(9, (SIZE, 24)), exif=oriented(6))
    with pytest.raises(ValueError, match=r"2.jpg: 24x16"):
        load(OWN, own)


def test_damaged_exif_data_leave_an_image_as_it_lies(own):
    save(own / "own/train/cat/2.jpg", grey(120), exif=b"Exif\0\0no tiff header")
    assert (load(OWN, own).train_images[2] == 120).all()


# --- transparent images


def hidden(mode):
    """Loud colours under alpha 0."""
    noise = np.random.RandomState(0).randint(0, 256, (SIZE, SIZE, 4), dtype=np.uint8)
    noise[..., 3] = 0
    image = Image.fromarray(noise, "RGBA") if mode != "LA" else Image.fromarray(noise[..., [0, 3]], "LA")
    if mode == "P":
        image = Image.fromarray(noise[..., 0], "P")
        image.putpalette(noise[..., :3].tobytes())
        image.info["transparency"] = bytes(256)
    return image


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_colours_under_alpha_0_do_not_come_through(own, mode):
    save(own / "own/train/cat/2.png", hidden(mode))
    data, words = said(lambda: load(OWN, own))
    assert (data.train_images[2] == 255).all()
    assert "of 7 images, 1 have an alpha channel: what is transparent becomes white" in words[0]
    assert len(words) == 1


def test_a_transparent_level_of_a_grey_image_is_white(own):
    save(own / "own/train/cat/2.png", grey(77), transparency=77)
    data, words = said(lambda: load(OWN, own))
    assert (data.channels, len(words)) == (1, 1)
    assert (data.train_images[2] == 255).all()


def test_an_opaque_alpha_channel_changes_no_value():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colours = np.stack([levels, levels.T, 255 - levels], axis=-1)
    image = Image.fromarray(colours)
    solid = image.copy()
    solid.putalpha(255)
    assert np.array_equal(np.asarray(opaque(solid, "RGB")), colours)


def test_grey_that_becomes_three_channels_is_said(own):
    save(own / "own/train/cat/2.png", Image.new("RGB", (SIZE, SIZE), "red"))
    data, words = said(lambda: load(OWN, own))
    assert data.channels == 3
    assert words == ["of 7 images, 6 are grey and become three equal channels"]


# --- what is read, and what is not


def test_jfif_is_read(own):
    save(own / "own/train/cat/2.jfif", grey(120), format="JPEG")
    data, words = said(lambda: load(OWN, own))
    assert (data.counts, words) == ((3, 2), [])


def test_what_is_not_read_is_counted_by_class_and_said_once(own):
    for name in ("a.avif", "b.AVIF", "c.heic", "d.jp2"):
        (own / "own/train/cat" / name).write_bytes(b"?")
    for name in ("a.npy", "b.dcm", "notes"):
        (own / "own/test/dog" / name).write_bytes(b"?")
    (own / "own/train/dog/more").mkdir()
    save(own / "own/train/loose.png", grey(0))
    data, words = said(lambda: load(OWN, own))
    assert data.counts == (2, 2)
    (line,) = words
    assert "not read, 9 in all: train: 1 .png; train/cat: 2 .avif, 1 .heic, 1 .jp2; train/dog: 1 folder" in line
    assert "test/dog: 1 .dcm, 1 .npy, 1 no suffix; images are read from" in line
    assert "\n" not in line


def test_what_systems_leave_is_no_image_and_no_class(own):
    before = load(OWN, own).sha256
    for name in ("._0.png", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (own / "own/train/cat" / name).write_bytes(b"\0\5\26\7")
    for name in ("__MACOSX", ".ipynb_checkpoints"):
        save(own / "own/train" / name / "._0.png", grey(0), format="PNG")
    data, words = said(lambda: load(OWN, own))
    assert (data.sha256, words) == (before, [])


def test_a_huge_image_is_one_line_that_names_it(own, monkeypatch):
    save(own / "own/train/cat/slide.png", grey(9, (80, 80)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000)
    with pytest.raises(ValueError, match=r"cat/slide.png has more than .* million pixels: save a smaller copy"):
        load(DataConfig("folder:own@8", profile="natural"), own)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 6000)  # large, yet read
    data, words = said(lambda: load(DataConfig("folder:own@8", profile="natural"), own))
    assert data.counts == (3, 2)
    assert len(words) == 1
    assert "1 are huge and slow to read (the first is" in words[0]
    assert "slide.png" in words[0]


@pytest.mark.parametrize("behind", [False, True], ids=["before the pixels", "behind the pixels"])
def test_a_png_with_too_large_a_text_is_one_line_that_names_it(own, behind):
    texts, text = PngImagePlugin.PngInfo(), b"x" * (PngImagePlugin.MAX_TEXT_CHUNK + 1)
    texts.add(b"zTXt", b"Comment\0\0" + zlib.compress(text), behind)
    save(own / "own/train/cat/2.png", grey(9), pnginfo=texts)
    with pytest.raises(ValueError, match=r"cat/2.png cannot be read \(.*\): save it anew without its texts"):
        load(OWN, own)


# --- layouts


@pytest.mark.parametrize("names", [("Train", "Test"), ("TRAIN", "Val"), ("training", "validation"), ("train", "valid")])
def test_the_splits_may_have_other_usual_names(own, names):
    before = load(OWN, own).sha256
    for old, new in zip(("train", "test"), names, strict=True):
        (own / "own" / old).rename(own / "own" / new)
    assert load(OWN, own).sha256 == before


def test_beside_test_a_validation_set_is_not_read_and_that_is_said(own):
    save(own / "own/val/cat/0.png", grey(0))
    data, words = said(lambda: load(OWN, own))
    assert len(data.test_images) == 2
    assert words == [f"{own / 'own'}: train and test are read; not read: val"]


def test_two_spellings_of_one_split_are_refused(own):
    save(own / "own/Train/cat/0.png", grey(0))
    if len(list((own / "own").iterdir())) < 3:
        pytest.skip("a file system without upper and lower case")
    with pytest.raises(ValueError, match="has both Train and train: leave the one"):
        load(OWN, own)


def deeper(own, *names):
    """The data set moved into folders of ``own``, the first of them; copied into the others."""
    (own / "own").rename(own / "inner")
    for name in names:
        shutil.copytree(own / "inner", own / "own" / name)


def test_a_data_set_one_folder_deeper_is_read_and_that_is_said(own):
    before = load(OWN, own)
    deeper(own, "photos")
    (own / "own/empty").mkdir()
    data, words = said(lambda: load(OWN, own))
    assert data.sha256 == before.sha256
    assert words == [f"{own / 'own'}: read one folder deeper, from {own / 'own/photos'}"]


def test_two_data_sets_in_one_folder_are_refused(own):
    deeper(own, "a", "b")
    with pytest.raises(
        ValueError, match=r"own holds several data sets, a and b: name the folder of one, such as .*/a$"
    ):
        load(OWN, own)


@pytest.mark.parametrize("inner", [("cat",), ("patient1", "patient2")])
def test_images_of_a_class_one_folder_deeper_are_read_and_that_is_said(own, inner):
    before = load(OWN, own)
    for k, path in enumerate(sorted((own / "own/train/cat").iterdir())):
        place = path.parent / inner[min(k, len(inner) - 1)]
        place.mkdir(exist_ok=True)
        path.rename(place / path.name)
    data, words = said(lambda: load(OWN, own))
    assert data.sha256 == before.sha256
    where = f"{own / 'own/train'}: images are read one folder deeper"
    assert words == [f"{where} in 1 of 2 classes, such as cat/{inner[0]}"]


def test_folders_without_a_train_folder_are_classes(own):
    for name in ("cat", "dog"):
        (own / "own/train" / name).rename(own / "own" / name)
    shutil.rmtree(own / "own/train")
    with pytest.raises(FileNotFoundError, match=r"no folder .*own/train"):  # beside a folder to test on
        load(OWN, own)
    shutil.rmtree(own / "own/test")
    data, words = said(lambda: load(OWN, own))
    assert (data.class_names, data.counts, len(data.test_labels)) == (("cat", "dog"), (1, 1), 2)
    assert words[0] == f"{own / 'own'} has no folder train: its 2 folders are read as classes (cat, dog)"
    (own / "own/notes").mkdir()  # a folder that is no class
    with pytest.raises(FileNotFoundError, match=r"no folder .*own/train"):
        load(OWN, own)


def test_what_was_read_is_one_line(own):
    (own / "own/train/cat/x.heic").write_text("")
    (own / "own/train/cat/y.HEIC").write_text("")
    save(own / "own/train/dog/more/1.png", grey(1))
    (own / "own/train/dog/2.png").write_bytes((own / "own/train/dog/1.png").read_bytes())
    (own / "own/train/notes.txt").write_text("")
    events = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load(OWN, own, events.append)
    assert [event["note"] for event in events if "note" in event] == [
        "folder:own: 5 train (3 to 2 a class), 2 test; skipped 4 files (.heic 2, .txt 1, in sub-folders 1)"
    ]


def test_the_line_is_drawn_once_and_not_if_quiet(capsys):
    for quiet in (False, True):
        bars = Bars(quiet)
        for stage in ("a", "b"):
            bars(stage)({"stage": "read images", "note": "5 train"})
        assert capsys.readouterr().err == ("" if quiet else "ltdd: 5 train\n")


def test_a_built_in_data_set_says_it_only_where_no_tail_is_cut():
    for profile, lines in (("exponential", 0), ("natural", 1)):
        events = []
        load(DataConfig("digits", profile=profile), watch=events.append)
        assert len(events) == lines
    assert events[0]["note"].startswith("digits: 1297 train (")


def test_a_large_cache_is_announced(own, monkeypatch):
    events = []
    monkeypatch.setattr(files, "LARGE_CACHE", 4 * SIZE * SIZE)
    load(OWN, own, events.append)
    notes = [event["note"] for event in events if "note" in event]
    assert (
        len(notes) == 2
        and notes[0] == f"{own / files.CACHE} keeps the decoded images, 0.0 GB; delete it whenever you like"
    )


def test_an_index_list_counts_the_images_class_by_class_and_by_name(own):
    (own / "mine.txt").write_text("3\n0\n")
    data = load(DataConfig("folder:own", profile="list", list_file="mine.txt"), own)
    assert (data.counts, data.indices.tolist(), len(data.test_labels)) == ((1, 1), [0, 3], 2)
    assert data.train_images[:, 0, 0, 0].tolist() == [50, 201]  # cat/0.png, dog/1.png


def test_the_order_of_numbered_classes_is_said(tmp_path):
    for split in ("train", "test"):
        for number in (1, 2, 10):
            save(tmp_path / f"own/{split}/{number}/0.png", grey(number))
    data, words = said(lambda: load(OWN, tmp_path))
    assert data.class_names == ("1", "10", "2")
    assert torch.equal(data.train_images[:, 0, 0, 0], torch.tensor([1, 10, 2], dtype=torch.uint8))
    assert len(words) == 1
    assert "in the order of text (1, 10, 2, ...), so label 1 is class '10'" in words[0]
