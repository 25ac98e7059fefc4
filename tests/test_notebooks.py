"""The chapters as files: pairs in step, no outputs, and what a cell may not do."""

import ast
import re
from pathlib import Path

import jupytext
import nbformat
import notebook_pairs
import pytest
from sync import sync

from ltdd_utils.records import targets

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = notebook_pairs.chapters()
each_chapter = pytest.mark.parametrize("source", CHAPTERS, ids=lambda path: path.stem)
MAX_LINES, MAX_FUNCTION_LINES = 15, 5


def code_cells(source: Path) -> list[tuple[str, tuple[str, ...]]]:
    return [(text, tags) for kind, text, tags in notebook_pairs.cells(jupytext.read(source)) if kind == "code"]


def colab_cells(source: Path) -> list[str]:
    return [text for text, tags in code_cells(source) if "colab" in tags]


def test_there_are_chapters_and_no_orphans():
    assert CHAPTERS
    paired = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert paired == {path.stem for path in (ROOT / "notebooks").glob("*.py")} == {path.stem for path in CHAPTERS}


@each_chapter
def test_a_pair_is_in_step(source: Path):
    assert notebook_pairs.in_step(source), f"{source.stem}.ipynb differs from its .py: run `make sync`"


def test_a_changed_source_is_out_of_step(tmp_path: Path):
    source = tmp_path / "00_x.py"
    source.write_text("# %%\n1 + 1\n")
    jupytext.write(jupytext.read(source), source.with_suffix(".ipynb"))
    assert notebook_pairs.in_step(source)
    source.write_text("# %%\n1 + 2\n")
    assert not notebook_pairs.in_step(source)


@each_chapter
def test_the_committed_notebook_has_no_outputs(source: Path):
    for cell in nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None, "clear the outputs, then commit"


@each_chapter
def test_the_notebook_names_the_kernel_that_every_installation_has(source: Path):
    assert nbformat.read(source.with_suffix(".ipynb"), as_version=4).metadata.kernelspec.name == "python3"


@each_chapter
def test_the_colab_cell_comes_first_and_is_the_same_everywhere(source: Path):
    assert colab_cells(source) == colab_cells(CHAPTERS[0])
    assert len(colab_cells(source)) == 1
    assert code_cells(source)[0][1] == ("colab", "remove-cell")


@each_chapter
def test_the_colab_cell_installs_from_the_repository(source: Path):
    assert f'"git+{notebook_pairs.repository_url()}"' in colab_cells(source)[0]


@each_chapter
def test_a_chapter_has_one_title(source: Path):
    markdown = [text for kind, text, _ in notebook_pairs.cells(jupytext.read(source)) if kind == "markdown"]
    assert len(re.findall(r"^# ", "\n".join(markdown), flags=re.MULTILINE)) == 1
    assert markdown[0].startswith("# "), "the title comes first"


@each_chapter
def test_markdown_is_understood_by_jupyterlab_and_colab(source: Path):
    """Only CommonMark and formulas: MyST directives and roles are shown raw there."""
    for kind, text, _ in notebook_pairs.cells(jupytext.read(source)):
        if kind == "markdown":
            assert not re.search(r"^:::|^```\{|\{[a-z:]+\}`", text, flags=re.MULTILINE), text


@each_chapter
def test_cells_are_short(source: Path):
    for text, _ in code_cells(source):
        assert len(text.splitlines()) <= MAX_LINES, f"more than {MAX_LINES} lines:\n{text}"


@each_chapter
def test_a_folded_cell_is_folded_on_the_page_and_in_jupyterlab(source: Path):
    """And it makes a table or a figure, or checks: the package's source and the experiments are always seen."""
    for cell in jupytext.read(source).cells:
        tags = cell.metadata.get("tags", [])
        assert ("hide-input" in tags) == cell.metadata.get("jupyter", {}).get("source_hidden", False), cell.source
        if "hide-input" in tags:
            assert not re.search(r"\b(source|distil|run|train\w*|recover|evaluate\w*)\(", cell.source), cell.source


