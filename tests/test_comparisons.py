"""Runs side by side: one judge, one data set, seeds put together, and the statistics of all other comparisons."""

import csv
import io
import json

import pandas as pd
import pytest
from toy_records import evaluation, record
from toy_runs import loaded, save

from ltdd_utils import analysis, records
from ltdd_utils.cli import main
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.records import (
    committed,
    load_any,
    load_record,
    read,
    results_root,
    save_evaluation,
    save_record,
)

WIDE = {"evaluate.network.width": 128}


def found(folder, *words, across=False, book=(), **wanted):
    mine = list(loaded(folder)["record"])
    runs, said = analysis.find_runs(words, mine, book, analysis.Wanted(**wanted), across)
    return analysis.comparison(runs, [*mine, *book], across), said


@pytest.fixture
def three(tmp_path):
    """DAM + ED and DATM on three shared seeds, random images on five draws of one; a wide student of two of them."""
    for seed, (first, second) in enumerate([((6, 6), (4, 4)), ((7, 6), (5, 4)), ((6, 7), (4, 5))]):
        save(tmp_path, [first, first], seed=seed)
        save(tmp_path, [second], "datm_cifar10", seed=seed)
    draws = [(2, 2), (2, 3), (3, 3), (3, 2), (3, 4)]
    save_record(tmp_path, narrow(draws))
    return tmp_path


def narrow(draws):
    content = record(draws, scale="cpu", config_id="narrow", sets=map(str, range(len(draws)))) | {"target": None}
    content["config"]["evaluate"]["network"]["width"] = 32
    return content


def test_each_run_stands_beside_the_first_with_the_statistics_of_all_comparisons(three):
    table = found(three, "datm_cifar10", "damed_cifar10", "random_cifar10")[0].table
    board = analysis.board("cifar10", records=loaded(three))
    judge = board.default_evaluator("damed")
    assert list(table.index) == ["datm", "damed", "random"]
    for other in ("damed", "random"):
        row = table.loc[other]
        whole = board.contrasts([(other, "datm")], judge).iloc[0]
        assert row["points"] == pytest.approx(whole["points"]) and row["needed"] == pytest.approx(whole["needed"])
        assert (row["n"], row["spread"], row["verdict"]) == (whole["n"], whole["spread"], whole["verdict"])
        assert (row["low"] + row["high"]) / 2 == pytest.approx(row["points"])
    assert (table.loc["damed", "n"], table.loc["random", "n"]) == ("3 pairs", "5, 3")
    assert (table.loc["damed", "pipelines"], table.loc["damed", "students"]) == (3, 6)
    assert table.loc["datm", "verdict"] == "" and pd.isna(table.loc["datm", "points"])


def test_runs_that_lack_repeats_take_the_spread_of_their_peers(three):
    save(three, [(8, 8)], changes={"method.dam.prior": "uniform"})
    path = next(path for path in three.glob("damed*/*") if load_record(path).students[0].overall == 0.8)
    result, _ = found(three, "datm_cifar10", str(path))
    row = result.table.iloc[1]
    assert row.name == "damed (dam.prior=uniform)" and row["spread"] == "of peers" and row["n"] == "1 pair"


def test_a_seed_that_was_not_asked_for_is_no_pair(three):
    """Its file names one run; the other seeds of that setting lend neither their scores nor their number."""
    one = str(next(three.glob("damed_cifar10/*-s1.json")))
    row = found(three, "datm_cifar10", one)[0].table.iloc[1]
    assert (row["pipelines"], row["n"], row["accuracy"]) == (1, "1 pair", pytest.approx(65))


def test_runs_under_several_judges_are_refused_with_the_judge_of_each(three):
    save(three, [(5, 5)], "rded_cifar10", teacher="plain")
    paths = [str(next(three.glob(f"{name}/*-s0.json"))) for name in ("damed_cifar10", "rded_cifar10")]
    with pytest.raises(ValueError, match=r"one judge: damed dsa-stored, rded online-teacher/plain; .*--across"):
        found(three, *paths)
    table = found(three, *paths, across=True)[0].table
    assert list(table["judge"]) == ["dsa-stored", "online-teacher/plain"] and table["points"].iloc[1] == pytest.approx(
        -10
    )
    with pytest.raises(
        ValueError, match=r"no judge has scored all of these .*damed_cifar10: dsa-stored .*rded_cifar10.*--across"
    ):
        found(three, "damed_cifar10", "rded_cifar10")
    names = found(three, "damed_cifar10", "rded_cifar10", across=True)[0].table
    assert list(names["judge"]) == ["dsa-stored", "online-teacher/plain"] and list(names["ipc"]) == [10, 10]


def test_names_that_share_a_judge_keep_it_across_and_others_keep_the_size_of_the_first(three):
    assert set(found(three, "damed_cifar10", "datm_cifar10", across=True)[0].table["judge"]) == {"dsa-stored"}
    for ipc, score in ((10, 5), (50, 7)):
        save(three, [(score, score)], "rded_cifar10", teacher="plain", ipc=ipc)
    save(three, [(8, 8)], ipc=50)
    table = found(three, "damed_cifar10", "rded_cifar10", across=True, ipc=50)[0].table
    assert list(table["ipc"]) == [50, 50] and list(table["accuracy"]) == [80, 70]
    assert list(
        found(three, str(next(three.glob("damed*/*-s0.json"))), "rded_cifar10", across=True)[0].table["ipc"]
    ) == [10, 10]


