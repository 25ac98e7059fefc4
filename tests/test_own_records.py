"""Records of the user's own data and of changed settings: none replaces another one, and each says what it is of."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from toy_records import record
from toy_sets import CPU

from ltdd_utils import campaign
from ltdd_utils.analysis import compare, pool
from ltdd_utils.cli import main
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.store import Store
from ltdd_utils.records import (
    all_records,
    load,
    load_record,
    membership,
    record_path,
    refuse_fewer_students,
    save_record,
    targets,
)

pytestmark = pytest.mark.float32

PLAN = """
scale = "tiny"
[[block]]
title = "own"
methods = ["random"]
datasets = ["digits"]
ipc = 2
students = 1
set = [["data.name=folder:photos", "data.profile=natural",
        "evaluate.train.epochs=1", "evaluate.network.width=8", "evaluate.preprocess.kind=normalise"]]
"""


def own(scores=((4, 2), (4, 3)), sha="a" * 64, counts=(120, 8), **about):
    """A record of random images of a natural folder, as ``ltdd run --set data.name=folder:photos`` makes it."""
    content = record(scores, **about) | {"target": None}
    content["config"]["data"] |= {"name": "folder:photos", "profile": "natural"}
    content["provenance"] |= {"data_sha256": sha} | ({} if counts is None else {"class_counts": list(counts)})
    return content


@pytest.fixture
def photos(tmp_path):
    """Two classes of grey scans, 12 and 3 to train on, 2 of each to test on."""
    drawn = np.random.default_rng(0)
    for split, sizes in (("train", (12, 3)), ("test", (2, 2))):
        for name, size in zip("ab", sizes, strict=True):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(size):
                Image.fromarray(drawn.integers(0, 256, (16, 16), dtype=np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "photos"


def test_a_changed_folder_of_the_same_name_is_a_record_of_its_own(tmp_path):
    """The built-in data sets never change: their records keep the name that they had."""
    first, second = save_record(tmp_path, own()), save_record(tmp_path, own([(5, 5)], sha="b" * 64))
    assert [path.name for path in (first, second)] == [f"0123456789ab-s0-d{x * 8}.json" for x in "ab"]
    assert load_record(first)["metrics"]["overall"]["mean"] == pytest.approx(0.325)  # not lost
    assert save_record(tmp_path, own([(6, 6), (6, 6)])) == first  # the same images again are the same run
    assert record_path(tmp_path, record()).name == "0123456789ab-s0.json"
    refuse_fewer_students(tmp_path, own(sha="c" * 64), 1)
    with pytest.raises(ValueError, match=r"students is 1, but .* has 2"):
        refuse_fewer_students(tmp_path, own(), 1)


def test_a_record_of_own_data_from_before_is_found_and_replaced_by_its_own_run_alone(tmp_path):
    earlier = tmp_path / "random_cifar10" / "0123456789ab-s0.json"
    earlier.parent.mkdir()
    earlier.write_text(json.dumps(own()))
    assert load_record(earlier).seed == 0 and list(load(tmp_path)["ipc"]) == [10]
    assert record_path(tmp_path, own(sha="b" * 64)) != earlier
    assert record_path(tmp_path, own()) == earlier == save_record(tmp_path, own([(5, 5)]))
    assert all_records(tmp_path) == [earlier]


def test_load_fills_the_columns_of_own_data_and_of_changed_settings(tmp_path):
    save_record(tmp_path, own())
    save_record(tmp_path, record(seed=1, config_id="changed") | {"target": None})
    save_record(tmp_path, own(seed=2, counts=None))
    frame = load(tmp_path).sort_values("seed")
    assert list(frame["dataset"]) == ["folder:photos", "cifar10", "folder:photos"]
    assert list(frame["method"]) == ["random"] * 3 and list(frame["ipc"]) == [10] * 3
    assert list(frame["network"]) == ["convnet-d3"] * 3 and list(frame["width"]) == [128] * 3
    assert list(frame["imbalance_factor"][:2]) == [15, 100] and pd.isna(frame["imbalance_factor"].iloc[2])
    assert frame["class_counts"].iloc[0] == [120, 8] and not frame["in_table"].any()


def test_runs_on_other_images_are_never_pooled_and_never_compared_with_a_paper(tmp_path):
    for sha in "ab":
        save_record(tmp_path, own(sha=sha * 64))
    save_record(tmp_path, record(seed=1, config_id="changed") | {"target": None})
    frame = load(tmp_path)
    assert list(pool(frame)["pipelines"]) == [1] * 3
    assert compare(frame, targets(), everything=False).empty


def test_records_of_a_natural_folder_say_their_counts_and_their_students(tmp_path, capsys):
    save_record(tmp_path, own())
    assert main(["records", "--results", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "folder:photos, 120 to 8 a class, IPC 10, dsa-stored, convnet-d3 (128), seed 0" in said
    assert "IF" not in said
    assert main(["records", "--results", str(tmp_path), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["class_counts"], row["in_table"], row["network"]) == ([120, 8], False, "convnet-d3")


def test_outside_of_a_clone_nobody_knows_whether_a_record_is_the_books(tmp_path):
    path = save_record(tmp_path, record())
    assert membership(tmp_path) == {path: None} and load(tmp_path)["committed"].isna().all()
    note = compare(load(tmp_path), targets(), everything=False)["note"]
    assert not note.str.contains("committed").any()


def test_a_campaign_runs_a_changed_folder_again_beside_its_earlier_record(tmp_path, photos):
    (tmp_path / "plan.toml").write_text(PLAN)
    runs, said = campaign.read_plan(str(tmp_path / "plan.toml")), []
    context = RunContext(Store(tmp_path / "work", wait=False), CPU, results=tmp_path / "results", data=tmp_path)

    def carried_out():
        said.clear()
        assert campaign.run_campaign(runs, context, said.append) == []
        return len(said) // 2, [record.provenance.class_counts for record in map(load_record, made())]

    def made():
        return sorted(all_records(context.results), key=lambda path: path.stat().st_mtime_ns)

    assert carried_out() == (1, [[12, 3]])
    assert carried_out() == (0, [[12, 3]])
    (photos / "train" / "a" / "0.png").unlink()
    shutil.rmtree(tmp_path / "ltdd-cache", ignore_errors=True)
    assert carried_out() == (1, [[12, 3], [11, 3]])
    (known,) = campaign.records_by_name(made()).values()
    assert campaign.campaign_status(runs, {runs[0].name: known})[0].state == "done"
