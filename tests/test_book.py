"""The source of the book: table of contents, references, links, and what the configuration must keep."""

import ast
import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import assemble
import jupytext
import notebook_pairs
import pytest
import yaml

from ltdd_utils import records
from ltdd_utils.cli import main

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
PAGES = sorted(BOOK.glob("*.md"))
CONFIG = yaml.safe_load((BOOK / "_config.yml").read_text())
TOC = yaml.safe_load((BOOK / "_toc.yml").read_text())
ENTRIES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]


def markdown_of_the_book() -> dict[Path, str]:
    texts = {page: page.read_text() for page in PAGES}
    for source in notebook_pairs.chapters():
        cells = notebook_pairs.cells(jupytext.read(source))
        texts[source] = "\n\n".join(text for kind, text, _ in cells if kind == "markdown")
    return texts


def test_the_table_of_contents_is_exactly_what_there_is():
    files = {f"book/{page.stem}" for page in PAGES} | {f"notebooks/{s.stem}" for s in notebook_pairs.chapters()}
    assert sorted(ENTRIES) == sorted(files | set(assemble.GENERATED))


def test_chapters_come_in_order_and_keep_their_number():
    """Numbered parts start at 1, so chapter 00 stands in a part without numbers."""
    chapters = [entry for entry in ENTRIES if entry.startswith("notebooks/")]
    assert chapters == sorted(chapters)
    for part in TOC["parts"]:
        numbers = [c["file"][10:12] for c in part["chapters"] if c["file"].startswith("notebooks/")]
        assert not ("00" in numbers and part.get("numbered")), "chapter 01 would become number 2"


def keys(text: str) -> set[str]:
    cited = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    return {key.strip() for group in cited for key in group.split(",")}


def test_every_citation_has_its_reference():
    known = re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text(), flags=re.MULTILINE)
    assert len(known) == len(set(known))
    assert {key for text in markdown_of_the_book().values() for key in keys(text)} <= set(known)
    assert {"zhao2025ltdd", "cui2026rethinking", "jiang2025adsa"} <= set(known)


def test_every_paper_with_published_numbers_has_its_reference():
    with (ROOT / "results" / "targets.csv").open(newline="") as file:
        papers = {row["paper"] for row in csv.DictReader(file)}
    known = re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text(), flags=re.MULTILINE)
    assert papers and papers <= set(known)


