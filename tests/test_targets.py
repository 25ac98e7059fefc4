"""The published numbers: how many there are, where they lie, and some of them read again by hand."""

from collections import Counter
from pathlib import Path

import pytest

from ltdd_utils.records import TARGET_COLUMNS, TARGET_KEYS, targets

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = targets(ROOT / "results" / "targets.csv")
ZHAO, CUI, JIANG = "zhao2025ltdd", "cui2026rethinking", "jiang2025adsa"
IDENTITY = ["paper", "table", *TARGET_KEYS, "metric"]


def cell(paper, table, method, metric="accuracy", **keys):
    rows = PUBLISHED[(PUBLISHED["paper"] == paper) & (PUBLISHED["table"] == table) & (PUBLISHED["method"] == method)]
    rows = rows[rows["metric"] == metric]
    for name, value in keys.items():
        rows = rows[rows[name] == value]
    return rows


def test_rows_per_paper_and_table():
    assert Counter(zip(PUBLISHED["paper"], PUBLISHED["table"], strict=True)) == {
        (ZHAO, "Table 1"): 10 * 12 + 4,  # methods x cells, and the whole set at four IFs
        (ZHAO, "Table 2 (presumed)"): 8 * 9 + 1,  # and the summary's number for one cell
        (ZHAO, "Table 3"): 6 * 4,
        (ZHAO, "Tiny-ImageNet table (number unknown)"): 7 * 4 + 1,
        (ZHAO, "Ablation (number unknown)"): 4 + 4,
        (ZHAO, "Teaser figure"): 4 * 5,
        (ZHAO, "Text"): 5,
        (CUI, "Table 1"): 13 * 9 + 2,  # and the gains over DAMED that a summary prints
        (CUI, "Table 2"): 11 * 9 + 2,
        (CUI, "Table 3"): 10 * 4 + 1,
        (CUI, "Table 4"): 7 * 4 + 2,
        (CUI, "Table 5"): 4 * 4 + 1,
        (CUI, "Table 6"): 7 * 3 + 3,
        (CUI, "Table 7"): 5 * 4,
        (CUI, "Table 8"): 4 * 3,
        (CUI, "Table 9"): 2 * 4,
        (CUI, "Table 10"): 2 * 5,
        (CUI, "Text"): 1,
        (JIANG, "CIFAR-10-LT table (number unknown)"): 6 * 3,
        (JIANG, "ImageNet-LT table (number unknown)"): 2 * 4,
        (JIANG, "other carriers (table number unknown)"): 5 * 2,
    }


def test_values_lie_where_their_unit_allows():
    percent = PUBLISHED[PUBLISHED["unit"] == "percent"]
    assert percent["mean"].dropna().between(0, 100).all()
    assert percent["std"].dropna().between(0, 5).all()
    assert PUBLISHED.loc[PUBLISHED["unit"] == "fraction", "mean"].between(0, 1).all()
    assert (PUBLISHED.loc[PUBLISHED["unit"].isin(["seconds", "GB"]), "mean"] > 0).all()
    assert set(PUBLISHED["unit"]) == {"percent", "points", "fraction", "ratio", "seconds", "GB"}
    assert (PUBLISHED["imbalance_factor"].dropna() >= 1).all()
    assert set(PUBLISHED["dataset"]) == {"cifar10", "cifar100", "tiny", "imagenet", "imagenet-224", "any"}
    assert set(PUBLISHED["protocol"]) == {"dsa-stored", "online-teacher", "unknown"}


def test_a_number_that_was_not_printed_says_why():
    empty = PUBLISHED[PUBLISHED["mean"].isna()]
    assert len(empty) == 2 + 4 + (6 + 4 + 2 + 1 + 2)  # N/A, dashes of paper 1, dashes of paper 2
    assert empty["note"].str.startswith(("published N/A: ", "published -: ")).all()
    assert empty["std"].isna().all()


def test_no_row_twice_and_rows_of_one_cell_are_a_marked_conflict():
    assert not PUBLISHED.duplicated([*IDENTITY, "source"]).any()
    twice = PUBLISHED[PUBLISHED.duplicated(IDENTITY, keep=False)]
    assert sorted(twice["mean"]) == [34.8, 40.0]
    assert twice["note"].str.startswith("conflict: ").all()


def test_the_teaser_figure_contradicts_its_own_table():
    table = cell(ZHAO, "Table 1", "mtt", imbalance_factor=10, ipc=50)
    figure = cell(ZHAO, "Teaser figure", "mtt", imbalance_factor=10, ipc=50)
    assert (table["mean"].item(), figure["mean"].item()) == (62.0, 59.5)
    assert all("conflict: " in note for note in [*table["note"], *figure["note"]])


