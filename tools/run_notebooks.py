"""Execute the chapters with papermill, as many at the same time as there are cores; what has not changed stays.

python tools/run_notebooks.py                      all chapters
python tools/run_notebooks.py 01 -p seed 3         one chapter, with another value of a parameter
python tools/run_notebooks.py --force              again, changed or not
python tools/run_notebooks.py --jobs 1             one after another
python tools/run_notebooks.py --force --jobs 1 --note   and note what each took, on a machine without other work
"""

import argparse
import ast
import hashlib
import json
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import papermill
import papermill.cli
from notebook_pairs import ROOT, chapters, in_step
from side_by_side import Kernel, Stopped, cores, longest_first, note_seconds, noted_seconds, run_all

from ltdd_utils.records import committed

EXECUTED = ROOT / "_build" / "executed"
CELL_LIMIT = 600  # seconds
WORDS = {"true": "True", "false": "False", "null": "None"}


def reads_records(source: Path) -> bool:
    """Whether a chapter depends on the records: then its code has the word ``records`` or ``analysis``."""
    code = (line for line in source.read_text().splitlines() if not line.startswith("#"))
    return any(re.search(r"\b(records|analysis)\b", line) for line in code)


def digest(source: Path, parameters: dict[str, Any], root: Path | None = None) -> str:
    """One hash over everything that a chapter's outputs depend on."""
    root = root or ROOT
    files: Iterable[Path] = [source, root / "constraints.txt", *sorted((root / "ltdd_utils").rglob("*.py"))]
    if reads_records(source):
        sets = [
            path
            for name in ("benchmarks", "distilled", "pictures", "variance")
            for path in sorted((root / "results" / name).rglob("*.*"))
        ]
        tables = [
            path for path in (root / "results" / name for name in ("targets.csv", "primary.toml")) if path.exists()
        ]
        files = [*files, *tables, *sets, *committed(root / "results")]
    total = hashlib.sha256(json.dumps([parameters, sys.version_info[:2]], sort_keys=True).encode())
    for path in files:
        total.update(f"\0{path.relative_to(root)}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def up_to_date(output: Path, wanted: str) -> bool:
    """Whether a chapter was executed to its end with these inputs; the digest is noted only then."""
    return output.exists() and nbformat.read(output, as_version=4).metadata.get("ltdd", {}).get("digest") == wanted


def check_parameters(notebook: Path, parameters: dict[str, Any]) -> None:
    """Refuse a parameter that the chapter does not have; papermill would only log it.

    Raises:
        ValueError: an unknown parameter.
    """
    declared = papermill.inspect_notebook(str(notebook)) if parameters else {}
    for name in parameters:
        if name not in declared:
            raise ValueError(f"{notebook.name} has no parameter {name!r}; it has: {', '.join(declared) or 'none'}")


def execute(source: Path, parameters: dict[str, Any], wanted: str, told: Callable[[str], None]) -> str | None:
    """Execute one chapter.

    Args:
        source: its .py.
        parameters: that differ from the chapter's own.
        wanted: the digest to note.
        told: called with the cell that begins; it raises ``Stopped`` to end the chapter.

    Returns:
        None, or the cell and the error that stopped it.
    """
    output = EXECUTED / f"{source.stem}.ipynb"
    partial = EXECUTED / f"{source.stem}.partial.ipynb"
    for path in (output, partial):
        path.unlink(missing_ok=True)  # a page must never show what an older source did
    cells: list[str] = []

    def begins(cell: nbformat.NotebookNode, cell_index: int) -> None:
        del cell_index
        if cell.cell_type == "code":
            cells.append(cell.source.strip().partition("\n")[0])
        told(f"cell {len(cells)}")

    try:
        _papermill(source, partial, parameters, begins)
    except Stopped:
        raise
    except Exception as problem:  # whatever stops a chapter is told in one line
        text = f"{type(problem).__name__}: {str(problem).strip().splitlines()[-1]}"
        seen = f" (the cells so far: {partial.relative_to(ROOT)})" if partial.exists() else ""
        return f"in code cell {len(cells)}, `{cells[-1]}`: {text}{seen}" if cells else text
    notebook = nbformat.read(partial, as_version=4)
    notebook.metadata["ltdd"] = {"digest": wanted}
    nbformat.write(notebook, partial)
    partial.replace(output)
    return None


def _papermill(source: Path, target: Path, parameters: dict[str, Any], begins: Callable[..., None]) -> None:
    papermill.execute_notebook(
        str(source.with_suffix(".ipynb")),
        str(target),
        parameters,
        kernel_name="python3",
        kernel_manager_class=Kernel,
        extra_arguments=["--log-level=CRITICAL"],  # to end, a kernel is interrupted, and calls that an error
        resources={"metadata": {"path": str(source.parent)}},  # papermill's own `cwd` is one for all threads
        progress_bar=False,
        request_save_on_cell_execute=False,  # it would be the whole notebook, twice per cell, text too
        execution_timeout=CELL_LIMIT,
        on_cell_start=begins,
    )


def last_seconds(output: Path) -> dict[str, float]:
    """What a chapter took when it was last executed, under its name; empty if nothing tells."""
    if not output.exists():
        return {}
    seconds = nbformat.read(output, as_version=4).metadata.get("papermill", {}).get("duration")
    return {output.stem: seconds} if seconds else {}


def run(sources: list[Path], parameters: dict[str, Any], force: bool, jobs: int = 1) -> int:
    """Execute what has changed, say one line about each chapter; returns how many failed.

    Raises:
        KeyboardInterrupt: Ctrl-C; no kernel is left.
    """
    EXECUTED.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    wanted = {source.stem: digest(source, parameters) for source in sources}
    by_name, known = {source.stem: source for source in sources}, noted_seconds()
    changed = [name for name in wanted if force or not up_to_date(EXECUTED / f"{name}.ipynb", wanted[name])]
    for name in wanted:
        known |= last_seconds(EXECUTED / f"{name}.ipynb")
        if name not in changed:
            print(f"{name}: unchanged", flush=True)
    outcomes = run_all(
        lambda name, told: execute(by_name[name], parameters, wanted[name], told),
        longest_first(changed, known),
        max(1, min(jobs, len(changed))),
    )
    failed = sum(map(bool, outcomes.values()))
    done = {"executed": len(outcomes) - failed, "unchanged": len(sources) - len(changed), "failed": failed}
    done |= {"stopped": len(changed) - len(outcomes)} if len(changed) > len(outcomes) else {}
    summary = ", ".join(f"{count} {outcome}" for outcome, count in done.items())
    print(f"chapters: {summary} in {time.perf_counter() - start:.1f} s", flush=True)
    return failed


def prepare_kernels() -> None:
    """Set what kernels inherit, so that a page depends on this repository and not on who builds it."""
    profile = EXECUTED.parent / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    # Else every kernel warns that it listens without encryption, on this machine's own loopback.
    (profile / "ipython_kernel_config.py").write_text('get_config().IPKernelApp.log_level = "ERROR"\n')
    # No progress output in the pages, no spinning threads, the environment's own kernel, nobody's start-up files.
    os.environ.update(TQDM_DISABLE="1", OMP_WAIT_POLICY="PASSIVE", JUPYTER_PREFER_ENV_PATH="1")
    # A sum's last digits depend on the number of threads, and a page must not depend on what ran beside it.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["IPYTHONDIR"] = str(profile.parent)
    os.environ.pop("MPLBACKEND", None)
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what goes wrong is told in one line of ours


def literal(text: str) -> Any:  # noqa: ANN401 (any literal)
    """A value as papermill's own -p reads it (007 is 7, True is true, true is a text); beyond that, a list or tuple.

    Raises:
        ValueError: ``true``, ``false`` or ``null``, which Python does not know: as a text they would be true.
    """
    if text in ("true", "false", "null"):
        raise ValueError(f"{text!r} is a text here, which counts as true: write {WORDS[text]}")
    value = papermill.cli._resolve_type(text)
    if value == text and text[:1] in ("(", "["):
        with suppress(ValueError, SyntaxError):
            return ast.literal_eval(text)
    return value


def main() -> int:
    """Read the command line, check it, run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapter", nargs="*", help="first characters of a chapter's name, for example 01")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    parser.add_argument("--force", action="store_true", help="execute also what has not changed")
    parser.add_argument("--jobs", type=int, default=cores(), help="chapters at the same time (default: the cores)")
    parser.add_argument("--note", action="store_true", help="note what each took, for the order of a first build")
    options = parser.parse_args()
    sources = [s for s in chapters() if not options.chapter or s.name.startswith(tuple(options.chapter))]
    try:
        parameters = {name: literal(value) for name, value in options.p}
        if not sources:
            raise ValueError(f"no chapter begins with {' or '.join(options.chapter)}; see notebooks/")
        for source in sources:
            if not in_step(source):
                raise ValueError(f"notebooks/{source.stem}.ipynb does not say what its .py says: run `make sync`")
            check_parameters(source.with_suffix(".ipynb"), parameters)
        if options.jobs < 1:
            raise ValueError(f"--jobs is {options.jobs}; at least 1 is needed")
    except ValueError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    prepare_kernels()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: no kernel is left behind
    try:
        failed = run(sources, parameters, options.force, options.jobs)
        if options.note and not failed:
            note_seconds({k: v for s in sources for k, v in last_seconds(EXECUTED / f"{s.stem}.ipynb").items()})
        return int(failed > 0)
    except KeyboardInterrupt:
        print("chapters: stopped; those that were executed stay, the next call goes on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
