"""Tables: a golden one with hand-checked numbers, what n counts, and which record may stand beside which number."""

import json

import pandas as pd
import pytest
from toy_records import four_records, record

from ltdd_utils.analysis import compact, compare, facts, formatted, json_rows, markdown, missing, pipelines, pool
from ltdd_utils.records import TARGET_COLUMNS, load, save_record, targets

RECIPES = {"random_cifar10", "kcenter_cifar10", "graphcut_cifar10", "datm_cifar10", "rded_cifar10"}
PUBLISHED = """\
{columns}
p,Table 1,cifar10,100,10,random,convnet-d3,dsa-stored,accuracy,percent,34.4,2.0,s,
p,Table 1,cifar10,100,10,kcenter,convnet-d3,dsa-stored,accuracy,percent,16.2,0.5,s,
p,Table 1,cifar10,100,10,graphcut,convnet-d3,dsa-stored,accuracy,percent,22.9,0.9,s,
p,Table 1,cifar10,100,20,graphcut,convnet-d3,dsa-stored,accuracy,percent,26.0,0.5,s,
p,Table 1,cifar10,200,10,datm,convnet-d3,dsa-stored,accuracy,percent,,,s,published N/A: distillation failed
p,Table 1,cifar10,100,10,idm,convnet-d3,unknown,accuracy,percent,49.8,0.6,s,
p,Table 1,cifar10,100,10,rded,convnet-d3,online-teacher,accuracy,percent,41.2,0.3,s,
p,Table 7,cifar10,100,10,datm,vgg11,dsa-stored,accuracy,percent,34.4,,s,
p,Table 7,cifar10,100,10,damed,vgg11,dsa-stored,accuracy,percent,29.7,,s,
p,Table 9,cifar10,100,10,random,convnet-d3,dsa-stored,seconds_experts,seconds,31388,,s,
p,Table 10,tiny,,10,damed,convnet-d4,dsa-stored,peak_gib,GB,24.0,,s,lower bound: published as >24.0
"""
GOLDEN = """\
| IF | IPC | method | paper | ours | difference | inside | n | students | visible from | scale | cost (s) | command |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| 100 | 10 | random | 34.4 ± 2.0 | 34.0 ± 4.2 | -0.4 | yes | 5 | 5 | 6.1 | paper | 30 | \
`ltdd run random_cifar10 --imbalance-factor 100 --ipc 10 --scale paper --seed 0 --students 5` |
| 100 | 10 | kcenter | 16.2 ± 0.5 | 17.5 ± 3.5 | +1.3 | yes | 2 | 4* | 15.2 | paper | 30 | \
`ltdd run kcenter_cifar10 --imbalance-factor 100 --ipc 10 --scale paper --seed 0 --students 2` |
| 100 | 10 | graphcut | 22.9 ± 0.9 | 25.0 | +2.1 |  | 1 | 1* | 1 pipeline | cpu | 30 | \
`ltdd run graphcut_cifar10 --imbalance-factor 100 --ipc 10 --scale cpu --seed 0 --students 1` |
| 100 | 20 | graphcut | 26.0 ± 0.5 | not run |  |  |  |  |  |  |  | \
`ltdd run graphcut_cifar10 --imbalance-factor 100 --ipc 20 --scale paper` |
| 200 | 10 | datm | N/A | not run |  |  |  |  |  |  |  | \
`ltdd run datm_cifar10 --imbalance-factor 200 --ipc 10 --scale paper` |
| 100 | 10 | idm | 49.8 ± 0.6 | published only |  |  |  |  |  |  |  |  |
| 100 | 10 | rded | 41.2 ± 0.3 | not run |  |  |  |  |  |  |  | \
`ltdd run rded_cifar10 --imbalance-factor 100 --ipc 10 --protocol online-teacher --scale paper` |
| 100 | 10 | datm | 34.4 | not run |  |  |  |  |  |  |  | \
`ltdd run datm_cifar10 --imbalance-factor 100 --ipc 10 --scale paper --network vgg11` |
| 100 | 10 | damed | 29.7 | published only |  |  |  |  |  |  |  |  |
| 100 | 10 | random | 31388 | published only |  |  |  |  |  |  |  |  |
|  | 10 | damed | >24 | published only |  |  |  |  |  |  |  |  |"""


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "targets.csv"
    path.write_text(PUBLISHED.format(columns=",".join(TARGET_COLUMNS)))
    return targets(path)