def test_runs_on_other_data_are_refused_and_never_pairs(tmp_path):
    for sha, imbalance_factor in (("a", 100), ("b", 10)):
        for seed in range(3):
            content = record([(4, seed)], seed=seed, config_id=sha, imbalance_factor=imbalance_factor)
            content["provenance"]["data_sha256"] = sha * 64
            save_record(tmp_path, content)
    words = ["random_cifar10/a", "random_cifar10/b"]
    with pytest.raises(ValueError, match=r"one data: random cifar10, IF 100 \(a{8}\), random cifar10, IF 10 \(b{8}\)"):
        found(tmp_path, *words)
    table = found(tmp_path, *words, across=True)[0].table
    assert list(table.index) == ["random, cifar10, IF 100", "random, cifar10, IF 10"]
    assert table["n"].iloc[1] == "3, 3"


def test_runs_on_the_images_of_another_data_set_have_a_score_and_no_difference(tmp_path, capsys, monkeypatch):
    for name, sha in (("cifar10", "a"), ("cifar100", "b")):
        for seed in range(3):
            content = record([(4, seed)], seed=seed, config_id=sha) | {"target": None}
            content["config"]["data"]["name"] = name
            content["provenance"]["data_sha256"] = sha * 64
            save_record(tmp_path, content)
    result, _ = found(tmp_path, "random_cifar10/a", "random_cifar10/b", across=True)
    row = result.table.iloc[1]
    assert (row["accuracy"], row["verdict"], row["n"], row["spread"]) == (25, "other data", "", "")
    assert row[["points", "needed", "low", "high"]].isna().all()
    assert any("a score alone, no difference" in note for note in result.notes)
    monkeypatch.setattr(records, "committed", lambda folder: [], raising=False)
    words = ["compare", "random_cifar10/a", "random_cifar10/b", "--across", "--results", str(tmp_path)]
    save(tmp_path, [(5, 5)], "rded_cifar10", teacher="plain")  # its judge and scale tell nothing of the other two apart
    labels = list(found(tmp_path, "rded_cifar10", "random_cifar10/a", "random_cifar10/b", across=True)[0].table.index)
    assert labels == ["rded", "random, cifar10, IF 100", "random, cifar100, IF 100"]
    assert main(words) == 0 and "other data" in capsys.readouterr().out
    assert main([*words, "--figure", str(tmp_path / "a.svg")]) == 2
    assert "no difference to draw" in capsys.readouterr().err


def test_unequal_students_and_other_schedules_are_named(tmp_path):
    save(tmp_path, [(6, 6)])
    save(tmp_path, [(4, 4)], "datm_cifar10", changes=WIDE | {"evaluate.train.epochs": 7})
    notes = found(tmp_path, "damed_cifar10", "datm_cifar10")[0].notes
    assert notes[0].startswith(
        "unequal students: convnet-d3 (32) of damed, convnet-d3 (128) of datm (evaluate.train.epochs=7)"
    )
    assert "trained otherwise than those of damed: train.epochs 7 instead of 1000" in notes[1] and len(notes) == 2
    save(tmp_path, [(4, 4)], "datm_cifar10")
    assert found(tmp_path, "damed_cifar10", "datm_cifar10")[0].notes == ()  # equal students are chosen where there are


def test_a_name_means_what_its_words_share(three):
    for name in ("damed_cifar10", "datm_cifar10"):
        save(three, [(9, 9)], name, protocol="online-teacher", teacher="plain")
        save(three, [(1, 1)], name, ipc=50)
    result, said = found(three, "damed_cifar10", "datm_cifar10")
    assert set(result.table["judge"]) == {"dsa-stored"} and list(result.table["ipc"]) == [10, 10]
    assert said == ["also under online-teacher/plain: --protocol and --teacher choose"]
    other, _ = found(three, "damed_cifar10", "datm_cifar10", protocol="online-teacher")
    assert list(other.table["accuracy"]) == [90, 90]
    assert list(found(three, "damed_cifar10", "datm_cifar10", ipc=50)[0].table["accuracy"]) == [10, 10]
    with pytest.raises(ValueError, match="no record of damed_cifar10 is as asked; there is dsa-stored"):
        found(three, "damed_cifar10", "datm_cifar10", ipc=3)


