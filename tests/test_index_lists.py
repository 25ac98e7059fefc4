"""Index lists: GLMC's, and a file of the user's own."""

from dataclasses import replace

import numpy as np
import pytest
from toy_sets import context, quick

from ltdd_utils.campaign import Block
from ltdd_utils.cli import main
from ltdd_utils.core.settings import config_id, to_dict
from ltdd_utils.data import DataConfig, load, long_tailed_indices, sources
from ltdd_utils.data.longtail import class_counts
from ltdd_utils.runs import run

GLMC = 3407  # the seed of its code
LABELS = np.random.RandomState(7).permutation(np.repeat(np.arange(6), [90, 60, 75, 60, 61, 80]))
COUNTS = [60, 41, 30, 20, 11, 5]


# --- GLMC's -----------------------------------------------------------------------------------------------------------


def test_the_glmc_list_is_what_its_loop_over_pixels_draws():
    """Written as that code works, on pixels: seed the global stream, cut a class out, draw, join."""
    pixels = np.arange(1000, 1000 + len(LABELS))  # each image is one number of its own
    state = np.random.get_state()
    try:
        np.random.seed(GLMC)
        joined = np.zeros(0, dtype=int)
        for label, count in enumerate(COUNTS):
            own = pixels[np.flatnonzero(label == LABELS)]
            joined = np.concatenate([joined, own[np.random.choice(len(own), count, replace=False)]])
    finally:
        np.random.set_state(state)
    assert (pixels[long_tailed_indices(LABELS, COUNTS, "glmc", GLMC)] == joined).all()


def test_the_glmc_list_keeps_its_laws():
    found = long_tailed_indices(LABELS, COUNTS, "glmc", GLMC)
    assert found.dtype == np.int64 and len(set(found.tolist())) == len(found) == sum(COUNTS)
    assert np.bincount(LABELS[found]).tolist() == COUNTS
    assert (found == long_tailed_indices(LABELS, COUNTS, "glmc", GLMC)).all()
    smaller = long_tailed_indices(LABELS, [30, 20, 10, 9, 5, 2], "glmc", GLMC)
    for label in range(6):  # nested: what a class uses of the stream does not depend on its count
        begin = smaller[LABELS[smaller] == label]
        assert (found[LABELS[found] == label][: len(begin)] == begin).all()


def test_glmc_and_ldam_differ_by_their_seeds_alone():
    """A draw without replacement is the start of a shuffle; LTDD begins the stream anew for each class."""
    ltdd, ldam, glmc = (long_tailed_indices(LABELS, COUNTS, rule, GLMC) for rule in ("ltdd", "ldam", "glmc"))
    assert (ldam == glmc).all() and (ltdd != glmc).any()
    assert (ltdd[: COUNTS[0]] == glmc[: COUNTS[0]]).all()
    assert (long_tailed_indices(LABELS, COUNTS, "ldam", 0) != glmc).any()