def saved(folder, *records):
    for one in records:
        save_record(folder / "records", one)
    return load(folder / "records")


def test_golden_table(tmp_path, published):
    """Random: 30 35 30 35 40 % on 5 draws. K-Center: sets of 15 and 20 %, std sqrt(2 * 2.5^2). Graph-Cut: one 25 %."""
    table = compare(saved(tmp_path, *four_records()), published, RECIPES)
    shown = formatted(table).drop(columns=["data set", "network", "protocol", "measure", "note"])
    assert markdown(shown) == GOLDEN
    assert list(formatted(table)["measure"].unique()) == ["accuracy", "seconds_experts (seconds)", "peak_gib (GB)"]


def test_numbers_behind_the_golden_table(tmp_path, published):
    table = compare(saved(tmp_path, *four_records()), published, RECIPES, everything=False).set_index("method")
    assert table.loc["random", "ours"] == pytest.approx(34)
    assert table.loc["random", "ours_std"] == pytest.approx(100 * (0.0070 / 4) ** 0.5)
    assert table.loc["kcenter", "ours_std"] == pytest.approx(100 * 0.05 / 2**0.5)
    assert table.loc["kcenter", "difference"] == pytest.approx(1.3)
    assert pd.isna(table.loc["graphcut", "ours_std"])
    assert list(table["students"]) == [5, 4, 1]


@pytest.mark.parametrize(("printed", "inside"), [(34.0, True), (39.1, True), (39.3, False), (28.7, False)])
def test_a_published_number_is_inside_the_interval_of_the_mean_or_not(tmp_path, published, printed, inside):
    """Five draws of 34 % with deviation 4.18: the interval is 2.776 * 4.18 / sqrt(5) = 5.19 on either side."""
    row = compare(saved(tmp_path, *four_records()), published.assign(mean=printed), RECIPES, everything=False)
    row = row.set_index("method")["inside"]
    assert row["random"] is inside
    assert row["graphcut"] is None  # a single pipeline has no interval


def test_without_records_nothing_is_run(published, tmp_path):
    table = compare(load(tmp_path / "nothing"), published, RECIPES)
    assert set(table["status"]) == {"not run", "published only"}
    assert len(table) == len(published)
    assert table["ours"].isna().all()
    assert compare(load(tmp_path / "nothing"), published, RECIPES, everything=False).empty
    assert set(compare(load(tmp_path / "nothing"), published, RECIPES, dataset="tiny")["dataset"]) == {"tiny"}


def test_students_of_one_set_are_averaged_before_sets_are(tmp_path):
    """Nine students of one set do not outvote the single student of another: (10 % + 30 %) / 2."""
    records = saved(tmp_path, record([(1, 1)] * 9, seed=0), record([(3, 3)], seed=1))
    assert pipelines(records.record) == pytest.approx([0.1, 0.3])
    row = pool(records).iloc[0]
    assert row["mean"] == pytest.approx(0.2)
    assert row["std"] == pytest.approx(0.2 / 2**0.5)
    assert (row["students"], row["pipelines"], row["seeds"]) == (10, 2, [0, 1])


def test_two_seeds_on_one_and_the_same_set_are_two_pipelines(tmp_path):
    """Two seeds may choose the same images; their experts and students were still made independently."""
    records = saved(tmp_path, *(record([(n, n)] * 2, seed=n, sets=["same", "same"]) for n in (1, 3)))
    assert pipelines(records.record) == pytest.approx([0.1, 0.3])


