"""One iteration of DAM + ED: the code of a commit, today's on PyTorch's tape, and today's compiled in fp32 and bf16.

ConvNet-D3, images of 32x32, DSA, DAM with weights of mean 1; both phases, exact gradient. Every form runs in a process
of its own that is made ready first (compiled, one iteration run), and then all take turns, round by round, so that a
change of the machine's load meets all of them. The code of the commit is unpacked into a temporary folder. Memory is
the peak of the whole process while its iterations run; what compiling takes at its time is left out of it. On a machine
that others use too, the processor's time (CPU s) says more than the clock's.

    python benchmarks/iteration.py
    python benchmarks/iteration.py --steps 5 --rounds 3 --threads 1
    python benchmarks/iteration.py --save results/benchmarks/iteration.csv
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

ROOT = Path(__file__).resolve().parent.parent
COMMIT = "a9d5b2e"  # before passes were compiled
FORMS = {"commit": "fp32", "tape": "fp32", "compiled": "fp32", "tape bf16": "bf16", "compiled bf16": "bf16"}


def unpacked(commit: str, folder: Path) -> Path:
    """The files of a commit, below ``folder``."""
    packed = subprocess.run(["git", "-C", ROOT, "archive", commit], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def iteration(form: str, width: int, images: int, steps: int) -> Callable[[int], Any]:
    """One iteration in a form, of so many of its steps, by the code that this process imports."""
    from matching import CLASSES, Bench

    bench = Bench(width, images, steps, torch.device("cpu"), torch.float32)
    first, second = bench.first, bench.second

    def tape(count: int) -> None:  # asks nothing of an earlier commit that is new
        bench.first, bench.second = (replace(problem, steps=problem.steps[:count]) for problem in (first, second))
        bench.run("exact"), bench.run("closed form")

    if form in ("commit", "tape"):
        return tape
    from ltdd_utils.methods.trajectory.classifier import match_classifier
    from ltdd_utils.methods.trajectory.matching import match
    from ltdd_utils.methods.trajectory.settings import MatchConfig, TrajectoryConfig
    from ltdd_utils.methods.trajectory.student import student
    from ltdd_utils.training.compiling import Compiler

    cfg = TrajectoryConfig(second=MatchConfig(), match="backbone", precision=FORMS[form])
    told = {"watch": lambda event: print(event["note"], file=sys.stderr)}
    compiler = Compiler("on", "cpu", **told) if form.startswith("compiled") else None
    made = student(cfg, bench.network, bench.first.loss, bench.set.images.shape, compiler=compiler)

    def run(count: int) -> None:
        match(bench.set, replace(first, steps=first.steps[:count]), "exact", made.passes)
        held = replace(second, steps=second.steps[:count])
        match_classifier(bench.set, held, made.features, CLASSES, pull=made.pull)

    return run


def serve(options: argparse.Namespace) -> None:
    """Get ready, then run an iteration for every line that comes in, and print its seconds; at the end the memory."""
    from matching import keep_freed_memory, peak_ram_gib, reset_peaks  # of either code, wherever they lie there

    keep_freed_memory()  # as distillation does
    run = iteration(options.form, options.width, options.images, options.steps)
    run(1)  # loads what is loaded once
    reset_peaks()
    print(json.dumps({"ready": options.form}), flush=True)
    for _ in sys.stdin:
        start, busy = time.perf_counter(), time.process_time()
        run(options.steps)
        found = {"seconds": time.perf_counter() - start, "CPU s": time.process_time() - busy, "GiB": peak_ram_gib()}
        print(json.dumps(found), flush=True)


class Worker:
    """A process that runs one form."""

    def __init__(self, form: str, code: Path, options: argparse.Namespace, threads: int) -> None:
        call = [sys.executable, __file__, "--form", form, "--width", options.width, "--images", options.images]
        call += ["--steps", options.steps, "--threads", threads]
        paths = os.pathsep.join([str(code), str(code / "benchmarks")])
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": str(threads)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            list(map(str, call)), stdin=pipe, stdout=pipe, text=True, env=environment, cwd=code
        )
        self.answer()

    def answer(self) -> dict[str, Any]:
        """The next line that the process prints."""
        line = self.process.stdout.readline()
        if not line:
            sys.exit("a form failed; its error stands above")
        return json.loads(line)

    def run(self) -> dict[str, float]:
        """One iteration."""
        print(file=self.process.stdin, flush=True)
        return self.answer()

    def end(self) -> None:
        """Let the process go."""
        self.process.stdin.close()
        self.process.wait()


def measure(options: argparse.Namespace, threads: int, code: Path) -> list[dict[str, Any]]:
    """A row per form: median and range of its times, and of their ratios to the first form's; peak memory."""
    workers = {form: Worker(form, code if form == "commit" else ROOT, options, threads) for form in options.forms}
    found: dict[str, list[dict[str, float]]] = {form: [] for form in workers}
    for number in range(options.rounds):
        for form, worker in workers.items():
            found[form].append(worker.run())
            print(f"{threads} threads, round {number}, {form}: {found[form][-1]}", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.end()
    base = found[options.forms[0]]
    return [_row(form, runs, base) | {"threads": threads} for form, runs in found.items()]


def _row(form: str, runs: list[dict[str, float]], base: list[dict[str, float]]) -> dict[str, Any]:
    row = {"form": form, "precision": FORMS[form]}
    for unit in ("seconds", "CPU s"):
        values = [run[unit] for run in runs]
        ratios = [run[unit] / other[unit] for run, other in zip(runs, base, strict=True)]  # round by round
        row |= {unit: statistics.median(values), f"least {unit}": min(values), f"most {unit}": max(values)}
        row |= {f"ratio of {unit}": statistics.median(ratios)}
        row |= {f"lowest ratio of {unit}": min(ratios), f"highest ratio of {unit}": max(ratios)}
    return row | {"GiB": runs[-1]["GiB"]}


def main() -> None:
    """Measure all forms, or serve one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100, help="in the set (default: 100, CIFAR-10 at IPC 10)")
    parser.add_argument("--width", type=int, default=128, help="of the ConvNet-D3 (default: 128)")
    parser.add_argument("--steps", type=int, default=20, help="of the student, in both phases (default: 20)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="(default: 1 2)")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS), help="the first is the base")
    parser.add_argument("--save", type=Path, metavar="FILE", help="also write the rows as CSV")
    parser.add_argument("--form", choices=FORMS, help="serve this one alone")
    options = parser.parse_args()
    if options.form:
        torch.set_num_threads(options.threads[0])
        serve(options)
        return
    from ltdd_utils.core.provenance import code, machine

    with tempfile.TemporaryDirectory() as folder:
        before = unpacked(COMMIT, Path(folder))
        rows = [row for threads in options.threads for row in measure(options, threads, before)]
    setting = {name: getattr(options, name) for name in ("width", "images", "steps", "rounds")}
    setting |= {"device": machine(), "torch": torch.__version__, "commit": code()["commit"], "against": COMMIT}
    table = pd.DataFrame(rows).assign(**setting)
    if options.save is not None:
        table.to_csv(options.save, index=False, float_format="%.4g")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