def test_a_name_with_several_changed_settings_must_be_told(tmp_path):
    save(tmp_path, [(4, 4)], "datm_cifar10")
    for prior in ("uniform", "inverted"):
        save(tmp_path, [(5, 5)], changes={"method.dam.prior": prior})
    with pytest.raises(
        ValueError, match=r"damed_cifar10 has records of 2 settings there: damed_cifar10/\w{12} \(damed \(dam"
    ):
        found(tmp_path, "datm_cifar10", "damed_cifar10")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nothing_cifar10",), "unknown recipe 'nothing_cifar10'"),
        (("mtt_cifar10",), "no record of mtt_cifar10 is here; `ltdd run mtt_cifar10` makes one"),
        (("damed_cifar10/abc",), "no record damed_cifar10/abc"),
        (("gone.json",), "no record gone.json"),
        (("damed_cifar10",), "there is damed alone to compare"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(three, words, message):
    with pytest.raises((ValueError, OSError), match=message):
        found(three, *words)


def test_the_books_records_stand_in_for_what_the_reader_has_not_run(tmp_path):
    save(tmp_path / "mine", [(6, 6)])
    save(tmp_path / "book", [(4, 4)], "datm_cifar10")
    save(tmp_path / "book", [(1, 1)])
    result, said = found(
        tmp_path / "mine", "damed_cifar10", "datm_cifar10", book=list(loaded(tmp_path / "book")["record"])
    )
    assert list(result.table["accuracy"]) == [60, 40] and said == ["datm_cifar10: from the book's records"]


def test_own_records_of_one_folder_are_compared_and_a_changed_folder_is_other_data(tmp_path):
    for sha, name, score in (("a", "random", 3), ("a", "kcenter", 5), ("b", "kcenter", 9)):
        content = record([(score, score)], method=name, config_id=name) | {"target": None}
        content["config"]["data"] |= {"name": "folder:photos", "profile": "natural"}
        content["provenance"] |= {"data_sha256": sha * 64, "class_counts": [12, 3]}
        save_record(tmp_path, content)
    result, _ = found(tmp_path, "random_cifar10", "kcenter_cifar10")
    assert list(result.table["accuracy"]) == [30, 50] and set(result.table["data"]) == {
        "folder:photos, 12 to 3 a class"
    }
    assert list(result.classes()["images"]) == [12, 3] and list(result.classes()["kcenter"]) == [50, 50]


def test_the_evaluator_of_a_record_is_that_of_its_recipe():
    for one in read(committed(results_root())):
        assert one.evaluator == Evaluator.of(one.recipe)


def test_the_command_prints_text_markdown_csv_and_json_and_draws(three, capsys, monkeypatch):
    monkeypatch.setattr(records, "committed", lambda folder: [], raising=False)  # 309 of the book need a second a call

    def told(*options):
        assert main(["compare", "datm_cifar10", "damed_cifar10", "--results", str(three), *options]) == 0
        return capsys.readouterr().out

    text = told("--per-class")
    assert text.startswith("dsa-stored; cifar10, IF 100; IPC 10; students convnet-d3 (32)\n")
    assert "damed  " in text and "+20.0" in text and max(map(len, text.splitlines())) <= 120
    assert "| damed | 63.3 ± 2.9 |" in told("--markdown")
    rows = list(csv.DictReader(io.StringIO(told("--csv"))))
    assert [row["run"] for row in rows] == ["datm", "damed"] and float(rows[1]["points"]) == pytest.approx(20)
    answer = json.loads(told("--json", "--per-class"))
    assert answer["first"] == "datm" and len(answer["classes"]) == 2 and len(answer["runs"][1]["records"]) == 3
    told("--figure", str(three / "a.svg"))
    assert "DAM + ED − DATM" in (three / "a.svg").read_text()
    assert main(["compare", "a", "b", "--figure", "a.txt"]) == 2
    assert "--figure a.txt: the name must end in one of" in capsys.readouterr().err


def test_scored_sets_are_listed_and_compared_with_runs_and_counted_nowhere_else(three, capsys, monkeypatch):
    monkeypatch.setattr(records, "committed", lambda folder: [], raising=False)
    before = loaded(three)
    board = analysis.board("cifar10", records=before)
    paths = [save_evaluation(three, evaluation("theirs", [(8, 8), (9, 9)], seed=seed)) for seed in (0, 1)]
    save_evaluation(three, evaluation("other", [(1, 1)], set_sha="6" * 64))
    assert main(["records", "--results", str(three)]) == 0
    assert (
        "theirs  evaluation  cifar10, IF 100, IPC 10, dsa-stored, convnet-d3 (32), seed 1: 85.0 "
        in capsys.readouterr().out
    )
    for word in ("theirs", str(paths[0])):
        assert main(["compare", "damed_cifar10", word, "other", "--results", str(three), "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["runs"]
        assert [(row["run"], round(row["accuracy"])) for row in rows[1:]] == [("theirs", 85), ("other", 10)]
        assert rows[1]["n"] == ("2 pairs" if word == "theirs" else "1 pair")
    assert load_any(paths[0]).name == "theirs" and load_any(next(three.glob("damed*/*"))).name == "damed_cifar10"
    after = loaded(three)
    assert list(after["path"]) == list(before["path"])
    assert [one.scores for one in analysis.board("cifar10", records=after).entries] == [o.scores for o in board.entries]
    with pytest.raises(ValueError, match=r"one judge: theirs dsa-stored, ours online-teacher/plain"):
        ours = save_evaluation(three, evaluation("ours", [(5, 5)], teacher="plain"))
        found(three, str(paths[0]), str(ours))