def test_each_student_of_the_whole_set_is_a_repeat_of_its_own(tmp_path):
    records = saved(tmp_path, *(record([(1, 1), (3, 3)], method="full", ipc=None, seed=seed) for seed in (0, 1)))
    assert pipelines(records.record) == pytest.approx([0.1, 0.3] * 2)
    row = pool(records).iloc[0]
    assert (row["pipelines"], row["students"]) == (4, 4)
    assert row["std"] == pytest.approx((4 * 0.1**2 / 3) ** 0.5)


def test_students_that_share_a_teacher_are_one_pipeline_whatever_their_sets(tmp_path):
    rows = [record([(1, 1), (3, 3)], protocol="online-teacher/plain", seed=seed, sets=["a", "b"]) for seed in (0, 1)]
    assert pipelines(saved(tmp_path, *rows).record) == pytest.approx([0.2, 0.2])


def test_one_set_has_only_the_spread_of_its_students(tmp_path):
    row = pool(saved(tmp_path, record([(1, 1), (3, 3)]))).iloc[0]
    assert (row["pipelines"], row["students"]) == (1, 2)
    assert row["std"] == pytest.approx(0.2 / 2**0.5)


def test_another_protocol_is_named_and_never_compared(tmp_path, published):
    records = saved(tmp_path, record(protocol="online-stored/plain"))
    row = compare(records, published, RECIPES).iloc[0]
    assert row["status"] == "not run"
    assert row["note"] == "there is a run under online-stored/plain"


def test_every_teacher_of_a_protocol_matches_a_paper_that_names_none(tmp_path, published):
    teachers = [record(method="rded", protocol=f"online-{name}", config_id=name.replace("/", "-")) for name in
                ("teacher/plain", "teacher/debiased", "teachers", "stored/plain")]  # fmt: skip
    table = compare(saved(tmp_path, *teachers), published, RECIPES, everything=False)
    assert sorted(table["our_protocol"]) == ["online-teacher/debiased", "online-teacher/plain"]
    assert sorted(table["note"]) == [f"our teacher is {name}, theirs is not named" for name in ("debiased", "plain")]


@pytest.mark.parametrize("change", [{"imbalance_factor": 50}, {"ipc": 50}, {"dataset": "cifar100"}, {"method": "x"}])
def test_a_record_matches_on_every_key(tmp_path, published, change):
    assert compare(saved(tmp_path, record(**change)), published, RECIPES, everything=False).empty


def test_a_run_with_changed_settings_is_never_compared(tmp_path, published):
    records = saved(tmp_path, {**record(), "target": None})
    assert compare(records, published, RECIPES, everything=False).empty
    assert pool(records)["mean"].item() == pytest.approx(0.325)


def test_missing_lists_each_command_once(tmp_path, published):
    doubled = pd.concat([published, published])  # two papers print the same cell
    rows = missing(saved(tmp_path, *four_records()), RECIPES, published=doubled)
    assert [(row["method"], row["imbalance_factor"], row["ipc"]) for row in rows] == [
        ("graphcut", 100, 10),
        ("graphcut", 100, 20),
        ("datm", 200, 10),
        ("rded", 100, 10),
        ("datm", 100, 10),
    ]
    assert [row["note"] for row in rows] == ["a run at scale cpu exists", "", "", "", ""]
    assert json.loads(json.dumps(rows)) == rows


def test_missing_at_another_scale(tmp_path, published):
    rows = missing(saved(tmp_path, *four_records()), RECIPES, published=published, scale="cpu")
    assert [(row["method"], row["note"]) for row in rows[:2]] == [
        ("random", "a run at scale paper exists"),
        ("kcenter", "a run at scale paper exists"),
    ]
    assert all(row["command"].endswith(("--scale cpu", "--scale cpu --network vgg11")) for row in rows)
    assert ("graphcut", 10) not in {(row["method"], row["ipc"]) for row in rows}


