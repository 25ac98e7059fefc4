"""The runner of the chapters, on small notebooks in a temporary repository."""

import subprocess
from pathlib import Path

import jupytext
import nbformat
import pytest
import run_notebooks
import status_page

CHAPTER = """# %% [markdown]
# # Title

# %% tags=["parameters"]
n: int = 2  # a number

# %%
n * 21
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("notebooks", "ltdd_utils", "results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / "ltdd_utils" / "a.py").write_text("x = 1\n")
    (tmp_path / "results" / "random_digits").mkdir()
    (tmp_path / "results" / "random_digits" / "r.json").write_text("{}")
    (tmp_path / "results" / "targets.csv").write_text("paper\n")
    chapter(tmp_path, CHAPTER)
    monkeypatch.setattr(run_notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(run_notebooks, "EXECUTED", tmp_path / "executed")
    return tmp_path


def chapter(root: Path, text: str) -> Path:
    source = root / "notebooks" / "00_x.py"
    source.write_text(text)
    notebook = jupytext.read(source)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    jupytext.write(notebook, source.with_suffix(".ipynb"))
    return source


def run(root: Path, parameters: dict[str, int] | None = None) -> int:
    source = root / "notebooks" / "00_x.py"
    parameters = parameters or {}
    return run_notebooks.run([source], parameters, force=False)


def test_a_chapter_is_executed_once_and_again_when_the_package_changes(repository: Path, capsys: pytest.CaptureFixture):
    assert run(repository, {"n": 3}) == 0
    assert "1 executed, 0 unchanged, 0 failed" in capsys.readouterr().out
    executed = nbformat.read(repository / "executed" / "00_x.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0]["data"]["text/plain"] == "63"
    assert "| [00. Title](../notebooks/00_x.ipynb) |" in status_page.status_page(["00_x"], [executed])
    assert run(repository, {"n": 3}) == 0
    assert "0 executed, 1 unchanged, 0 failed" in capsys.readouterr().out
    wanted = run_notebooks.digest(repository / "notebooks" / "00_x.py", {"n": 3}, repository)
    assert run_notebooks.up_to_date(repository / "executed" / "00_x.ipynb", wanted)
    (repository / "ltdd_utils" / "a.py").write_text("x = 2\n")
    changed = run_notebooks.digest(repository / "notebooks" / "00_x.py", {"n": 3}, repository)
    assert not run_notebooks.up_to_date(repository / "executed" / "00_x.ipynb", changed)


def test_a_failed_chapter_is_reported_and_not_kept(repository: Path, capsys: pytest.CaptureFixture):
    chapter(repository, CHAPTER + "\n# %%\n1 / 0\n")
    assert run(repository) == 1
    error = "PapermillExecutionError: ZeroDivisionError: division by zero"
    assert f"00_x: FAILED in code cell 3, `1 / 0`: {error} (the cells so far: " in capsys.readouterr().out
    assert not (repository / "executed" / "00_x.ipynb").exists()


def test_the_digest_follows_the_records_only_where_they_are_read(repository: Path):
    source = repository / "notebooks" / "00_x.py"
    before = run_notebooks.digest(source, {}, repository)
    path = repository / "results" / "random_digits" / "r.json"
    path.write_text('{"a": 1}')
    assert run_notebooks.digest(source, {}, repository) == before
    chapter(repository, CHAPTER + "\n# %%\nfrom ltdd_utils import records\n")
    reading = run_notebooks.digest(source, {}, repository)
    path.write_text("{}")
    now = run_notebooks.digest(source, {}, repository)
    assert now != reading
    (repository / "results" / "targets.csv").write_text("paper,table\n")
    with_targets = run_notebooks.digest(source, {}, repository)
    assert with_targets != now
    (repository / "results" / "distilled").mkdir()
    (repository / "results" / "distilled" / "a.safetensors").write_bytes(b"a set")
    assert run_notebooks.digest(source, {}, repository) != with_targets


def test_a_readers_own_run_does_not_change_the_digest_of_a_clone(repository: Path):
    source = chapter(repository, CHAPTER + "\n# %%\nfrom ltdd_utils import records\n")
    for arguments in (["init"], ["add", "results"]):
        subprocess.run(["git", "-C", str(repository), *arguments], check=True, capture_output=True)
    before = run_notebooks.digest(source, {}, repository)
    (repository / "results" / "random_digits" / "own.json").write_text("{}")
    assert run_notebooks.digest(source, {}, repository) == before
    (repository / "results" / "random_digits" / "r.json").write_text('{"a": 1}')
    assert run_notebooks.digest(source, {}, repository) != before


def test_the_digest_follows_the_parameters(repository: Path):
    source = repository / "notebooks" / "00_x.py"
    assert run_notebooks.digest(source, {"n": 1}, repository) != run_notebooks.digest(source, {"n": 2}, repository)


def test_an_unknown_parameter_is_refused(repository: Path):
    with pytest.raises(ValueError, match=r"00_x.ipynb has no parameter 'steps'; it has: n"):
        run_notebooks.check_parameters(repository / "notebooks" / "00_x.ipynb", {"steps": 1})


PAPERMILL = {"007": 7, "True": True, "None": None, "0.5": 0.5, "1e-3": 1e-3, "damed": "damed"}


@pytest.mark.parametrize("text", PAPERMILL)
def test_a_parameter_is_read_as_papermill_reads_it(text):
    value = run_notebooks.literal(text)
    assert value == PAPERMILL[text] and type(value) is type(PAPERMILL[text])


@pytest.mark.parametrize("text", ["(3,)", "[3]"])
def test_a_tuple_or_a_list_is_one(text):
    assert list(run_notebooks.literal(text)) == [3]


@pytest.mark.parametrize("text", ["true", "false", "null"])
def test_words_that_would_count_as_true_are_refused(text):
    with pytest.raises(ValueError, match="is a text here, which counts as true: write"):
        run_notebooks.literal(text)
