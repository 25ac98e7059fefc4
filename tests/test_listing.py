"""The table of a terminal: each published number once, with all places that print it, in 100 columns."""

import csv
import io

import pytest
from toy_records import four_records, record

from ltdd_utils import recipes
from ltdd_utils.analysis import compare, filled, listed, once
from ltdd_utils.cli import main
from ltdd_utils.records import book_dir, load, save_record, targets


@pytest.fixture(scope="module")
def book():
    return compare(load(book_dir(), committed_only=True), targets(), recipes.names())


@pytest.fixture
def toys(tmp_path):
    for one in four_records():
        save_record(tmp_path, one)
    return tmp_path


def test_each_number_stands_once_and_names_every_table_that_prints_it(book):
    short = once(book)
    same = ["dataset", "imbalance_factor", "ipc", "method", "network", "protocol", "metric", "unit", "mean"]
    assert not short.duplicated([*same, "scale", "our_protocol", "ours"]).any() and len(short) < len(book)
    places = {(*row[:-2], f"{row[-2]}, {row[-1]}") for row in texts(book, [*same, "paper", "table"])}
    assert places == {(*row[:-1], place) for row in texts(short, [*same, "printed"]) for place in row[-1].split("; ")}
    assert short["ours"].notna().sum() > 20 and set(short["status"]) == set(book["status"])


def texts(table, columns):
    return list(table[columns].astype(str).itertuples(index=False, name=None))


def test_the_whole_table_fits_a_terminal_and_leaves_out_what_is_empty(book):
    for table in (book[book["status"] == "run"], book[book["status"] != "run"]):
        text = listed(once(table))
        assert max(map(len, text.splitlines())) <= 100
        assert text.count("zhao2025 T1") + text.count("cui2026 T1") > 10 and "ltdd run" not in text
    assert " sets " not in text and " min " not in text  # of numbers that were never run


def test_commands_are_shown_where_they_are_asked_for(toys, capsys):
    def told(*options):
        assert main(["table", "--results", str(toys), *options]) == 0
        return capsys.readouterr().out

    assert "ltdd run" not in told() + told("--csv") + told("--markdown")
    lines = told("--commands").splitlines()
    assert sum(line.startswith("    ltdd run ") for line in lines) == 3 and any("34.0 ± 4.2" in line for line in lines)
    rows = list(csv.DictReader(io.StringIO(told("--csv", "--commands"))))
    assert {row["method"] for row in rows} == {"random", "kcenter", "graphcut"} and rows[0]["command"].startswith(
        "ltdd"
    )
    assert rows[0]["printed"] == "zhao2025ltdd, Table 1; cui2026rethinking, Table 1"
    assert "| 34.0 ± 4.2 |" in told("--markdown")
    with pytest.raises(SystemExit):
        told("--csv", "--markdown")


def test_nothing_run_is_a_header_for_a_script(tmp_path, capsys):
    assert main(["table", "--results", str(tmp_path), "--csv"]) == 0
    assert capsys.readouterr().out.startswith("dataset,imbalance_factor,")


def test_an_empty_column_goes_and_a_filled_one_stays(toys):
    table = compare(load(toys), targets(), everything=False)
    assert "note" in filled(table) and "device" in filled(table)
    assert "note" not in filled(table.assign(note="")) and "device" not in filled(table.assign(device=None))


def test_notes_of_equal_numbers_are_put_together(toys):
    save_record(toys, record(method="datm", dirty=True))
    table = once(compare(load(toys, allow_dirty=True), targets(), everything=False)).set_index("method")
    assert table.loc["datm", "note"] == "ours is from uncommitted code; copied from zhao2025ltdd"
    assert listed(table.reset_index()).count("ours is from uncommitted code") == 1