def test_a_run_of_code_that_no_commit_holds_is_shown_and_still_missing(tmp_path, published):
    save_record(tmp_path / "records", record(dirty=True))
    records = load(tmp_path / "records", allow_dirty=True)
    assert compare(records, published, RECIPES).iloc[0]["note"] == "ours is from uncommitted code"
    assert missing(records, RECIPES, published=published)[0]["note"] == "a run exists, from uncommitted code"
    records["committed"] = False
    note = compare(records, published, RECIPES).iloc[0]["note"]
    assert note == "ours is from uncommitted code; our record is not committed"


def test_a_method_that_no_paper_prints_is_missing_in_one_cell(tmp_path, published):
    found = {"herding_cifar10", "full_logit_adjusted_cifar10", "herding_cifar100"}
    rows = missing(load(tmp_path / "nothing"), found, published=published)
    assert [row["command"] for row in rows] == [
        "ltdd run full_logit_adjusted_cifar10 --imbalance-factor 100 --scale paper",
        "ltdd run herding_cifar10 --imbalance-factor 100 --ipc 10 --scale paper",
    ]
    assert not missing(saved(tmp_path, record(method="herding")), {"herding_cifar10"}, published=published)


@pytest.mark.parametrize(("method", "teacher"), [("unilevel", "debiased"), ("unilevel_no_debiasing", "plain")])
def test_the_unilevel_method_has_the_teacher_of_its_paper(tmp_path, published, method, teacher):
    theirs = published[published["method"] == "rded"].assign(method=method)
    runs = [record(method=method, protocol=f"online-teacher/{name}", config_id=name) for name in ("plain", "debiased")]
    table = compare(saved(tmp_path, *runs), theirs)
    assert list(table["our_protocol"]) == [f"online-teacher/{teacher}"]
    assert list(table["note"]) == [""]


def test_compact_says_once_what_all_rows_share(tmp_path, published):
    said, table = compact(formatted(compare(saved(tmp_path, *four_records()), published, RECIPES, everything=False)))
    assert (
        said == "All rows: data set cifar10; IF 100; IPC 10; network convnet-d3; protocol dsa-stored; measure accuracy."
    )
    kept = [
        "method",
        "paper",
        "ours",
        "difference",
        "inside",
        "n",
        "students",
        "visible from",
        "scale",
        "cost (s)",
        "command",
    ]
    assert list(table) == kept


def test_plain_fits_into_json(tmp_path, published):
    table = compare(saved(tmp_path, *four_records()), published, RECIPES)
    rows = json.loads(json.dumps(json_rows(table), allow_nan=False))
    assert len(rows) == len(table)
    assert rows[3]["ours"] is None
    assert rows[0]["students"] == 5


def test_facts_of_a_recipe(tmp_path):
    one = record([(3, 3)])
    records = saved(tmp_path, one)
    known = facts(one["target"], one["config_id"], records)
    assert {(row["paper"], row["mean"]) for row in known["published_percent"]} >= {("zhao2025ltdd", 34.4)}
    assert [(run["seed"], run["overall"], run["students"]) for run in known["runs"]] == [(0, 0.3, 1)]
    assert facts(one["target"], "another", records)["runs"] == []
    assert facts(None, one["config_id"], records)["published_percent"] == []
    json.dumps(known, allow_nan=False)


@pytest.mark.parametrize("network", ["resnet32", "mine"])  # of this package, or of a plugin that is not here
def test_the_command_of_a_run_names_its_students(network, tmp_path, published):
    one = record(method="kcenter")
    one["target"]["network"] = network
    cell = published[published["method"] == "kcenter"].assign(network=network)
    (row,) = json_rows(compare(saved(tmp_path, one), cell))
    assert f"--network {network}" in row["command"]
