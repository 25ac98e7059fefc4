"""Tables of pages: one format per column, differences with their verdict in one cell, nothing wider than a page."""

import html
import math
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from ltdd_utils.analysis import contrasts
from ltdd_utils.evaluation import DEBIASED, STORED
from ltdd_utils.tables import MOST, said, shown
from ltdd_utils.tables.intervals import EDGE, WIDTH, Interval, axis
from ltdd_utils.tables.texts import is_number, number, texts

PAIRS = {
    "damed - random": ([0.50, 0.51, 0.52], [0.40, 0.41, 0.42]),
    "datm - random": ([0.40, 0.42, 0.41], [0.40, 0.41, 0.42]),
    "mtt - random": ([], [0.4]),
    "dc - random": ([0.5], [0.4]),
}


def tree(table) -> ElementTree.Element:
    """The HTML of a table; that it can be read as XML is a test of its own."""
    return ElementTree.fromstring(table._repr_html_().replace("<details>", "<details>"))


def rows(table) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in tree(table).iter("tr")]


def test_a_difference_its_limit_and_its_verdict_are_one_cell():
    found = contrasts(PAIRS)
    table = shown(found, "Each set beside random images")
    head, *body = rows(table)
    assert head == ["minus random real images", "difference, points", "n"]
    cells = {row[0]: row[1] for row in body}
    assert cells["DAM + ED"].startswith("+10.0 ± ") and cells["DAM + ED"].endswith("●")
    assert cells["DATM"].endswith("○") and cells["MTT"] == "not run"
    for name, row in found.iterrows():
        cell = cells[said(name).partition(" − ")[0]]
        assert ("●" in cell) == (row.verdict == "resolved") and ("○" in cell) == (row.verdict == "not resolved")
    assert "spread" not in table._repr_html_() and "not. Two numbers in column n" in table._repr_html_()


def test_two_numbers_of_pipelines_are_explained_and_pairs_need_no_word():
    frame = pd.DataFrame({"points": [1.0], "needed": [0.5], "n": ["3 pairs"], "verdict": ["resolved"]})
    assert "not.</p>" in shown(frame, "x")._repr_html_()
    assert "Two numbers" in shown(frame.assign(n="1, 5"), "x")._repr_html_()


def test_a_folded_table_shows_its_caption_and_opens():
    table = tree(shown(contrasts(PAIRS), "Each beside random images", folded=True))
    (fold,) = table.iter("details")
    summary, *rest = fold
    assert "".join(summary.itertext()) == "Each beside random images"
    assert len(list(fold.iter("table"))) == len(list(table.iter("table"))) == 1 and len(rest) > 1
    assert not list(tree(shown(contrasts(PAIRS), "x")).iter("details"))


def test_a_scale_is_not_taken_for_a_data_set():
    found = pd.DataFrame({"dataset": ["tiny"], "scale": ["tiny"]})
    assert rows(shown(found, "x")) == [["data set", "scale"], ["Tiny-ImageNet-LT", "tiny"]]
    turned = pd.Series({"dataset": "tiny", "scale": "tiny"}, name="value")
    assert rows(shown(turned, "x"))[1:] == [["dataset", "Tiny-ImageNet-LT"], ["scale", "tiny"]]
    level = pd.DataFrame({"runs": [1]}, index=pd.Index(["tiny"], name="scale"))
    assert rows(shown(level, "x"))[1:] == [["tiny", "1"]]


def test_a_verdict_is_read_aloud_as_its_word():
    marks = {mark.get("aria-label"): mark.text for mark in tree(shown(contrasts(PAIRS), "x")).iter("span")}
    assert marks == {"resolved": "●", "not resolved": "○"}


def test_what_is_printed_alike_but_judged_otherwise_gets_a_second_decimal():
    frame = pd.DataFrame({"points": [2.24, -2.16, 5.0], "needed": [2.19, 2.21, 1.0], "verdict": [""] * 3})
    first, second, third = (row[0] for row in rows(shown(frame, "x"))[1:])
    assert first.startswith("+2.24 ± 2.19") and second.startswith("−2.16 ± 2.21") and third.startswith("+5.00")
    frame["needed"] = 1.0
    assert rows(shown(frame, "x"))[1][0].startswith("+2.2 ± 1.0")


