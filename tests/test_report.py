"""The generated page and the README's status table: current, complete, and made from records alone."""

import html
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import front
import pandas as pd
import pytest
from PIL import Image
from toy_records import four_records, record

from ltdd_utils import recipes, report
from ltdd_utils.analysis import board, compare, missing, once
from ltdd_utils.analysis.text import formatted
from ltdd_utils.cli.common import recipe_of
from ltdd_utils.cli.parser import build_parser
from ltdd_utils.core.settings import to_dict
from ltdd_utils.evaluation import DEBIASED
from ltdd_utils.records import load, save_record, targets
from ltdd_utils.report.answers import QUESTIONS, answers_table
from ltdd_utils.report.explorer import counted, kinds_of_rows, state_of, tiles
from ltdd_utils.report.headline import headline_table
from ltdd_utils.report.page import beside, opening

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def clone(tmp_path):
    """The files that the generator reads and writes, with the real published numbers and no record."""
    for folder in ("book", "results"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "results" / "targets.csv", tmp_path / "results")
    shutil.copytree(ROOT / "results" / "benchmarks", tmp_path / "results" / "benchmarks")
    shutil.copytree(ROOT / "results" / "variance", tmp_path / "results" / "variance")
    (tmp_path / "book" / "counting.md").write_text("\n".join(["Counting.", *report.EXAMPLE, *report.LUCK, "Below.\n"]))
    parts = [*report.COSTS, *report.SPEED, *report.PRECISION]
    (tmp_path / "book" / "speed.md").write_text("\n".join(["Speed.", *parts, "Below.\n"]))
    (tmp_path / "README.md").write_text(
        "# Title\n\n"
        + "\nBetween.\n".join(map("\n".join, (report.HEADLINE, (report.BEGIN, report.END), report.ANSWERS)))
        + "\n\nEnd.\n"
    )
    (tmp_path / "book" / "elements.md").write_text(
        "\n".join(["Rows.", *report.SCOPE, *report.COUNTS, *report.ELEMENTS, "Below.\n"])
    )
    (tmp_path / "book" / "intro.md").write_text(
        "\n".join(["First page.", *report.HEADLINE, *report.ANSWERS, "Below.\n"])
    )
    return tmp_path


def page_of(clone):
    return (clone / "book" / "reproduction.md").read_text()


