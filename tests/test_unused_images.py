"""Judging on train images that the long tail leaves out: where choices of one's own are made."""

from dataclasses import replace

import numpy as np
import pytest
from toy_sets import context, quick

from ltdd_utils.core.settings import config_id, to_dict
from ltdd_utils.data import DataConfig, load
from ltdd_utils.recipes.labels import label, variant
from ltdd_utils.runs.pipeline import run

LISTS = [("ltdd", 42), ("ldam", 0), ("glmc", 3407)]
CELL = DataConfig("digits", imbalance_factor=10, n_max=100, judged_on="unused")


@pytest.mark.parametrize(("rule", "seed"), LISTS)
def test_they_are_balanced_and_none_is_trained_on(rule, seed):
    cell = replace(CELL, index_list=rule, subset_seed=seed)
    everything = load(DataConfig("digits", profile="natural"))
    judged, usual = load(cell), load(replace(cell, judged_on="test"))
    assert judged.counts == usual.counts and judged.indices.tolist() == usual.indices.tolist()
    left = min(everything.counts[c] - usual.counts[c] for c in range(10))
    assert np.bincount(judged.test_labels).tolist() == [left] * 10
    rows = {image.numpy().tobytes(): k for k, image in enumerate(everything.train_images)}
    assert len(rows) == len(everything.train_images)  # no two digits are alike
    found = [rows[image.numpy().tobytes()] for image in judged.test_images]
    assert everything.train_labels[found].tolist() == judged.test_labels.tolist()
    positions = everything.indices[found].tolist()
    assert len(set(positions)) == 10 * left and not set(positions) & set(usual.indices.tolist())


@pytest.mark.parametrize(("rule", "seed"), LISTS)
def test_a_steeper_tail_is_judged_on_the_same_images(rule, seed):
    cell = replace(CELL, index_list=rule, subset_seed=seed)
    one, other = load(cell), load(replace(cell, imbalance_factor=50))
    assert one.test_images.equal(other.test_images) and one.counts != other.counts


def test_a_class_that_is_used_up_is_named_with_the_remedy():
    with pytest.raises(ValueError, match=r"all 124 images of class '8', .* lower n_max, now 124, for example .*=99"):
        load(DataConfig("digits", n_max=124, imbalance_factor=1, judged_on="unused"))
    with pytest.raises(ValueError, match="judged_on is 'unused' and profile 'natural'"):
        DataConfig(profile="natural", judged_on="unused")
    with pytest.raises(ValueError, match="judged_on"):
        DataConfig(judged_on="validation")


def test_usual_settings_are_written_as_before_and_these_are_others():
    assert "judged_on" not in to_dict(DataConfig()) and to_dict(CELL)["judged_on"] == "unused"
    assert config_id(CELL) != config_id(replace(CELL, judged_on="test"))


def test_rows_say_it():
    assert variant("dm", {"data.judged_on": "unused"}) == f"{label('dm')}, judged on unused train images"


@pytest.mark.float32
def test_a_record_of_it_has_a_name_of_its_own(tmp_path):
    judged = replace(quick(epochs=1), data=CELL)
    record = run(judged, 0, 1, context(tmp_path))
    assert record["config"]["data"]["judged_on"] == "unused"