def test_differences_stand_under_each_other_at_their_decimal_points():
    frame = pd.DataFrame({"points": [10.0, -2.0, 1.0], "needed": [12.3, 1.0, math.nan], "verdict": [""] * 3})
    behind = [cell.partition(".")[2] for cell in shown(frame, "x").columns[0].cells]
    assert len(set(map(len, behind))) == 1


def many(count: int) -> pd.DataFrame:
    names = [f"set {n}" for n in range(count)]
    return pd.DataFrame({"points": np.linspace(-3, 7, count), "needed": 1.0, "verdict": "resolved"}, index=names)


def test_many_differences_have_a_picture_with_the_line_at_zero():
    assert not list(tree(shown(many(4), "x")).iter("svg"))
    head, *pictures = list(tree(shown(many(5), "x")).iter("svg"))
    assert len(pictures) == 5 and [tick.text for tick in head] == ["−5", "0", "+10"]
    assert pictures[0].get("aria-label") == "−3.0 ± 1.0, resolved"
    zero = axis([Interval(-3, 1), Interval(7, 1)]).zero
    dots = [float(next(one for one in picture if one.tag == "circle").get("cx")) for picture in pictures]
    assert [dot > zero for dot in dots] == [points > 0 for points in np.linspace(-3, 7, 5)]


def test_a_stricter_verdict_than_the_interval_is_the_one_that_is_shown():
    frame = many(6).assign(needed=0.5, verdict=["resolved", "open", "within a point", "open", "resolved", "open"])
    table = shown(frame, "x", legend="half of it")
    signs = [cell[-1] for cell in table.columns[2].cells]
    assert signs == ["●", "○", "○", "○", "●", "○"] and table.columns[3].cells[1] == "open"
    assert table.notes == ["half of it"]


def test_a_claim_has_the_published_difference_and_its_own_colour_where_it_is_turned_round():
    frame = many(6).rename(columns={"points": "ours"}).assign(published=1.0, verdict="as published")
    frame.loc[["set 0", "set 1"], "verdict"] = "the other way round"
    columns = ["published", "ours", "needed", "verdict"]
    table = shown(frame[columns], "x", names={"published": "published, points"})
    head, *body = rows(table)
    assert head == ["", "published, points", "−50+10", "ours, points", "verdict"]
    assert body[0][1] == "1.0" and body[0][-1] == "the other way round"
    colours = [next(picture.iter("circle")).get("stroke") for picture in list(tree(table).iter("svg"))[1:]]
    assert colours == ["#d55e00"] * 2 + ["#2b83ba"] * 4
    notes = re.findall('<p class="note( v)?">([^<]*)</p>', table._repr_html_())
    assert [kind for kind, _ in notes] == ["", " v"] and notes[1][1].startswith("◇ published")
    assert "◇" not in repr(table)  # nor is the picture there


@pytest.mark.parametrize("values", [(0.01, 0.02), (-80.0, 33.0), (5.0, 6.0), (-2.0, -1.0), (0.0, 0.0), (1.0, 160.0)])
def test_everything_fits_on_the_axis_and_zero_too(values):
    found = [Interval(value, abs(value) / 2, printed=value + 1) for value in values]
    scale = axis(found)
    places = [scale.place(end) for one in found for end in one.ends]
    assert all(EDGE - 1e-6 <= place <= WIDTH - EDGE + 1e-6 for place in [*places, scale.zero])
    assert scale.place(1) > scale.place(0)


def test_levels_become_headings_and_commands_are_folded_below():
    frame = pd.concat({STORED: contrasts(PAIRS), DEBIASED: contrasts(PAIRS)})
    frame["command"] = [""] * 6 + ["ltdd run mtt_x <here>", ""]
    table = shown(frame, "x")
    groups = [row[0] for row in rows(table) if len(row) == 1]
    assert groups == ["paper 1's judge", "paper 2's judge, debiased teacher"]
    text = table._repr_html_()
    assert text.count("ltdd run") == 1 and "<summary>1 command</summary>" in text
    assert "MTT − random real images\nltdd run mtt_x &lt;here&gt;" in text[text.index("<details>") :]
    assert not [cell for row in rows(table) for cell in row if "ltdd run" in cell]