@pytest.fixture
def printed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    """What the Python blocks of a page print, as one script that runs in an empty folder."""
    monkeypatch.setenv("LTDD_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def script(page: str, **shorter: str) -> list[str]:
        text = "\n".join(re.findall(r"```python\n(.*?)```", (BOOK / page).read_text(), flags=re.DOTALL))
        for setting, value in shorter.items():  # of trainings whose outcome is not looked at
            text, found = re.subn(rf"\b{setting}(\"?[:=] ?)\d+", rf"{setting}\g<1>{value}", text)
            assert found
        exec(compile(text, page, "exec"), {"__name__": "__main__"})
        return capsys.readouterr().out.splitlines()

    return script


def shown(page: str) -> list[str]:
    """The lines that a page shows below its Python blocks."""
    blocks = re.findall(r"```python\n.*?```\n\n```text\n(.*?)```", (BOOK / page).read_text(), flags=re.DOTALL)
    return "".join(blocks).splitlines()


def scored(line: str) -> str:
    """A line without the digits of its accuracies and seconds, which processors and shorter trainings change."""
    return re.sub(r"\d+\.\d%|\d+ s$", "number", line)


@pytest.mark.float32
def test_the_script_of_the_python_page_runs(printed_by):
    lines = printed_by("python.md", students="1")
    assert [scored(line) for line in lines] == [scored(line) for line in shown("python.md")]
    assert 50 < float(lines[2].removeprefix("own loop: ").rstrip("%")) <= 100


@pytest.mark.float32
def test_the_example_of_the_own_data_page_runs(printed_by):
    lines = printed_by("own_data.md", students="1")
    assert lines[0].startswith("(100, 70, 50, 35, 25, 17, 12, 8, 6, 4) (327, 1, 16, 16)")
    assert [scored(line) for line in lines] == [scored(line) for line in shown("own_data.md")]


@pytest.mark.float32
def test_the_page_of_sets_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    """Its commands, with the epochs that make them short, and its script."""
    for name in ("WORK", "RESULTS", "DATA"):
        monkeypatch.setenv(f"LTDD_{name}", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)
    said = {}
    page = (BOOK / "sets.md").read_text().replace("\\\n", "")  # a command may go on in the next line
    for line in re.findall(r"^ltdd .*", page, flags=re.MULTILINE):
        assert main([*line.replace("epochs=100", "epochs=10").split()[1:], "--quiet"]) == 0, line
        said[line] = capsys.readouterr().out
    pictures, arrays = (re.sub(r" ?\(.*\)", "", said[line]) for line in said if line.startswith("ltdd score"))
    assert pictures == arrays and "points over random" in pictures
    assert list(said.values())[-1].rstrip().endswith("hf upload YOUR_NAME/ours published . --repo-type dataset")
    script = re.findall(r"```python\n(.*?)```", (BOOK / "sets.md").read_text(), flags=re.DOTALL)
    exec("\n".join(script).replace('"train.epochs": 100', '"train.epochs": 10'), {})
    assert capsys.readouterr().out.startswith("DistilledSet(50 images of 10 classes; 50 synthetic")
    assert len(records.load_evaluations(tmp_path / "mine")) == 1


def test_relative_links_lead_somewhere():
    generated = {(ROOT / f"{entry}.md").resolve() for entry in assemble.GENERATED}
    for page, text in markdown_of_the_book().items():
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in target:
                path = (page.parent / target).resolve()
                assert path.exists() or path in generated, f"{page.name}: {target}"
                assert path.suffix != ".py", f"{page.name}: link the .ipynb, a .py is no page"


def test_settings_that_the_pages_depend_on():
    assert CONFIG["execute"]["execute_notebooks"] == "off"
    assert "url" not in CONFIG["repository"], "the address stands in pyproject.toml alone"
    sphinx = CONFIG["sphinx"]
    assert sphinx["recursive_update"] is True
    assert not sphinx["config"]["mathjax_path"].startswith("http")
    assert sphinx["config"]["nb_ipywidgets_js"] == {}
    assert sphinx["config"]["html_theme_options"]["navbar_persistent"] == []
    assert CONFIG["launch_buttons"]["thebe"] is False


def test_mathjax_is_copied_from_its_package(tmp_path: Path):
    assemble.copy_mathjax(tmp_path)
    folder = tmp_path / "extra" / "vendor" / "mathjax"
    script = (folder / "tex-mml-chtml.js").read_text()
    assert re.search(r'VERSION="3\.2\.2"|version:"3\.2\.2"', script)
    assert len(list((folder / "output" / "chtml" / "fonts" / "woff-v2").glob("*.woff"))) > 10


def test_the_assembled_source_mirrors_the_repository(tmp_path: Path):
    assemble.copy_book(tmp_path)
    assert (tmp_path / "book" / "intro.md").read_text() == (BOOK / "intro.md").read_text()
    config = yaml.safe_load((tmp_path / "_config.yml").read_text())
    assert ("repository" in config) == ("launch_buttons" in config) == notebook_pairs.is_known()
    assert {path.name for path in tmp_path.iterdir()} >= {"_toc.yml", "_ext", "references.bib"}


@pytest.mark.parametrize("owner", [notebook_pairs.PLACEHOLDER, "a-lab"])
def test_buttons_and_the_address_of_the_book_are_there_once_the_repository_has_one(tmp_path: Path, owner: str):
    clone = tmp_path / "clone"
    shutil.copytree(BOOK, clone / "book")
    (clone / "pyproject.toml").write_text(f'[project.urls]\nRepository = "https://github.com/{owner}/A.Book"\n')
    assemble.copy_book(tmp_path / "src", clone)
    text = (tmp_path / "src" / "_config.yml").read_text()
    config = yaml.safe_load(text)
    if owner == notebook_pairs.PLACEHOLDER:
        assert owner not in text and "html_baseurl" not in text and "colab" not in text
        assert not config["html"]["use_issues_button"] and not config["html"]["use_repository_button"]
    else:
        assert config["repository"]["url"] == "https://github.com/a-lab/A.Book"
        assert config["sphinx"]["config"]["html_baseurl"] == "https://a-lab.github.io/A.Book/"
        assert config["launch_buttons"]["colab_url"] and config["html"]["use_issues_button"]


def test_a_chapter_that_was_not_executed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assemble, "EXECUTED", tmp_path)
    with pytest.raises(FileNotFoundError, match="00_how_to_read was not executed: run `make chapters`"):
        assemble.copy_chapters(tmp_path / "src")


def test_pages_are_rendered_side_by_side_as_one_after_the_other(tmp_path: Path):
    """Sphinx warns of an extension that does not allow it, and a warning is an error."""
    book, names = tmp_path / "src", [f"book/page_{number}" for number in range(6)]  # fewer are read by one process
    assemble.copy_book(book)
    shutil.rmtree(book / "book")
    for folder in ("book", "extra"):
        (book / folder).mkdir()
    for name in names:
        (book / f"{name}.md").write_text(f"# Title of {name}\n\nSee [the first](page_0.md) and $x^2$.\n")
    toc = {"format": "jb-book", "root": names[0], "chapters": [{"file": name} for name in names[1:]]}
    (book / "_toc.yml").write_text(yaml.safe_dump(toc))
    code = "import sys, pathlib, render\nbook, one, two = map(pathlib.Path, sys.argv[1:])\n"
    code += "assert render.render(book, one, 1) and render.render(book, two, 2)"
    path = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tools")))}
    call = [sys.executable, "-c", code, book, tmp_path / "1", tmp_path / "2"]
    subprocess.run(call, cwd=ROOT, env=path, check=True)  # alone: Sphinx looks at all objects that a process has
    pages = [{page.name: page.read_bytes() for page in (tmp_path / jobs).rglob("*.html")} for jobs in "12"]
    assert pages[0] == pages[1] and {f"page_{number}.html" for number in range(6)} <= set(pages[0])


def test_the_extension_parses_on_its_own():
    """Sphinx loads it from a copy, so it may import nothing of this repository."""
    for path in (BOOK / "_ext").glob("*.py"):
        modules = [n.module for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)]
        assert not [module for module in modules if module.startswith("ltdd_utils")]
