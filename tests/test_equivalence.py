"""Two one-sided tests over pairs, and the page that shows them."""

import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from ltdd_utils.analysis.equivalence import equivalence
from ltdd_utils.report.speed import costs_table, precision_tables, speed_tables

BENCHMARKS = Path(__file__).parents[1] / "results" / "benchmarks"


def pairs(*differences: float, what: str = "students") -> pd.DataFrame:
    rows = [{"what": what, "fp32": 50.0 + 3 * n, "bf16": 50.0 + 3 * n + value} for n, value in enumerate(differences)]
    return pd.DataFrame(rows)


def test_the_interval_is_student_s_at_ninety_percent():
    """With three pairs -1, 0, 1 the standard error is 1 / sqrt(3), and the 95 % quantile of two degrees 2.919986."""
    found = equivalence(pairs(-1.0, 0.0, 1.0)).iloc[0]
    assert found["difference"] == pytest.approx(0.0)
    assert found["high"] == pytest.approx(-found["low"]) == pytest.approx(2.9199856 / math.sqrt(3))


@pytest.mark.parametrize(
    ("differences", "margin", "within"),
    [
        ((0.1, -0.1, 0.1, -0.1), 1.0, True),
        ((0.1, -0.1, 0.1, -0.1), 0.1, False),
        ((1.5, 1.5001, 1.4999), 1.0, False),  # precise, and too far
        ((3.0, -3.0, 0.0), 1.0, False),  # none on average, and not known
        ((0.0,), 1.0, False),  # one pair has no interval
    ],
)
def test_equivalent_is_what_lies_within_the_margin_with_its_interval(differences, margin, within):
    found = equivalence(pairs(*differences), margin).iloc[0]
    assert found["equivalent"] == within
    assert within == (-margin < found["low"] <= found["high"] < margin)


def test_what_both_share_does_not_count_and_the_order_of_comparisons_stays():
    together = pd.concat([pairs(0.2, 0.1, what="b"), pairs(-0.3, -0.4, 0.1, what="a")])
    found = equivalence(together)
    assert list(found["what"]) == ["b", "a"] and list(found["pairs"]) == [2, 3]
    moved = equivalence(together.assign(fp32=together["fp32"] + 10, bf16=together["bf16"] + 10))
    pd.testing.assert_frame_equal(found[["low", "high"]], moved[["low", "high"]])


def test_the_page_has_every_comparison_that_was_measured():
    text, rows = precision_tables(BENCHMARKS), pd.read_csv(BENCHMARKS / "equivalence.csv")
    for what, mine in rows.groupby("what"):
        assert f"| {what} | {len(mine)} |" in text


def test_one_pair_has_no_interval_on_the_page(tmp_path: Path):
    shutil.copytree(BENCHMARKS, tmp_path / "b")
    rows = pd.read_csv(tmp_path / "b" / "equivalence.csv").head(1)
    rows.to_csv(tmp_path / "b" / "equivalence.csv", index=False)
    lines = precision_tables(tmp_path / "b").splitlines()
    line = next(line for line in lines if line.startswith(f"| {rows['what'][0]} |"))
    assert "one pair has none" in line and "inf" not in line and "nan" not in line


def test_a_missing_table_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"commands\.csv"):
        speed_tables(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"equivalence\.csv"):
        precision_tables(tmp_path)


def test_the_page_has_every_command_and_every_way_that_was_measured():
    text = speed_tables(BENCHMARKS)
    commands = pd.read_csv(BENCHMARKS / "commands.csv", keep_default_na=False)
    jobs = pd.read_csv(BENCHMARKS / "jobs.csv")
    for what, mine in commands.groupby("what"):
        hurry = mine[mine["way"] == "in a hurry"].iloc[0]
        line = next(line for line in text.splitlines() if line.startswith(f"| {what} |"))
        assert f"| {hurry['seconds']:.0f} | {hurry['ratio']:.2f}" in line and f"`{hurry['words']}`" in text
        assert f"| {mine.set_index('way')['seconds']['commit']:.0f} |" in line
    for way, ratio in zip(jobs["way"], jobs["ratio"], strict=True):
        assert any(f"| {way} |" in line and f"| {ratio:.2f} |" in line for line in text.splitlines())


def test_longer_students_are_carried_on_by_their_further_epochs(tmp_path: Path):
    """From 10 to 20 epochs 30 s become 50 s, and 20 s become 25 s: at 1000 epochs 2010 s and 515 s."""
    shutil.copytree(BENCHMARKS, tmp_path / "b")
    rows = pd.read_csv(tmp_path / "b" / "commands.csv", keep_default_na=False)
    seconds = {("students", "commit"): 30.0, ("students", "in a hurry"): 20.0}
    seconds |= {("longer-students", "commit"): 50.0, ("longer-students", "in a hurry"): 25.0}
    for (work, way), value in seconds.items():
        rows.loc[(rows["work"] == work) & (rows["way"] == way), "seconds"] = value
    for work, epochs in (("students", 10), ("longer-students", 20)):
        rows.loc[rows["work"] == work, "what"] = f"students of {work}, {epochs} epochs"
    rows.to_csv(tmp_path / "b" / "commands.csv", index=False)
    text = speed_tables(tmp_path / "b")
    assert "From 10 to 20 epochs *before* takes 20 s more and *in a hurry* 5 s more: 0.25 of it" in text
    assert f"that would be {515 / 2010:.2f} of the whole command" in text


def test_a_run_takes_what_records_of_the_most_common_machine_say(tmp_path: Path):
    """Its students take 10, 12 and 20 seconds: five of the median take 60. Another machine does not count."""
    content = json.loads(next((BENCHMARKS.parent / "random_digits").glob("9a2073c18379-s0.json")).read_text())
    paths, each = [], len(content["students"])
    for number, seconds in enumerate((10, 12, 20, 1000, 1000)):
        content["cost"]["device"] = "usual" if number < 3 else "unusual"
        content["cost"]["seconds"] = {"preprocess": 100, "selection": 200, "students": seconds * each}
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(content))
    text = costs_table(paths)
    assert "| random real images, digits | 5 min | 60 s | 6 min |" in text and text.startswith("On usual, ")
    assert "| random real images, digits | unknown | unknown | unknown |" in costs_table([])