@pytest.mark.parametrize(
    ("name", "factor", "begins"),
    [
        ("cifar10", 100, [[38670, 48363, 43993], [47279, 49733, 32665], [12950, 20232, 47765]]),
        ("cifar100", 50, [[34254, 2500, 42162], [42835, 47716, 22775], [27855, 38747, 47362]]),
    ],
)
def test_the_glmc_list_of_real_cifar_begins_as_numpys_own_calls_do(data_root, name, factor, begins):
    """First positions of the first, the second and the last class: of ``numpy.random.seed(3407)`` and ``choice``."""
    try:
        labels = sources.source_dataset(name, data_root).labels
    except FileNotFoundError as error:
        pytest.skip(str(error))
    classes = labels.max() + 1
    counts = class_counts(len(labels) // classes, factor, classes)
    found = long_tailed_indices(labels, counts, "glmc", GLMC)
    assert len(set(found.tolist())) == sum(counts) == {"cifar10": 12_406, "cifar100": 12_608}[name]
    for label, first in zip((0, 1, classes - 1), begins, strict=True):
        assert found[labels[found] == label][:3].tolist() == first


# --- A file -----------------------------------------------------------------------------------------------------------


def write(folder, positions, name="mine.txt"):
    if name.endswith(".npy"):
        np.save(folder / name, positions)
    else:
        (folder / name).write_text("# chosen by hand\n" + "".join(f"{k}\n" for k in positions) + "\n")
    return DataConfig("digits", profile="list", list_file=name)


@pytest.fixture
def chosen():
    """Positions of Digits that are no usual list: the last three of every class, in no order."""
    labels = load(DataConfig("digits", profile="natural")).indices
    truth = load(DataConfig("digits", profile="natural")).train_labels
    picks = [labels[truth == c][-3:].tolist() for c in range(10)]
    return np.random.RandomState(0).permutation(np.concatenate(picks))


@pytest.mark.parametrize("name", ["mine.txt", "mine.npy"])
def test_a_file_decides_the_images(tmp_path, chosen, name):
    data = load(write(tmp_path, chosen, name), tmp_path)
    assert data.counts == (3,) * 10 and sorted(data.indices.tolist()) == sorted(chosen.tolist())
    for c in range(10):  # in the order of the file, class by class
        own = data.indices[data.train_labels == c].tolist()
        assert own == [k for k in chosen.tolist() if k in own]


def test_text_and_array_of_the_same_positions_are_the_same_list(tmp_path, chosen):
    of_text, of_array = (load(write(tmp_path, chosen, name), tmp_path) for name in ("mine.txt", "mine.npy"))
    assert of_text.config.list_sha256 == of_array.config.list_sha256 and of_text.sha256 == of_array.sha256


def test_other_positions_under_the_same_name_are_other_settings(tmp_path, chosen):
    before = load(write(tmp_path, chosen), tmp_path).config
    after = load(write(tmp_path, chosen[::-1]), tmp_path).config
    assert config_id(before) != config_id(after)
    with pytest.raises(
        ValueError, match=r"mine.txt holds other positions \(\w+\) than the list_sha256 of the settings"
    ):
        load(before, tmp_path)
    assert load(after, tmp_path).config == after


def test_settings_without_a_file_are_written_as_before():
    assert not {"list_file", "list_sha256"} & set(to_dict(DataConfig()))


@pytest.mark.float32
def test_the_record_holds_the_hash(tmp_path, chosen):
    made = replace(quick(epochs=1), data=write(tmp_path, chosen))
    record = run(made, 0, 1, context(tmp_path, data=tmp_path))
    known = load(made.data, tmp_path).config
    assert record["config"]["data"]["list_sha256"] == known.list_sha256
    assert record["config_id"] == config_id(replace(made, data=known))


WRONG = {
    "past the end": (
        [0, 10_000],
        "names position 10000; the train set has 0 to 1296, counted from 0 .*: remove or correct it",
    ),
    "negative": ([5, -1], "names position -1; the train set has 0 to 1296"),
    "doubled": ([4, 7, 4], "names position 4 more than once, 2 times; leave one of them"),
    "a class without image": (
        [0],
        r"names no image of class '\d', nor of 8 more; every class .*: add a position of each",
    ),
    "nothing": ([], r"names no image of class '0', nor of 9 more"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("name", ["mine.txt", "mine.npy"])
def test_positions_that_do_not_fit_are_one_line(tmp_path, case, name):
    positions, message = WRONG[case]
    with pytest.raises(ValueError, match=message) as caught:
        load(write(tmp_path, np.array(positions, dtype=np.int64), name), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.ones((3, 2), dtype=int), r"holds an array of shape \(3, 2\); give one row of positions"),
        (np.array([0.0, 1.0]), "holds float64; give whole numbers"),
        (np.array([True, False]), "holds a mask; give positions, which numpy.flatnonzero makes"),
        (np.array([[1], "a"], dtype=object), "is no NumPy array of numbers"),
        ("3 0\n4 1\n", "line 1: '3 0' is no whole number; write one position a line"),
        ("1\n2.5\n", "line 2: '2.5' is no whole number"),
        (b"\xff\xfe\x00", "is no text in UTF-8; .*; a list is a text with one position a line"),
        ("1_0\n", "line 1: '1_0' is no whole number"),
        ("9" * 23, "names position 9{23}; the train set has 0 to 1296"),
        (f"-{'9' * 23}", "names position -9{23}; the train set has 0 to 1296"),
        (np.array([2**64 - 1, 0], dtype=np.uint64), "names position 18446744073709551615; the train set has"),
    ],
)
def test_files_that_are_no_list_are_one_line(tmp_path, content, message):
    name = "mine.npy" if isinstance(content, np.ndarray) else "mine.txt"
    if isinstance(content, np.ndarray):
        np.save(tmp_path / name, content, allow_pickle=True)
    else:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ValueError, match=message) as caught:
        load(DataConfig("digits", profile="list", list_file=name), tmp_path)
    assert "\n" not in str(caught.value)


def test_several_arrays_in_one_file_are_no_list(tmp_path):
    np.savez(tmp_path / "mine.npz", a=np.arange(3), b=np.arange(3))
    (tmp_path / "mine.npz").rename(tmp_path / "mine.npy")
    with pytest.raises(ValueError, match=r"holds several arrays, as numpy.savez writes them; write one"):
        load(DataConfig("digits", profile="list", list_file="mine.npy"), tmp_path)


def test_an_absent_file_and_a_wrong_profile():
    with pytest.raises(FileNotFoundError, match=r"no list .*gone.txt: a relative path counts from the data folder"):
        load(DataConfig("digits", profile="list", list_file="gone.txt"))
    with pytest.raises(ValueError, match="list_file is 'x'; profile 'natural' reads none: set profile to list"):
        DataConfig(profile="natural", list_file="x")
    with pytest.raises(ValueError, match="list_sha256 is 'ab'; it is of a list_file, and there is none"):
        DataConfig(profile="list", list_sha256="ab")


@pytest.mark.parametrize("words", [["--imbalance-factor", "50"], ["--set", "data.imbalance_factor=50"]])
@pytest.mark.parametrize("profile", ["natural", "list"])
def test_an_imbalance_factor_where_none_is_cut_is_refused(capsys, words, profile):
    assert main(["show", "random_digits", "--set", f"data.profile={profile}", *words]) == 2
    error = capsys.readouterr().err
    assert f"data.profile={profile} keeps the images that are there: leave the factor out" in error
    assert error.count("\n") == 1


def test_a_campaign_names_the_list_by_its_hash(tmp_path, chosen):
    def block(*more):
        changes = ("data.profile=list", "data.list_file=mine.txt", *more)
        return Block("mine", ("random",), ("digits",), ipc=(1,), set=(changes,)).runs("tiny")

    with pytest.raises(ValueError, match=r"^data.list_file=mine.txt needs data.list_sha256 beside it in a campaign"):
        block()
    known = load(write(tmp_path, chosen), tmp_path).config.list_sha256
    (planned,) = block(f"data.list_sha256={known}")
    assert load(planned.recipe.data, tmp_path).config == planned.recipe.data  # the name that its record has
