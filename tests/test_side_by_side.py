"""Chapters at the same time: the order, the time left, the same outputs, and one end for all."""

import _thread
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import notebook_pairs
import pytest
import run_notebooks
import side_by_side

ROOT = Path(__file__).resolve().parent.parent
SLOW = (
    "# %%\nimport os, pathlib, time\n\npathlib.Path('../pid').write_text(str(os.getpid()))\n\n# %%\ntime.sleep(300)\n"
)


@pytest.fixture
def chapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write chapters into a repository of the test's own, from their names and sources."""
    monkeypatch.setattr(run_notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(run_notebooks, "EXECUTED", tmp_path / "executed")
    for folder in ("notebooks", "ltdd_utils", "results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "constraints.txt").write_text("")

    def write(**texts: str) -> list[Path]:
        sources = [tmp_path / "notebooks" / f"{name}.py" for name in texts]
        for source, text in zip(sources, texts.values(), strict=True):
            source.write_text(text)
            notebook = jupytext.read(source)
            notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
            jupytext.write(notebook, source.with_suffix(".ipynb"))
        return sources

    return write


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- Order and time left ----------------------------------------------------------------------------------------------


def test_seconds_are_noted_of_chapters_that_there_are():
    noted = side_by_side.noted_seconds()
    assert noted and set(noted) <= {source.stem for source in notebook_pairs.chapters()}
    assert min(noted.values()) > 0


def test_what_chapters_took_is_noted_and_the_others_keep_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table = tmp_path / "seconds.csv"
    table.write_text("chapter,seconds\n00_a,7\n02_c,9\n")
    monkeypatch.setattr(side_by_side, "SECONDS", table)
    side_by_side.note_seconds({"01_b": 41.4, "00_a": 3.0})
    assert table.read_text() == "chapter,seconds\n00_a,3\n01_b,41\n02_c,9\n"


def test_the_longest_comes_first_and_an_unknown_one_in_the_middle():
    known = {"a": 1.0, "b": 9.0, "c": 4.0}
    assert list(side_by_side.longest_first(["a", "b", "c"], known)) == ["b", "c", "a"]
    assert side_by_side.longest_first(["a", "new", "b"], known) == {"b": 9.0, "new": 4.0, "a": 1.0}
    assert side_by_side.longest_first(["new"], {}) == {"new": 1.0}


@pytest.mark.parametrize("running", [[], [2.0], [2.0, 7.0]])
def test_the_time_left_of_one_place_is_the_sum_and_of_many_the_longest(running):
    waiting = [5.0, 3.0, 3.0, 1.0]
    if len(running) < 2:
        assert side_by_side.time_left(running, waiting, 1) == sum(running) + sum(waiting)
    assert side_by_side.time_left(running, waiting, 9) == max(running + waiting)
    for jobs in (2, 3, 4):
        left = side_by_side.time_left(running, waiting, jobs)
        least = max(sum(running + waiting) / jobs, *running, *waiting)
        assert least <= left <= sum(running + waiting) / jobs + max(running + waiting)


def test_no_more_time_is_left_when_nothing_is():
    assert side_by_side.time_left([], [], 3) == 0


def test_a_display_goes_by_the_pace_of_what_has_ended():
    display = side_by_side.Display({"a": 10.0, "b": 4.0, "c": 2.0}, jobs=1)
    assert display.left() == 16.0
    display.begun["a"], display.ended["a"] = 0.0, 30.0  # three times as long as expected
    assert display.left() == pytest.approx(18.0)
    display.begun["b"] = time.perf_counter() - 5
    assert display.left() == pytest.approx(3 * 4.0 - 5 + 3 * 2.0, abs=0.5)


def test_as_many_run_at_the_same_time_as_there_are_places():
    """Each waits until the others are there, too."""
    together = threading.Barrier(3, timeout=20)
    expected = dict.fromkeys("abcdef", 1.0)

    def work(name: str, told: Callable[[str], None]) -> None:
        told(name)
        together.wait()

    done = side_by_side.run_all(work, expected, 3)
    assert done == dict.fromkeys("abcdef")


def test_places_are_the_cores_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch):
    here = side_by_side.cores()
    assert 1 <= here <= (os.cpu_count() or 1)
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert side_by_side.cores() == 1
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", str(here + 7))
    assert side_by_side.cores() == here


# --- Chapters ---------------------------------------------------------------------------------------------------------


def test_the_outputs_are_those_of_one_after_the_other(chapters):
    texts = {f"0{k}_x": f"# %%\nimport os\n\n{k} * 7, os.path.basename(os.getcwd())\n" for k in range(3)}
    sources, outputs = chapters(**texts), {}
    for jobs in (1, 3):
        assert run_notebooks.run(sources, {}, force=True, jobs=jobs) == 0
        read = [nbformat.read(run_notebooks.EXECUTED / f"{name}.ipynb", as_version=4) for name in texts]
        outputs[jobs] = [[cell.outputs for cell in notebook.cells] for notebook in read]
    assert outputs[1] == outputs[3]
    assert [found[0][0]["data"]["text/plain"] for found in outputs[1]] == [f"({k * 7}, 'notebooks')" for k in range(3)]


def test_a_chapter_that_fails_ends_the_others_and_says_its_cell(chapters, tmp_path: Path, capsys):
    wait = "# %%\nimport pathlib, time\n\nwhile not pathlib.Path('../pid').exists():\n    time.sleep(0.05)\n"
    sources = chapters(**{"00_a": f"{wait}\n# %%\nhalf = 1 / 0\n", "01_b": SLOW, "02_c": SLOW})
    begin = time.perf_counter()
    assert run_notebooks.run(sources, {}, force=False, jobs=2) == 1
    assert time.perf_counter() - begin < 60
    said = capsys.readouterr().out
    assert "00_a: FAILED in code cell 2, `half = 1 / 0`: PapermillExecutionError: ZeroDivisionError" in said
    assert "0 executed, 0 unchanged, 1 failed, 2 stopped" in said
    assert "01_b" not in said and "02_c" not in said
    assert not alive(int((tmp_path / "pid").read_text()))
    assert not list(run_notebooks.EXECUTED.glob("0[12]*"))


def test_a_kernel_that_dies_is_a_failure_with_its_cell(chapters, capsys):
    sources = chapters(**{"00_a": "# %%\nimport os\n\n# %%\nos._exit(1)\n"})
    assert run_notebooks.run(sources, {}, force=False, jobs=1) == 1
    assert "00_a: FAILED in code cell 2, `os._exit(1)`: DeadKernelError" in capsys.readouterr().out


def test_ctrl_c_ends_all(chapters, tmp_path: Path):
    sources = chapters(**{"00_a": SLOW, "01_b": "# %%\n1\n", "02_c": SLOW})

    def press() -> None:
        while not (tmp_path / "pid").exists():
            time.sleep(0.05)
        _thread.interrupt_main()

    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a command in the background ignores
    threading.Thread(target=press).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_notebooks.run(sources, {}, force=False, jobs=2)
    finally:
        signal.signal(signal.SIGINT, usual)
    assert not alive(int((tmp_path / "pid").read_text()))
    assert not list(run_notebooks.EXECUTED.glob("00*"))