@pytest.mark.parametrize(
    ("row", "mean", "std"),
    [
        (cell(ZHAO, "Table 1", "random", imbalance_factor=100, ipc=10), 34.4, 2.0),
        (cell(ZHAO, "Table 1", "kcenter", imbalance_factor=100, ipc=10), 16.2, 0.5),
        (cell(ZHAO, "Table 1", "graphcut", imbalance_factor=100, ipc=10), 22.9, 0.9),
        (cell(ZHAO, "Table 1", "full", imbalance_factor=200), 62.1, 0.4),
        (cell(ZHAO, "Table 1", "damed", imbalance_factor=200, ipc=50), 62.3, 0.3),
        (cell(ZHAO, "Tiny-ImageNet table (number unknown)", "kcenter", imbalance_factor=20, ipc=20), 9.9, 2.2),
        (cell(ZHAO, "Table 3", "sre2l", imbalance_factor=10, ipc=20), 10.9, 1.0),
        (cell(CUI, "Table 1", "unilevel", imbalance_factor=100, ipc=10), 62.7, 0.1),
        (cell(CUI, "Table 2", "rded", imbalance_factor=20, ipc=10), 32.1, 0.3),
        (cell(CUI, "Table 3", "edc", imbalance_factor=20, ipc=10), 22.1, 0.5),
        (cell(CUI, "Table 5", "unilevel", imbalance_factor=256, ipc=20, network="resnext50"), 48.9, 0.2),
        (cell(CUI, "Table 6", "gvbsm", dataset="tiny", ipc=1), 2.3, 0.1),
        (cell(CUI, "Table 7", "damed", network="vgg11"), 29.7, None),
        (cell(CUI, "Table 8", "unilevel_no_debiasing", ipc=50), 32.8, None),
        (cell(CUI, "Table 9", "damed", "seconds_distillation", dataset="cifar100"), 29328, None),
        (cell(CUI, "Table 10", "damed", "peak_gib", dataset="tiny", ipc=10), 24.0, None),
        (cell(JIANG, "CIFAR-10-LT table (number unknown)", "sre2l_adsa", imbalance_factor=100, ipc=50), 45.3, None),
        (cell(JIANG, "other carriers (table number unknown)", "mtt_soft", ipc=50), 51.4, None),
    ],
)
def test_numbers_read_again_by_hand(row, mean, std):
    assert row["mean"].item() == mean
    assert row["std"].isna().item() if std is None else row["std"].item() == pytest.approx(std)


def test_paper_2_copies_the_baselines_of_paper_1_unchanged():
    pairs = [("Table 1", "Table 1"), ("Table 2 (presumed)", "Table 2"), ("Table 3", "Table 4")]
    pairs.append(("Tiny-ImageNet table (number unknown)", "Table 3"))
    keys, shared = ["dataset", "imbalance_factor", "ipc", "method", "network"], 0
    for first, second in pairs:
        ours = PUBLISHED[(PUBLISHED["paper"] == ZHAO) & (PUBLISHED["table"] == first)]
        ours = ours[~ours["source"].str.startswith("seed0 (Main")]
        copy = PUBLISHED[(PUBLISHED["paper"] == CUI) & (PUBLISHED["table"] == second)]
        both = ours.merge(copy[copy["metric"] == "accuracy"], on=keys, suffixes=("_1", "_2"))
        assert both["mean_1"].equals(both["mean_2"])
        assert both["std_1"].equals(both["std_2"])
        shared += len(both)
    assert shared == 90 + 72 + 24 + 28


def test_published_differences_are_those_of_the_published_means():
    """Gains are printed beside the two means that make them; a slip of the pen in one of the three would show."""
    exact = PUBLISHED[(PUBLISHED["unit"] == "points") & ~PUBLISHED["note"].str.startswith(("approximate", "printed"))]
    checked = 0
    for row in exact.to_dict("records"):
        same = PUBLISHED[PUBLISHED["metric"] == "accuracy"]
        for name in ("paper", "dataset", "imbalance_factor", "ipc", "network"):
            same = same[same[name] == row[name]]
        same = same[~same["table"].isin(["Teaser figure", "Table 7"])].drop_duplicates(["method", "mean"])
        means = same.set_index("method")["mean"]
        own, other = means[row["method"]], means[row["metric"].removeprefix("accuracy_minus_")]
        assert own - other == pytest.approx(row["mean"], abs=1e-9)
        checked += 1
    assert checked == 6 + 10


def test_columns_are_strict(tmp_path):
    path = tmp_path / "targets.csv"
    with pytest.raises(FileNotFoundError, match="no published numbers at"):
        targets(path)
    path.write_text(",".join(TARGET_COLUMNS).replace("note", "remark") + "\n")
    with pytest.raises(ValueError, match="'note' is missing or unknown"):
        targets(path)
    values = dict.fromkeys(TARGET_COLUMNS, "x") | {"imbalance_factor": "10", "ipc": "", "std": "", "mean": "N/A"}
    path.write_text(",".join(TARGET_COLUMNS) + "\n" + ",".join(values.values()) + "\n")
    with pytest.raises(ValueError, match=r"column 'mean'.*write a number, or nothing"):
        targets(path)