def test_headings_of_one_row_each_are_a_column_where_there_is_room():
    index = pd.MultiIndex.from_tuples([("IF 5", "damed"), ("IF 20", "damed")])
    few, many_columns = (pd.DataFrame(1, index=index, columns=range(count)) for count in (2, MOST - 1))
    assert [len(row) for row in rows(shown(few, "x"))] == [4, 4, 4]
    assert [len(row) for row in rows(shown(many_columns, "x"))] == [MOST, 1, MOST, 1, MOST]


def test_a_column_has_one_format():
    frame = pd.DataFrame({"a": [1, 1200], "b": [0.04, 12.0], "c": [1090.4, 2.0], "d": [True, False], "e": [1.0, None]})
    frame = frame.assign(e=[1.0, None])
    heads, *body = rows(shown(frame, "x", digits={"b": 2}, names={"a": "images"}, empty="not run"))
    assert heads == ["images", "b", "c", "d", "e"]
    assert body == [["1", "0.04", "1,090", "yes", "1.0"], ["1,200", "12.00", "2", "no", "not run"]]


def test_numbers_stand_to_the_right_and_words_to_the_left():
    frame = pd.DataFrame({"score": ["46.3 ± 0.2", "not run"], "word": ["IF 20", "IF 5"]}, index=["damed", "rded"])
    classes = [[cell.get("class") for cell in row] for row in tree(shown(frame, "x")).iter("tr")]
    assert classes == [[None, "n", None], ["k", "n", "k"], ["k", "n x", "k"]]
    for text in ("−1.5", "46.3 (3)", "4e-05", "1,090", "46.3 ± 0.2 (5)†", "12 %"):
        assert is_number(text)
    for text in ("IF 20", "3 pairs", "1.0 clamped", "–"):
        assert not is_number(text)


def test_more_columns_than_a_page_has_room_for_are_refused():
    frame = pd.DataFrame([range(MOST + 1)])
    with pytest.raises(ValueError, match=f"{MOST + 1} columns .* leave some out"):
        shown(frame, "x")
    assert len(shown(frame.iloc[:, :MOST], "x").columns) == MOST


def test_words_for_names():
    assert said("damed - random") == "DAM + ED − random real images"
    assert said("edc, online-teacher/plain (32)") == "EDC, paper 2's judge, plain teacher"
    assert said("cifar10, IF 10: damed above datm") == "CIFAR-10-LT, IF 10: DAM + ED above DATM"
    assert said("datm, dsa-stored") == "DATM, paper 1's judge"
    assert said(STORED) == said(str(STORED)) == "paper 1's judge"
    assert said("random images, full of trucks") == "random images, full of trucks"
    assert said("damed: x") == "DAM + ED: x" and said(7) == "7"


def test_numbers_as_text():
    assert number(-0.04, 1) == "0.0" and number(-1.25, 1) == "−1.2" and number(2.0, 1, sign=True) == "+2.0"
    assert texts([1.0, math.nan, None, pd.NA], None, "–") == ["1.0", "–", "–", "–"]
    assert texts(np.array([3, 4]), None, "–") == ["3", "4"]


def test_what_is_written_by_hand_is_not_taken_for_html():
    table = shown(pd.DataFrame({"a < b": ["<i>"]}), "x & y", note="1 < 2")
    assert rows(table) == [["a < b"], ["<i>"]]
    assert html.escape("1 < 2") in table._repr_html_() and "x &amp; y" in table._repr_html_()


def test_a_terminal_sees_the_same_cells():
    table = shown(contrasts(PAIRS), "Each set")
    lines = repr(table).splitlines()
    assert lines[0] == "Each set" and re.search(r"DAM \+ ED +\+10.0 ± .* ●  3, 3", lines[2])


def test_a_frame_stays_as_it_is():
    frame = contrasts(PAIRS)
    before = frame.copy()
    shown(frame, "x")
    pd.testing.assert_frame_equal(frame, before)