def page_rows(text):
    """Cells of every table row of the HTML in a page, without headings."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", text.split("</thead>", 1)[-1])
    cells = ([html.unescape(re.sub("<[^>]+>", "", cell)) for cell in re.split("</t[hd]>", row)[:-1]] for row in rows)
    return [row for row in cells if len(row) > 1]


def test_the_committed_page_and_readme_are_what_the_records_say():
    assert report.stale(ROOT) == [], "run `make report`"


def test_write_then_check_then_a_new_record_makes_its_pages_stale(clone, capsys):
    run = ["--root", str(clone)]
    assert report.main([*run, "--check"]) == 1
    assert "reproduction.md is stale: run `make report`" in capsys.readouterr().out
    assert not (clone / "book" / "reproduction.md").exists()
    assert report.main(run) == 0
    assert report.main([*run, "--check"]) == 0
    save_record(clone / "results", record())
    assert [path.name for path in report.stale(clone)] == ["speed.md", "elements.md", "reproduction.md", "README.md"]


def test_a_readers_own_run_makes_nothing_stale(clone):
    subprocess.run(["git", "-C", str(clone), "init"], check=True, capture_output=True)
    assert report.main(["--root", str(clone)]) == 0
    save_record(clone / "results", record(dirty=True))
    assert report.stale(clone) == []
    assert report.main(["--root", str(clone), "--check"]) == 0


def test_readme_and_first_page_change_between_their_markers_alone(clone):
    report.main(["--root", str(clone)])
    intro = (clone / "book" / "intro.md").read_text()
    assert intro.startswith(f"First page.\n{report.HEADLINE[0]}\n| top-1 accuracy, % |")
    assert f"new for each.\n{report.HEADLINE[1]}\n{report.ANSWERS[0]}\n| question | answer |" in intro
    assert intro.endswith(f" |\n{report.ANSWERS[1]}\nBelow.\n") and intro.count("| not run |") == 10
    text = (clone / "README.md").read_text()
    first, second = report.HEADLINE
    assert text.startswith(f"# Title\n\n{first}\n| top-1 accuracy, % | published |")
    assert f"new for each.\n{second}\nBetween.\n{report.BEGIN}\nOf " in text
    assert "\n\n| paper | data set | printed |" in text
    assert text.endswith(f" |\n{report.ANSWERS[1]}\n\nEnd.\n")
    for wrong in ("no marker", f"{report.END} {report.BEGIN}", f"{report.BEGIN} {report.END} {report.END}"):
        with pytest.raises(ValueError, match=r"the page needs the line"):
            report.with_part(wrong, "table")


def test_every_published_number_stands_on_the_page(clone):
    published = targets(clone / "results" / "targets.csv")
    report.main(["--root", str(clone)])
    body = page_of(clone).partition("## Every published number")[2].partition("## Runs without")[0]
    rows = page_rows(body)
    assert len(rows) == len(once(compare(load(clone / "results"), published, recipes.names())))
    states = {"not run", "judge unknown", "no recipe", "not printed", "no accuracy"}
    assert {row[-1] for row in rows} == states and all(len(row) == 6 for row in rows)
    assert {(row[0].partition(",")[0]) for row in rows} >= {"CIFAR-10-LT", "CIFAR-100-LT", "Tiny-ImageNet-LT"}
    assert not [cell for row in rows for cell in row if "ltdd run" in cell]
    commands = re.findall(r"\n(ltdd run [^\n<]*)", body)  # one, where two tables disagree on a number
    assert len(commands) == len(set(commands)) > 0.9 * sum(row[-1] == "not run" for row in rows)
    assert "\n\n" not in body.strip()[body.strip().index("<div") :]  # a blank line would end the HTML in Markdown


def test_the_page_says_what_its_rows_are(clone):
    """Rows are accuracies, each once or shared or doubted, and what is no accuracy; the numbers add up."""
    table = compare(load(clone / "results"), targets(clone / "results" / "targets.csv"), recipes.names())
    rows, own, of, shared, twice, others, *apart = map(int, re.findall(r"\d+", kinds_of_rows(table)))
    assert rows == len(once(table)) == own + others and others == sum(apart) and len(apart) == 3
    assert of == sum(counted(table).values()) and own == of - shared + twice
    whole, (dash,) = once(table), table[table["mean"].isna()].head(1).to_dict("records")
    assert apart[2] == sum(state_of(row) == state_of(dash) for row in whole.to_dict("records"))


@pytest.mark.parametrize(("ours", "marked"), [(9.8, True), (10.4, True), (10.6, False)])
def test_a_run_that_only_guesses_is_marked(clone, ours, marked):
    save_record(clone / "results", record())
    table = compare(load(clone / "results"), targets(clone / "results" / "targets.csv"), recipes.names())
    run = table[(table["status"] == "run") & (table["metric"] == "accuracy")].assign(ours=ours)  # of ten classes
    assert ("random real images, as published, at chance" in beside(run)) is marked


def test_a_number_without_a_judge_is_no_missing_recipe(clone):
    """IDM has a recipe, but its printed accuracies no protocol."""
    table = compare(load(clone / "results"), targets(clone / "results" / "targets.csv"), recipes.names())
    states = {method: {state_of(row) for row in rows.to_dict("records")} for method, rows in table.groupby("method")}
    assert states["idm"] == states["dream"] == {"judge unknown"}
    assert states["edc_adsa"] == {"judge unknown", "no accuracy"}  # its confidence is none
    assert "judge unknown" not in states["datm"] | states["rded"]
    dashes = table["mean"].isna()
    assert dashes.any() and {state_of(row) for row in table[dashes].to_dict("records")} == {"not printed"}


def test_a_number_of_a_table_is_exact_even_if_a_figure_has_it_too(clone):
    table = compare(load(clone / "results"), targets(clone / "results" / "targets.csv"), recipes.names())
    cell = (table["dataset"] == "cifar10") & (table["imbalance_factor"] == 100) & (table["ipc"] == 50)
    (row,) = once(table[cell & (table["method"] == "damed") & (table["metric"] == "accuracy")]).to_dict("records")
    assert formatted(pd.DataFrame([row]))["paper"].item() == "64.0 ± 0.9"
    assert "Teaser figure" in row["printed"] and "approximate" not in row["note"]


def test_tiles_count_each_published_accuracy_once(clone):
    save_record(clone / "results", record())
    records, published = load(clone / "results"), targets(clone / "results" / "targets.csv")
    table = compare(records, published, recipes.names())
    shown = tiles(table)
    marks = re.findall(r'<i class="([prw])" title="([^"]*)"></i>', shown)
    in_all = re.findall(r"\| (\d+) \| (\d+)(?: \([^|]*\))? \|", report.status_table(table))
    assert len(marks) == sum(int(number) for number, _ in in_all) == sum(counted(table).values())
    assert f"Of {len(marks)} printed accuracies 1 has a run at published scale" in opening(table)
    (run,) = [title for kind, title in marks if kind == "p"]
    assert run.startswith("CIFAR-10-LT, IF 100, IPC 10: random real images, published 34.4, ours ")
    assert sum(map(int, re.findall(r"(\d+) accuracies", shown))) == len(marks)


def test_records_change_the_page_and_the_status_table(clone):
    for one in four_records():
        save_record(clone / "results", one)
    report.main(["--root", str(clone)])
    page, readme = page_of(clone), (clone / "README.md").read_text()
    was_run = page.partition("## What was run")[2].partition("## Every")[0]
    assert ["random real images, as published", "34.4 ± 2.0", "34.0 ± 4.2", "−0.4", "5", "6.1"] in page_rows(was_run)
    every = page.partition("## Every published number")[2].partition("## Runs without")[0]
    (row,) = [row for row in page_rows(every) if row[3] == "34.4 ± 2.0" and row[1] == "random real images"]
    assert row[4:] == ["34.0 ± 4.2 (−0.4)", "as published"] and row[2] == "Zhao T1; Cui T1"  # both papers print it
    assert re.search(r"\| Zhao et al. 2025 \| CIFAR-10-LT \| 124 \| 2 \(−0\.4 to \+1\.3\) \| 1 \(\+2\.1\) \|", readme)
    # A copied number is nothing that was run.
    assert re.search(r"\| Cui et al. 2026 \| CIFAR-10-LT; CIFAR-100-LT; [\w; ,-]+ \| 123 \| 0 \|", readme)
    assert "| random real images | 34.4 |" in readme
    # 34.0 and 17.5 with wide intervals hold 34.4 and 16.2; the third has one pipeline
    assert "Inside the 95 % interval of ours lie the printed numbers of 2 of 2 at published scale." in readme
    assert "## Runs without a published number\n\nNone." in page


@pytest.mark.parametrize(("seed", "marked"), [(0, True), (None, False)])
def test_the_headline_says_where_experts_are_shared(clone, seed, marked):
    """Three seeds with the experts of one are no three pipelines from the experts on."""
    made = recipes.recipe("damed_cifar10", imbalance_factor=100, ipc=10, scale="cpu")
    assert made.method.experts.seed == 0
    made = recipes.with_overrides(made, {"method.experts.seed": "null" if seed is None else str(seed)})
    one = record(method="damed", scale="cpu")
    save_record(clone / "results", {**one, "config": to_dict(made)})
    text = headline_table(load(clone / "results"), targets(clone / "results" / "targets.csv"))
    assert ("† These sets share the same 4 experts" in text) is marked
    assert ("(1)†" in text or "(2)†" in text) is marked


def test_runs_without_a_published_number_are_shown(clone):
    save_record(clone / "results", record(method="herding"))
    save_record(clone / "results", record(protocol="online-stored/plain", config_id="b"))
    report.main(["--root", str(clone)])
    part = page_of(clone).partition("## Runs without a published number")[2]
    rows = page_rows(part.partition("## What the words")[0])
    assert [row[1:3] for row in rows] == [["herding", "32.5 ± 3.5"], ["random real images", "32.5 ± 3.5"]]
    assert "paper 2's judge, plain teacher asked once" in html.unescape(part)


def test_runs_with_changed_settings_are_shown_apart(clone):
    other = recipes.with_overrides(recipes.recipe("random_cifar10", scale="paper"), {"evaluate.train.epochs": "7"})
    save_record(clone / "results", {**record(), "config": to_dict(other), "target": None})
    report.main(["--root", str(clone)])
    part = page_of(clone).partition("## Runs without a published number")[2].partition("## What the words")[0]
    (row,) = page_rows(part)
    assert row[1] == "random real images: evaluate.train.epochs=7" and row[4:] == ["–", "paper"]
    assert "CIFAR-10-LT, IF 100, IPC 10, paper 1's judge" in html.unescape(part)
    assert "another judge" not in part


def test_recipes_under_another_judge_are_shown_before_changed_ones(clone):
    line = (
        "run random_cifar10 --imbalance-factor 100 --ipc 10 --scale paper --protocol online-teacher --teacher debiased"
    )
    made = recipe_of(build_parser().parse_args(line.split()))
    one = record(protocol="online-teacher/debiased")
    save_record(clone / "results", {**one, "config": to_dict(made), "target": None})
    report.main(["--root", str(clone)])
    part = page_of(clone).partition("## Runs without a published number")[2].partition("## What the words")[0]
    (row,) = page_rows(part)
    assert row[1] == "random real images" and "Recipes under another judge" in part


def test_a_missing_run_is_of_the_published_cell(clone):
    """The command of every number that was not run gives a recipe whose target is that number's cell."""
    published = targets(clone / "results" / "targets.csv")
    # No recipe of another architecture is published yet: take random images for the cells of Table 7.
    other = published[published["table"] == "Table 7"].assign(method="random")
    rows = missing(load(clone / "results"), recipes.names(), published=pd.concat([published, other]))
    assert {"full", "random", "kcenter", "graphcut"} <= {row["method"] for row in rows}
    assert {"vgg11", "resnet18", "alexnet", "convnet-d3", "convnet-d4"} <= {row["network"] for row in rows}
    for row in rows:
        options = build_parser().parse_args(row["command"].split()[1:])
        assert options.command == "run"
        made = recipe_of(options)
        assert made.evaluate.label.startswith(row["protocol"])
        assert made.target | {"protocol": row["protocol"]} == {name: row[name] for name in made.target}


