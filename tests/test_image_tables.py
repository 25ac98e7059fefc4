"""Own images as medicine has them: labels in a table, no test set, 16 bits a pixel."""

import warnings

import numpy as np
import pytest
from PIL import Image

from ltdd_utils.data import DataConfig, load

OWN = DataConfig("folder:own", profile="natural")
COUNTS = {"melanoma": 3, "naevus": 12}


def save(path, level, mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (8, 8), level).save(path)


def said(root, config=OWN):
    """The data, and the text of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = load(config, root)
    return data, [str(warning.message) for warning in caught]


@pytest.fixture
def rows(tmp_path):
    """Images below ``images``, and the rows file, label, split of a table that names them; the last is for testing."""
    rows = []
    for c, (label, count) in enumerate(COUNTS.items()):
        for k in range(count):
            save(tmp_path / f"own/images/{label}{k:02}.png", 100 * c + k)
            rows.append((f"{label}{k:02}.png", label, "test" if k == count - 1 else "train"))
    return rows


def write(root, rows, head="file,label,split", name="labels.csv"):
    text = "\n".join([head, *(",".join(row) for row in rows)]) + "\n"
    (root / "own" / name).write_text(text)


def test_a_table_gives_the_labels_and_the_test_set(tmp_path, rows):
    write(tmp_path, rows)
    data, words = said(tmp_path)
    assert (data.class_names, data.counts, words) == (("melanoma", "naevus"), (2, 11), [])
    assert data.test_images[:, 0, 0, 0].tolist() == [2, 111]
    assert data.train_images[:, 0, 0, 0].tolist() == [0, 1, *range(100, 111)]


def test_the_order_of_the_rows_and_of_the_columns_does_not_matter(tmp_path, rows):
    write(tmp_path, rows)
    before = load(OWN, tmp_path).sha256
    text = "\ufeffSplit;Age;Label;File\r\n" + "".join(f"{s};9;{c};images/{f}\r\n" for f, c, s in rows[::-1])
    (tmp_path / "own/labels.csv").write_bytes(text.encode())
    assert load(OWN, tmp_path).sha256 == before


def test_images_that_the_table_does_not_name_are_said(tmp_path, rows):
    write(tmp_path, rows[1:])
    data, words = said(tmp_path)
    assert data.counts == (1, 11)
    assert len(words) == 1
    assert "not read, 1 images that" in words[0]
    assert "melanoma00.png" in words[0]


@pytest.mark.parametrize("folders", [False, True], ids=["table", "folders"])
def test_without_a_test_set_a_balanced_part_is_set_aside_and_said(tmp_path, rows, folders):
    if folders:
        for file, label, _ in rows:
            (tmp_path / "own/train" / label).mkdir(parents=True, exist_ok=True)
            (tmp_path / "own/images" / file).rename(tmp_path / "own/train" / label / file)
        (tmp_path / "own/images").rmdir()
    else:
        write(tmp_path, [row[:2] for row in rows], "file,label")
    data, words = said(tmp_path)
    assert data.counts == (2, 11)  # a fifth of the mean class, 7.5 images, is one
    assert data.test_labels.tolist() == [0, 1]
    train, test = (set(images[:, 0, 0, 0].tolist()) for images in (data.train_images, data.test_images))
    assert train | test == {0, 1, 2, *range(100, 112)}
    assert not train & test
    assert words == [
        f"{tmp_path / 'own'} has no test images: 1 of each class, 2 of 15, are set aside by seed 0 and not trained on"
    ]
    assert load(OWN, tmp_path).sha256 == data.sha256


def test_a_class_of_one_image_cannot_be_divided(tmp_path, rows):
    write(tmp_path, [row[:2] for row in rows[2:]], "file,label")
    with pytest.raises(ValueError, match=r"no test images, and class 'melanoma' has 1 image: add images"):
        load(OWN, tmp_path)


REFUSED = {  # a row in place of the first one, and what is said
    "several labels": (("melanoma00.png", "melanoma|naevus", "train"), r"line 2: 'melanoma\|naevus' .*several labels"),
    "a list": (("melanoma00.png", "[1 0 1]", "train"), r"line 2: '\[1 0 1\]' looks like several labels"),
    "twice": (("melanoma01.png", "naevus", "train"), r"line 3: melanoma01.png stands in line 2 too"),
    "no label": (("melanoma00.png", "", "train"), r"line 2: label is empty"),
    "no such file": (
        ("melanoma99.png", "melanoma", "train"),
        r"line 2: no melanoma99.png in .*own or its folder images",
    ),
    "not an image": (("melanoma00.dcm", "melanoma", "train"), r"line 2: melanoma00.dcm is not read; convert it"),
    "no such split": (("melanoma00.png", "melanoma", "fold3"), r"line 2: split is 'fold3'; use train or test"),
    "no split": (("melanoma00.png", "melanoma", ""), r"line 2: split is empty; use train or test"),
    "no test image": (("melanoma00.png", "lentigo", "train"), r"has no test image of class 'lentigo'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_row_that_does_not_name_one_image_and_one_class_is_refused(tmp_path, rows, case):
    row, words = REFUSED[case]
    write(tmp_path, [row, *rows[1:]])
    with pytest.raises((ValueError, FileNotFoundError), match=words) as caught:
        load(OWN, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_column_for_each_class_is_refused(tmp_path, rows):
    write(tmp_path, [(file, "1", "1") for file, _, _ in rows], "file,melanoma,naevus")
    with pytest.raises(
        ValueError, match=r"has the columns 'file,melanoma,naevus'; want the columns file,label.*several"
    ):
        load(OWN, tmp_path)


def test_two_tables_are_refused(tmp_path, rows):
    write(tmp_path, rows, name="test.csv")
    write(tmp_path, rows, name="train.csv")
    with pytest.raises(ValueError, match=r"has test.csv and train.csv: leave one"):
        load(OWN, tmp_path)


def test_16_bits_are_scaled_alike_in_all_images_and_that_is_said(tmp_path, rows):
    write(tmp_path, rows)
    values = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1040 + 15  # 15 to 65535
    Image.fromarray(values).save(tmp_path / "own/images/melanoma00.png")
    data, words = said(tmp_path)
    assert data.channels == 1
    assert np.array_equal(data.train_images[0, 0].numpy(), np.rint(values * (255 / 65535)).astype(np.uint8))
    assert data.train_images[1].unique().tolist() == [1]
    assert words == [
        "of 15 images, 1 have 16 bits a pixel: 0 to 65535 becomes 0 to 255, so scans of fewer bits get dark"
    ]


def test_of_several_pictures_in_a_file_the_first_is_read_and_that_is_said(tmp_path, rows):
    file = tmp_path / "own/images/melanoma00.tif"
    Image.new("L", (8, 8), 7).save(file, save_all=True, append_images=[Image.new("L", (8, 8), 8)])
    (tmp_path / "own/images/melanoma00.png").unlink()
    write(tmp_path, [(file.name, *rows[0][1:]), *rows[1:]])
    data, words = said(tmp_path)
    assert data.train_images[0].unique().tolist() == [7]
    assert words == ["of 15 images, 1 hold several pictures: the first is read"]


def test_images_may_be_named_without_their_suffix(tmp_path, rows):
    write(tmp_path, rows)
    before = load(OWN, tmp_path).sha256
    write(tmp_path, [(file.removesuffix(".png"), *rest) for file, *rest in rows])
    assert load(OWN, tmp_path).sha256 == before
    write(tmp_path, [(f"images/{file.removesuffix('.png')}", *rest) for file, *rest in rows])
    assert load(OWN, tmp_path).sha256 == before


def test_a_name_without_suffix_that_two_images_have_is_refused(tmp_path, rows):
    save(tmp_path / "own/images/melanoma00.jpg", 3)
    write(tmp_path, [(file.removesuffix(".png"), *rest) for file, *rest in rows])
    with pytest.raises(
        ValueError, match=r"line 2: melanoma00 may be images/melanoma00.jpg or .*; write the suffix too"
    ):
        load(OWN, tmp_path)
    write(tmp_path, [("nobody", *rows[0][1:]), *rows[1:]])
    with pytest.raises(FileNotFoundError, match=r"line 2: no nobody with one of .bmp .* in .*; add it, or remove the"):
        load(OWN, tmp_path)
    (tmp_path / "own/images/scan.dcm").write_text("")
    write(tmp_path, [("scan.dcm", *rows[0][1:]), *rows[1:]])
    with pytest.raises(ValueError, match=r"line 2: scan.dcm is not read; convert it"):
        load(OWN, tmp_path)


@pytest.mark.parametrize("label", ["[1, 0, 1]", "1|3", "cat;dog"])
def test_several_labels_of_one_image_are_refused(tmp_path, rows, label):
    write(tmp_path, [(rows[0][0], f'"{label}"', "train"), *rows[1:]])
    with pytest.raises(ValueError, match="looks like several labels, and a class of a long tail is one label"):
        load(OWN, tmp_path)


@pytest.mark.parametrize("head", ["file,label,Label ,split", "file,label,split,split", "label,file,split,file"])
def test_a_column_that_is_there_twice_is_refused(tmp_path, rows, head):
    write(tmp_path, [(*row, row[1]) for row in rows], head)
    with pytest.raises(ValueError, match=r"labels.csv has 2 columns '(label|split|file)': leave one"):
        load(OWN, tmp_path)


@pytest.mark.parametrize("again", ["./{}", "./images/{}", "images/../images/{}", "../own/images/{}", "linked/{}"])
def test_an_image_under_two_spellings_is_one_image(tmp_path, rows, again):
    (tmp_path / "own/linked").symlink_to("images", target_is_directory=True)
    write(tmp_path, [*rows, (again.format(rows[0][0]), rows[0][1], "test")])
    with pytest.raises(ValueError, match=r"line 17: .*melanoma00.png stands in line 2 too"):
        load(OWN, tmp_path)


@pytest.mark.parametrize("place", ["./images", "../own/images", "images/../images", "linked"])
def test_how_a_path_is_spelled_changes_nothing(tmp_path, rows, place):
    (tmp_path / "own/linked").symlink_to("images", target_is_directory=True)
    write(tmp_path, rows[1:])
    before, words = said(tmp_path)
    write(tmp_path, [(f"{place}/{file}" if k % 2 else file, *rest) for k, (file, *rest) in enumerate(rows[1:])])
    after, found = said(tmp_path)
    assert after.counts == before.counts and len(found) == len(words) == 1
    assert "not read, 1 images that" in found[0] and "melanoma00.png" in found[0]
    assert after.sha256 == before.sha256 or place == "linked"  # a folder of another name has another place in the order


def test_a_table_of_a_spreadsheet_in_utf_16_is_read_and_in_cp1252_refused_with_what_to_do(tmp_path, rows):
    text = "file\tlabel\tsplit\r\n" + "".join("\t".join((f, c.replace("ae", "\xe4"), s)) + "\r\n" for f, c, s in rows)
    for encoding in ("utf-16", "utf-8", "utf-8-sig"):
        (tmp_path / "own/labels.csv").write_bytes(text.encode(encoding))
        assert load(OWN, tmp_path).class_names == ("melanoma", "n\xe4vus")
    for encoding in ("cp1252", "utf-16-le"):
        (tmp_path / "own/labels.csv").write_bytes(text.encode(encoding))
        with pytest.raises(ValueError, match=r"labels.csv is no text in UTF-8; save it as UTF-8 .*CSV UTF-8"):
            load(OWN, tmp_path)
