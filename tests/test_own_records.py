"""Records of the user's own data and of changed settings: none replaces another one, and each says what it is of."""

import json
import shutil

import pandas as pd
import pytest
from toy_photos import grey_photos
from toy_recipes import small_coreset
from toy_records import evaluation, record
from toy_sets import CPU, context

from ltdd_utils import campaign, recipes, records
from ltdd_utils.analysis import beside, compare, pool
from ltdd_utils.cli import engine, main
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.store import Store
from ltdd_utils.records import (
    all_records,
    evaluation_path,
    evaluations_in,
    load,
    load_evaluations,
    load_record,
    membership,
    record_path,
    refuse_fewer_students,
    save_evaluation,
    save_record,
    targets,
)
from ltdd_utils.records.evaluations import refuse_fewer_judges
from ltdd_utils.runs import run

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
    return grey_photos(tmp_path / "photos", 16)


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
    where = RunContext(Store(tmp_path / "work", wait=False), CPU, results=tmp_path / "results", data=tmp_path)

    def carried_out():
        said.clear()
        assert campaign.run_campaign(runs, where, said.append) == []
        return len(said) // 2, [record.provenance.class_counts for record in map(load_record, made())]

    def made():
        return sorted(all_records(where.results), key=lambda path: path.stat().st_mtime_ns)

    assert carried_out() == (1, [[12, 3]])
    assert carried_out() == (0, [[12, 3]])
    (photos / "train" / "a" / "0.png").unlink()
    shutil.rmtree(tmp_path / "ltdd-cache", ignore_errors=True)
    assert carried_out() == (1, [[12, 3], [11, 3]])


def changed(photos):
    next((photos / "train" / "a").glob("*.png")).unlink()


def test_all_commands_agree_on_what_is_done(tmp_path, photos, capsys, monkeypatch):
    """Of a user's own data a run is done if there is a record of the images as they are now."""
    (tmp_path / "plan.toml").write_text(PLAN)
    monkeypatch.setattr(engine, "_program", lambda: "false")  # fails if it is called
    places = {name: str(tmp_path / name) for name in ("work", "results")} | {"data": str(tmp_path)}
    (tmp_path / "results").mkdir()

    def ltdd(*words):
        options = [part for name, place in places.items() for part in (f"--{name}", place)]
        assert main([*words, "--plan", str(tmp_path / "plan.toml"), *options, "--device", "cpu"]) == 0
        return capsys.readouterr().out

    def told():
        (status,) = json.loads(ltdd("campaign", "status", "--json"))
        stages = json.loads(ltdd("stages", "--json"))
        said = [ltdd("campaign", "run", "--dry-run"), ltdd("campaign", "export", str(tmp_path / "cluster"))]
        return {status["state"] == "done", all(one["there"] for one in stages), *("nothing is" in one for one in said)}

    for _ in range(2):
        assert told() == {False}
        ltdd("campaign", "run", "--quiet")
        assert told() == {True}
        ltdd("campaign", "run", "--engine", "snakemake")
        changed(photos)
    assert told() == {False} and len(all_records(tmp_path / "results")) == 2
    assert json.loads(ltdd("campaign", "--json"))[0]["seconds"] > 0  # no stage of the images before is of use
    places["data"] = str(tmp_path / "elsewhere")  # as on another machine
    assert "cannot be read here and may have changed: 1" in ltdd("campaign")
    assert "cannot be read here and may have changed: 1" in ltdd("campaign", "run", "--dry-run")
    assert {one["there"] for one in json.loads(ltdd("stages", "--json"))} == {None}


def test_the_record_of_a_list_without_its_hash_is_found(tmp_path):
    (tmp_path / "mine.txt").write_text("\n".join(map(str, range(200))))
    listed = {"data.profile": "list", "data.list_file": "mine.txt", "evaluate.train.epochs": "1"}
    recipe = recipes.with_overrides(small_coreset("random"), listed)
    one = campaign.PlannedRun("", recipe, 0, 1, "ltdd run")
    done = campaign.Done([tmp_path / "results"], tmp_path)
    assert not done(one)
    run(recipe, 0, 1, context(tmp_path, data=tmp_path))
    assert done(one)
    (tmp_path / "mine.txt").write_text("\n".join(map(str, range(1, 201))))
    assert not campaign.Done([tmp_path / "results"], tmp_path)(one)
    (tmp_path / "mine.txt").unlink()
    assert campaign.Done([tmp_path / "results"], tmp_path).find(one) == campaign.Found(None, sure=False)


@pytest.mark.parametrize("command", ["run", "campaign", "evaluate"])
def test_a_dry_run_on_own_data_writes_nothing(command, tmp_path, photos, capsys):
    def files():
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}

    changes = ["data.name=folder:photos", "data.profile=natural", "evaluate.train.epochs=1", "evaluate.network.width=8"]
    sets = [part for change in changes for part in ("--set", change)]
    (tmp_path / "plan.toml").write_text(PLAN)
    made = tmp_path / "set.safetensors"
    words = {
        "run": ["run", "random_digits", "--ipc", "2", "--students", "1", *sets],
        "campaign": ["campaign", "run", "--plan", str(tmp_path / "plan.toml")],
        "evaluate": ["evaluate", str(made), "--students", "1", "--set", "train.epochs=2"],
    }
    places = [("--results", tmp_path / "results"), ("--data", tmp_path), ("--work", tmp_path / "work")]
    here = [*(str(part) for place in places for part in place), "--device", "cpu", "--quiet"]
    save = ["--save-set", str(made)] if command == "evaluate" else []
    assert main([*words["campaign" if command == "campaign" else "run"], *here, *save]) == 0
    shutil.rmtree(tmp_path / "ltdd-cache")
    before = files()
    assert main([*words[command], *here, "--dry-run"]) == 0 and files() == before
    assert main([*words[command], *here]) == 0 and (tmp_path / "ltdd-cache").is_dir()
    capsys.readouterr()