def test_a_bad_record_is_one_line_and_writes_nothing(clone, capsys):
    path = save_record(clone / "results", record())
    path.write_text("{")
    assert report.main(["--root", str(clone)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (clone / "book" / "reproduction.md").exists()


def test_an_answer_is_short_and_leads_to_a_section_that_there_is():
    records = load(ROOT / "results", committed_only=True)
    text = answers_table(records, "notebooks")
    assert len(QUESTIONS) == 10 == text.count("| [") and "not run" not in text
    for one in QUESTIONS:
        assert len(one.answer.split()) <= 5
        source = (ROOT / "notebooks" / f"{one.chapter}.py").read_text()
        headings = re.findall(r"^# ##+ (.+)$", source, flags=re.MULTILINE)
        assert one.section in {re.sub(r"[^a-z0-9]+", "-", line.lower()).strip("-") for line in headings}


def test_an_answer_that_the_records_contradict_is_refused():
    wrong = replace(QUESTIONS[1], number=lambda boards: (QUESTIONS[1].number(boards)[0], False))
    with pytest.raises(
        ValueError,
        match=r"answered 'Yes, or a good estimate', but the records say 'against the true one: none -\d+\.\d, ",
    ):
        answers_table(load(ROOT / "results", committed_only=True), "notebooks", [wrong])


def test_a_number_of_an_answer_is_the_one_of_the_board():
    found = board("cifar10", imbalance_factor=100, ipc=10, records=load(ROOT / "results", committed_only=True))
    gain = found.contrasts([("unilevel", "random")], DEBIASED).points.item()
    table = answers_table(load(ROOT / "results", committed_only=True), "notebooks")
    assert f"all the rest {gain:+.1f} |" in table


def test_the_first_pages_show_what_the_records_say():
    stale = [path.name for path, text in front.files(ROOT).items() if not path.is_file() or path.read_text() != text]
    assert stale == [], "run `make report`"
    assert front.chart().count("<circle") == len(front.SETS) * len(front.JUDGES) + len(front.JUDGES)


def test_the_picture_for_links_has_the_size_that_sites_ask_for():
    with Image.open(ROOT / "book" / "_static" / "share.png") as picture:
        assert picture.size == front.SHARED
