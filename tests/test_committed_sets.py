"""The distilled sets in the repository: small, whole, described, and those of the committed records."""

import pytest
from toy_sets import digits, fit, toy_run

from ltdd_utils.analysis import diff_from_recipe
from ltdd_utils.core.settings import from_dict, to_dict
from ltdd_utils.data import DataConfig, load
from ltdd_utils.distilled import NOT_REAL, composition, content_hash, load_set, pixels
from ltdd_utils.methods.coresets.selection import select
from ltdd_utils.recipes import names, recipe
from ltdd_utils.records import committed, load_record, results_root
from ltdd_utils.runs import protocol_for

FOLDER = results_root() / "distilled"
FILES = sorted(FOLDER.glob("*"))
LARGEST, TOGETHER = 2, 20  # MB
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def recorded():
    """Recipe and seed -> hash of a set -> the evaluators under which the committed records score it."""
    found = {}
    for record in map(load_record, committed(results_root())):
        sets = found.setdefault((record.name, record.seed), {})
        for one in set(record.sets):
            sets.setdefault(one, []).append(record["config"]["evaluate"])
    return found


def test_the_folder_is_small():
    sizes = [path.stat().st_size / 1e6 for path in FILES]
    assert sizes and max(sizes) <= LARGEST and sum(sizes) <= TOGETHER


@each_file
def test_a_set_is_whole_and_says_what_it_is(path):
    """Its name is that of its cell, and its description leads to the data, the protocol and the preprocessing."""
    distilled, preprocess = load_set(path)
    info, data = distilled.info, from_dict(DataConfig, distilled.info["data"])
    method, _, cell = path.stem.partition(f"_{data.name}_")
    assert cell == f"if{data.imbalance_factor:g}_ipc{info['ipc']}" and path.suffix == ".safetensors"
    assert info["recipe"] == f"{method.partition('-')[0]}_{data.name}" and info["recipe"] in names()
    assert preprocess is None  # fitted again on the data: 38 MB less
    assert {"kind", "eps", "fitted_on", "probe"} <= set(info["preprocess"])
    assert len(info["class_counts"]) == len(info["class_names"]) and len(info["data_sha256"]) == 64
    assert info["composition"] == composition(distilled)
    if "-unbalanced" not in path.stem:
        assert distilled.labels.bincount().tolist() == [info["ipc"]] * len(info["class_names"])
    assert protocol_for(distilled).network.name == "convnet"


@each_file
def test_real_images_are_positions_and_nothing_else(path):
    distilled, _ = load_set(path)
    synthetic = int((distilled.indices == NOT_REAL).sum())
    assert synthetic == (0 if distilled.images is None else len(distilled.images))
    if "method" in distilled.info["method"]:  # a coreset
        assert distilled.images is None


@each_file
def test_a_set_is_that_of_a_committed_record_where_its_run_has_one(path, recorded):
    """And what it says of itself leads to the settings under which that record scored it, as in chapter 02."""
    distilled, _ = load_set(path)
    info = distilled.info
    sets = recorded.get((info["recipe"], info["seed"]))
    if sets is None:
        pytest.skip("no record of this recipe and seed")
    assert content_hash(distilled) in sets, "the record is of another set: save it again with --save-set"
    cell = {"imbalance_factor": info["data"]["imbalance_factor"], "ipc": info["ipc"], "scale": info["scale"]}
    assert to_dict(recipe(info["recipe"], **cell).evaluate) in sets[content_hash(distilled)]


def test_students_of_a_set_from_a_file_are_those_of_its_record():
    """`ltdd evaluate FILE` repeats the protocol of the run that made the set, down to the students' network."""
    held = {path: load_set(path)[0] for path in FILES}
    compared = set()
    for record in map(load_record, committed(results_root())):
        for path, distilled in held.items():
            same = content_hash(distilled) in record.sets
            usual = distilled.info["recipe"] == record.name and not diff_from_recipe(record.recipe)
            if same and usual and record.protocol == protocol_for(distilled).label:
                assert protocol_for(distilled) == record.recipe.evaluate, path.name
                compared.add(path.stem.partition("_if")[0])
    assert {"damed_cifar10", "datm_cifar10", "damed_digits", "unilevel_cifar10"} <= compared


@pytest.mark.parametrize("path", [path for path in FILES if "_digits_" in path.stem], ids=lambda path: path.stem)
def test_a_set_of_digits_fits_the_data_that_everybody_has(path):
    distilled, _ = load_set(path)
    assert distilled.info["data_sha256"] == digits().sha256
    own = fit(distilled.info["preprocess"]["kind"])
    images = pixels(distilled, digits(), own)  # raises unless they were made under this very transform
    assert images.shape == (100, 1, 16, 16) and bool(images.isfinite().all())


def test_the_random_sets_of_committed_records_can_be_drawn_again():
    """Positions alone: equal on every machine. A stream that draws otherwise would orphan all records in silence."""
    records = [load_record(path) for path in committed(results_root()) if path.parent.name == "random_digits"]
    drawn = 0
    for record in records:
        data = load(record.data)
        assert data.sha256 == record.provenance.data_sha256
        for draw, wanted in enumerate(record.sets):
            made = select(record.recipe.method, toy_run(data=data, seed=record.seed), record.ipc, draw=draw)
            assert made.images is None and content_hash(made) == wanted
            drawn += 1
    assert drawn >= 10