@each_chapter
def test_a_chapter_defines_nothing_long(source: Path):
    for text, _ in code_cells(source):
        for node in ast.walk(ast.parse(text)):
            assert not isinstance(node, ast.ClassDef), f"class {node.name} belongs into the package"
            if isinstance(node, ast.FunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                assert lines <= MAX_FUNCTION_LINES, f"{node.name} belongs into the package"


FORBIDDEN = {
    "a training loop": r"torch\.optim|\.backward\(",
    "a changed import path": r"sys\.path",
    "a global seed": r"manual_seed\(|np\.random\.seed|random\.seed\(",
    "an absolute path": r"""["'](?:/|~/|[A-Za-z]:\\)[\w.]""",
    "a magic command": r"^\s*[!%]",
    "an invisible progress bar": r"tqdm\.(?:auto|notebook)",
    "a package that Colab lacks": r"myst_nb|jupyter_book|sphinx",
}


def offences(text: str) -> list[str]:
    return [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text, flags=re.MULTILINE)]


@each_chapter
def test_chapters_keep_to_what_a_cell_may_do(source: Path):
    for text, _ in code_cells(source):
        assert not offences(text), text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("o = torch.optim.SGD(p)", "a training loop"),
        ("sys.path.insert(0, '..')", "a changed import path"),
        ("torch.manual_seed(0)", "a global seed"),
        ('open("/home/me/x")', "an absolute path"),
        ("!pip install x", "a magic command"),
        ("from tqdm.auto import tqdm", "an invisible progress bar"),
    ],
)
def test_the_rules_catch_what_they_name(text: str, what: str):
    assert offences(text) == [what]


OF_RESULTS = ("07", "12", "13", "14", "15", "16", "17", "18")
RESULTS = [path for path in CHAPTERS if path.stem[:2] in OF_RESULTS]
NOT_PROSE = re.compile(r"```.*?```|`[^`]*`|\$[^$]*\$|\]\([^)]*\)|arXiv[: ]*[\d.]+", re.DOTALL)


def typed_results(text: str, published: set[float]) -> list[str]:
    """Numbers in prose that look like a result: a decimal of 1 or more that nobody published, or any in points or %."""
    found = re.finditer(r"(?<![\w.])(\d+\.\d+)(?![\w.])(\s*(?:%|points|percent))?", NOT_PROSE.sub("", text))
    return [m[0] for m in found if float(m[1]) not in published and (float(m[1]) >= 1 or m[2])]


@pytest.mark.parametrize("source", RESULTS, ids=lambda path: path.stem)
def test_a_results_chapter_types_no_result(source: Path):
    """What was measured is displayed by a cell, from a record; published numbers may be quoted."""
    published = set(targets(ROOT / "results" / "targets.csv")["mean"].dropna())
    cells = [text for kind, text, _ in notebook_pairs.cells(jupytext.read(source)) if kind == "markdown"]
    assert set(OF_RESULTS) == {path.stem[:2] for path in RESULTS}
    assert not [number for text in cells for number in typed_results(text, published)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("it rises from 37.3 to 46.3", ["46.3"]),
        ("a gain of 0.4 points, or 0.4", ["0.4 points"]),
        ("by 2.9 %", ["2.9 %"]),
        ("at step size 0.05, `x = 46.3`, $46.3$, [text](page-1.25), arXiv 2408.14506", []),
    ],
)
def test_a_typed_result_is_found(text: str, numbers: list[str]):
    assert typed_results(text, {37.3}) == numbers


def test_sync_forgets_the_outputs_of_a_cell_that_changed(tmp_path):
    source = tmp_path / "00_x.py"
    source.write_text("# %% [markdown]\n# # X\n\n# %%\na = 1\n\n# %%\nb = 2\n")
    sync(source)
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    for cell in notebook.cells[1:]:
        cell.outputs, cell.execution_count = [nbformat.v4.new_output("stream", text="seen")], 7
    nbformat.write(notebook, source.with_suffix(".ipynb"))
    source.write_text(source.read_text().replace("b = 2", "b = 3"))
    sync(source)
    same, changed = nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells[1:]
    assert same.outputs and same.execution_count == 7
    assert changed.source == "b = 3" and not changed.outputs and changed.execution_count is None