# --- Scored sets ------------------------------------------------------------------------------------------------------


def judged(scores=((4, 2), (4, 3)), sha="a" * 64, name="theirs.npz", **about):
    """The evaluation of a set on a natural folder, as ``ltdd score --set data.name=folder:photos`` writes it."""
    content = evaluation(name, scores, **about)
    content["config"]["data"] |= {"name": "folder:photos", "profile": "natural"}
    content["provenance"]["data_sha256"] = sha
    return content


def test_an_evaluation_on_a_changed_folder_of_the_same_name_is_a_record_of_its_own(tmp_path):
    first, second = save_evaluation(tmp_path, judged()), save_evaluation(tmp_path, judged([(5, 5)], sha="b" * 64))
    assert [path.stem.rpartition("-d")[2] for path in (first, second)] == ["a" * 8, "b" * 8]
    assert sorted(load_evaluations(tmp_path)["overall"]) == pytest.approx([0.325, 0.5])
    assert save_evaluation(tmp_path, judged([(6, 6), (6, 6)])) == first
    assert "-d" not in evaluation_path(tmp_path, evaluation("theirs.npz", [(4, 4)])).name
    refuse_fewer_judges(tmp_path, judged(sha="c" * 64), 1)
    with pytest.raises(ValueError, match=r"students is 1, but .* has 2"):
        refuse_fewer_judges(tmp_path, judged(), 1)
    assert len({one.file_name for one in evaluations_in([tmp_path])}) == 2


def test_an_evaluation_of_own_data_from_before_is_replaced_on_the_same_images_alone(tmp_path):
    now = save_evaluation(tmp_path, judged())
    earlier = now.rename(now.with_name(f"{now.stem.rpartition('-d')[0]}.json"))
    assert evaluation_path(tmp_path, judged(sha="b" * 64)) != earlier
    assert save_evaluation(tmp_path, judged([(5, 5)])) == earlier
    assert list(load_evaluations(tmp_path)["overall"]) == [0.5]


def test_a_set_is_set_beside_random_images_of_its_own_data_alone(tmp_path):
    """Settings and names of the records are one: the images of the folder changed between them."""
    for sha, score in (("a", 2), ("b", 8)):
        save_record(tmp_path, own([(score, score)], sha=sha * 64))
    for sha, random in (("a", 0.2), ("b", 0.8)):
        known = beside(judged([(9, 9)], sha=sha * 64, method="random", scale="paper"), [tmp_path], "cifar10")
        assert list(known.random) == [pytest.approx(random)] and len(known.sources) == 1
    assert not beside(judged(sha="c" * 64, method="random", scale="paper"), [tmp_path], "cifar10").random


def test_files_of_the_same_pixels_are_one_set_with_all_its_names(tmp_path, capsys, monkeypatch):
    """The record is found by each name, under each judge and seed that any of them was scored under."""
    monkeypatch.setattr(records, "committed", lambda folder: [], raising=False)  # 309 of the book need a second a call
    for name, seed in (("a.npz", 0), ("b.npz", 0), ("a.npz", 1)):
        save_evaluation(tmp_path, judged(name=name, seed=seed))
    save_evaluation(tmp_path, judged([(9, 9)], name="other.npz", set_sha="6" * 64))
    frame = load_evaluations(tmp_path)
    assert sorted(frame["names"]) == [("a.npz",), ("b.npz", "a.npz"), ("other.npz",)]
    save_evaluation(tmp_path, judged(name=None))
    assert ("b.npz", "a.npz") in set(load_evaluations(tmp_path)["names"])
    (first, other) = (evaluations_in([tmp_path])[number] for number in (0, -1))
    for word in ("a.npz", "b.npz", f"a.npz/{first.config_id}", f"b.npz/{first.config_id}"):
        assert main(["compare", "other.npz", word, "--results", str(tmp_path), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["runs"][1]["pipelines"] == 2
        assert main(["records", word.partition("/")[0], "--results", str(tmp_path)]) == 0
        assert "b.npz = a.npz  evaluation" in capsys.readouterr().out
    assert other.names == ("other.npz",)


@pytest.mark.parametrize("command", ["compare", "records"])
def test_the_name_of_a_file_that_nobody_scored_says_how_to_score_it(tmp_path, capsys, monkeypatch, command):
    monkeypatch.setattr(records, "committed", lambda folder: [], raising=False)
    assert main([command, "i16.npz", "--results", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "no scored set i16.npz is here: `ltdd score i16.npz --dataset DATASET" in said and "recipe" not in said
    assert main([command, "theirs", "--results", str(tmp_path)]) == 2
    assert "no scored set has that name either: `ltdd score FILE" in capsys.readouterr().err
