"""Every figure of every chapter is numbered, has a caption, and says what somebody would see."""

import ast
from pathlib import Path

import jupytext
import notebook_pairs
import pytest

from ltdd_utils import plots

CHAPTERS = notebook_pairs.chapters()
each_chapter = pytest.mark.parametrize("source", CHAPTERS, ids=lambda path: path.stem)
BARE = {"Image", "imshow", "savefig", "show", "display"}  # calls by which a picture would go past the figures


def trees(source: Path) -> list[ast.Module]:
    return [ast.parse(text) for kind, text, _ in notebook_pairs.cells(jupytext.read(source)) if kind == "code"]


def called(node: ast.AST) -> str:
    """ "figure" or "plots.curves" for a call, "" for anything else."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return function.id if isinstance(function, ast.Name) else ""


def bare(tree: ast.Module) -> list[str]:
    """Calls that draw and are no argument of ``figure(drawing, caption, alternative)``."""
    inside = {id(one.args[0]) for one in ast.walk(tree) if called(one) == "figure" and len(one.args) == 3}
    names = {f"plots.{name}" for name in plots.__all__} - {"plots.read_rows", "plots.save_rows"}
    drawing = [one for one in ast.walk(tree) if called(one) in names]
    other = [called(one) for one in ast.walk(tree) if called(one).rpartition(".")[2] in BARE]
    return [called(one) for one in drawing if id(one) not in inside] + other


@each_chapter
def test_no_drawing_goes_past_the_figures(source: Path):
    assert not [name for tree in trees(source) for name in bare(tree)]


@each_chapter
def test_figures_are_numbered_by_their_chapter_and_captions_differ(source: Path):
    calls = [one for tree in trees(source) for one in ast.walk(tree) if isinstance(one, ast.Call)]
    numbered = [one.args[0].value for one in calls if called(one) == "notebook.Figures"]
    figures = [one for one in calls if called(one).startswith("figure")]
    assert set(numbered) <= {source.stem[:2]} and len(numbered) == bool(figures)
    texts = [ast.unparse(text) for one in figures for text in one.args[1:]]
    assert len(set(texts)) == len(texts)
    assert all(ast.unparse(text).count(" ") >= 3 for one in figures for text in one.args[1:])


def test_a_bare_drawing_is_found():
    assert bare(ast.parse("figure(plots.curves(a), 'b', 'c')")) == []
    assert bare(ast.parse("plots.curves(a)\nfigure(plots.curves(a), 'b')")) == ["plots.curves"] * 2
    assert bare(ast.parse("Image(filename=a)\nplt.show()")) == ["Image", "plt.show"]
