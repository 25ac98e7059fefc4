"""A claim of a paper beside our runs: the two differences, and the verdict."""

import math

import pandas as pd
import pytest

from ltdd_utils.analysis import Board, Claim, Entry, Scores, claims, published_score
from ltdd_utils.evaluation import STORED
from ltdd_utils.presets import Cell
from ltdd_utils.records import TARGET_COLUMNS

ROWS = [
    ("p", "cifar10", 100, 10, "a", "convnet-d3", 50.0),
    ("p", "cifar10", 100, 10, "a", "convnet-d3", 50.0),  # printed in two tables
    ("p", "cifar10", 100, 10, "a", "vgg11", 30.0),  # a cross-architecture table
    ("p", "cifar10", 100, 10, "b", "convnet-d3", 40.0),
    ("p", "cifar10", 100, 50, "a", "convnet-d3", 60.0),
    ("p", "cifar10", 100, 50, "b", "convnet-d3", 65.0),
    ("p", "cifar10", 100, None, "full", "convnet-d3", 70.0),
    ("q", "cifar10", 100, 10, "b", "unknown", 55.0),
    ("r", "cifar10", 100, 10, "a", "convnet-d3", 1.0),
    ("r", "cifar10", 100, 10, "a", "convnet-d3", 2.0),
]
CELL = ("cifar10", 100, 10)
A, B, C = (("a", STORED), ("b", STORED), ("c", STORED))


@pytest.fixture
def published():
    columns = ("paper", "dataset", "imbalance_factor", "ipc", "method", "network", "mean")
    frame = pd.DataFrame(ROWS, columns=columns).assign(metric="accuracy", table="", protocol="", unit="percent")
    return frame.reindex(columns=list(TARGET_COLUMNS)).astype({"ipc": "Int64"})


def verdict(published, claim, **scores):
    found = (Entry(name, STORED, {}, (), Scores(values)) for name, values in scores.items())
    board = Board(Cell("cifar10", "cpu", 100, 10), "convnet", tuple(found))
    return claims([claim], board, published).iloc[0]


def test_a_published_score_is_that_of_the_usual_network_whatever_the_tables(published):
    assert published_score(published, "p", "a", CELL) == 50
    assert published_score(published, "q", "b", CELL) == 55
    assert published_score(published, "p", "full", CELL) == 70  # the whole set has no IPC
    assert math.isnan(published_score(published, "p", "c", CELL))
    with pytest.raises(ValueError, match=r"r prints 1.0 and 2.0 for a on cifar10, IPC 10"):
        published_score(published, "r", "a", CELL)


def test_both_differences_are_in_points(published):
    row = verdict(published, Claim("a above b", "p", A, B), a=[0.44, 0.46], b=[0.30, 0.32])
    assert row[["published", "ours"]].tolist() == pytest.approx([10, 14])
    assert row["verdict"] == "as published" and row["n"] == "2, 2" and row["paper"] == "p"


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0.50, 0.51], [0.30, 0.31], "as published"),
        ([0.30, 0.31], [0.50, 0.51], "the other way round"),
        ([0.20, 0.60], [0.30, 0.31], "not resolved"),
        ([0.60], [0.30, 0.31], "not resolved"),
        ([], [0.30], "not run"),
    ],
)
def test_a_verdict_needs_a_resolved_difference(published, a, b, expected):
    assert verdict(published, Claim("a above b", "p", A, B), a=a, b=b)["verdict"] == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0.40, 0.41, 0.43], [0.30, 0.31, 0.33], "in our interval"),  # 10 points, as printed
        ([0.50, 0.51, 0.53], [0.30, 0.31, 0.33], "printed smaller"),
        ([0.35, 0.36, 0.38], [0.30, 0.31, 0.33], "printed larger"),
        ([0.20, 0.40, 0.60], [0.30, 0.31, 0.33], "in our interval"),  # also of what is not resolved
        ([0.40], [0.30], ""),  # nobody to take a spread from
        ([], [0.30], ""),
    ],
)
def test_the_size_is_a_verdict_of_its_own(published, a, b, expected):
    """Three pipelines each with deviation 0.0153: resolved from 2.776 * 0.0153 * sqrt(2 / 3) = 3.5 points."""
    row = verdict(published, Claim("a above b", "p", A, B), a=a, b=b)
    assert row["size"] == expected
    if expected == "in our interval":
        assert abs(row["published"] - row["ours"]) <= row["needed"]


def test_the_size_of_a_claim_that_was_not_printed_for_our_cell_is_not_judged(published):
    there = Claim("a above b", "p", A, B, printed=("cifar10", 100, 50))
    assert verdict(published, there, a=[0.50, 0.51], b=[0.30, 0.31])["size"] == "another cell"
    here = Claim("a above b", "p", A, B, printed=CELL)
    assert verdict(published, here, a=[0.50, 0.51], b=[0.30, 0.31])["size"] == "printed smaller"
    assert verdict(published, Claim("a above c", "p", A, C), a=[0.50, 0.51], c=[0.30, 0.31])["size"] == ""


def test_a_difference_that_is_printed_elsewhere_is_looked_up_there(published):
    there = Claim("a above b", "p", A, B, printed=("cifar10", 100, 50))
    row = verdict(published, there, a=[0.50, 0.51], b=[0.30, 0.31])
    assert row["published"] == pytest.approx(-5) and row["verdict"] == "the other way round"
    row = verdict(published, Claim("a above b", "p", A, B, against="q"), a=[0.50, 0.51], b=[0.30, 0.31])
    assert row["published"] == pytest.approx(-5) and row["paper"] == "p"


def test_nothing_is_as_published_that_was_not_printed(published):
    row = verdict(published, Claim("a above c", "p", A, C), a=[0.50, 0.51], c=[0.30, 0.31])
    assert math.isnan(row["published"]) and row["verdict"] == "resolved"
