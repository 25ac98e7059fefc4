"""Whole commands of today's code against those of an earlier commit, as users call them, in rounds that alternate.

Each piece of work is one command, made shorter by its number of epochs, and three ways to do it: the code of the commit
on all cores, today's with the same settings, and today's with what a user in a hurry would add (``--jobs``, bf16,
``--compile on``). Every run has folders of its own, into which what is not measured (preprocessing, a teacher) was made
before, by the same code. Compiled functions are kept from an unmeasured first run, whose surplus is the column
"compiling". "seconds" are of the clock, of the whole command or of the stages that the work names; "GiB" is the largest
sum of the proportional memory (PSS) of all processes of the command, looked at twice a second.

    python benchmarks/commands.py students --data /data
    python benchmarks/commands.py paper-2 --rounds 3 --save results/benchmarks/commands.csv
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd
from iteration import COMMIT, ROOT, unpacked

CELL = "--imbalance-factor 100 --ipc 10 --scale cpu --device cpu --quiet"
WAYS = ("commit", "today", "in a hurry")
LOOK_S = 0.5  # between two looks at the memory


@dataclass(frozen=True)
class Work:
    """What is measured.

    Attributes:
        command: of ``ltdd``, the same for all ways.
        before: commands whose stages are there when it begins.
        hurry: words that the third way adds.
        parts: what it is in words, for each stage whose seconds count, from the record; "": the whole command.
    """

    command: str
    before: Sequence[str]
    hurry: str
    parts: Mapping[str, str]


HURRY = "--jobs 2 --threads 1 --compile on"
STUDENTS = f"run random_cifar10 {CELL} --set evaluate.network.width=128 --protocol dsa-stored"
ONLINE = f"run random_cifar10 {CELL} --protocol online-teacher --set evaluate.teacher.train.epochs=1"
EXPERTS = f"experts datm_cifar10 {CELL} --set method.window=[0,1,2] --set method.experts.train.epochs="
UNILEVEL = f"run unilevel_cifar10 {CELL} --students 1 --set data.n_max=1000 --set method.initial.crops=1"
UNILEVEL += " --set method.observer.train.epochs=2 --set method.teacher.train.epochs=1"
UNILEVEL += " --set evaluate.train.epochs=1 --set evaluate.teacher.train.epochs=1"
WORK: Mapping[str, Work] = {
    "students": Work(
        f"{STUDENTS} --students 5 --set evaluate.train.epochs=60",
        [f"{STUDENTS} --students 1 --set evaluate.train.epochs=1"],
        f"{HURRY} --set evaluate.train.precision=bf16",
        {"": "students: five of width 128, 60 epochs"},
    ),
    "longer-students": Work(
        f"{STUDENTS} --students 5 --set evaluate.train.epochs=200",
        [f"{STUDENTS} --students 1 --set evaluate.train.epochs=1"],
        f"{HURRY} --set evaluate.train.precision=bf16",
        {"": "longer students: the same five, 200 epochs"},
    ),
    "online-students": Work(
        f"{ONLINE} --students 5 --set evaluate.train.epochs=100",
        [f"{ONLINE} --students 1 --set evaluate.train.epochs=1"],
        f"{HURRY} --set evaluate.train.precision=bf16",
        {"": "students with a teacher: five of width 32, 100 epochs"},
    ),
    "experts": Work(
        f"{EXPERTS}6",
        [f"{EXPERTS}3 --only 0"],
        f"{HURRY} --set method.experts.train.precision=bf16",
        {"": "experts: four of width 32, 6 epochs"},
    ),
    "paper-2": Work(
        UNILEVEL,
        (),
        "--compile on --set method.recover.precision=bf16",
        {
            "observer": "observer: a debiased ResNet-32 of width 16, 2 epochs of 2,480 images",
            "recovery": "recovery: ten images of each class, 75 iterations",
        },
    ),
}


class Way:
    """One code, with its words, in folders of its own."""

    def __init__(self, name: str, work: Work, code: Path, place: Path, data: Path | None) -> None:
        self.name, self.work, self.code, self.place, self.data = name, work, code, place, data
        self.words = work.hurry if name == "in a hurry" else ""
        for before in work.before:
            self.command(before, place / "before")

    def command(self, text: str, folder: Path) -> tuple[float, float]:
        """Run a command of ``ltdd`` in a folder; seconds, and the largest memory in GiB."""
        folder.mkdir(parents=True, exist_ok=True)
        call = [sys.executable, "-m", "ltdd_utils", *text.split(), *self.words.split(), "--work", folder / "work"]
        call += [] if text.startswith("experts") else ["--results", folder / "results"]
        call += [] if self.data is None else ["--data", self.data]
        environment = {**os.environ, "PYTHONPATH": str(self.code), "PYTHONSAFEPATH": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        environment.pop("OMP_NUM_THREADS", None)  # an upper bound of the threads
        begun, most = time.monotonic(), 0.0
        said = folder / "said"
        with said.open("w") as heard:
            process = subprocess.Popen(
                list(map(str, call)), env=environment, cwd=self.code, stdout=heard, stderr=heard, start_new_session=True
            )
            try:
                while process.poll() is None:
                    most = max(most, _memory(process.pid))
                    time.sleep(LOOK_S)
            except BaseException:  # Ctrl-C: the command is in a session of its own
                os.killpg(process.pid, signal.SIGKILL)
                raise
        if process.returncode:
            raise SystemExit(f"{' '.join(map(str, call))} ended with {process.returncode}: {said.read_text()[-2000:]}")
        return time.monotonic() - begun, most

    def run(self) -> dict[str, float]:
        """One measured run, in fresh folders that hold what was made before, and what was compiled."""
        folder = self.place / "round"
        if (self.place / "before" / "work").is_dir():
            shutil.copytree(self.place / "before" / "work", folder / "work")
        compiled = self.place / "compiled"
        if compiled.is_dir():
            shutil.copytree(compiled, folder / "work" / "compiled", dirs_exist_ok=True)
        seconds, memory = self.command(self.work.command, folder)
        found = {"": seconds, "GiB": memory}
        if "" not in self.work.parts:
            (record,) = (folder / "results").rglob("*.json")
            found |= json.loads(record.read_text())["cost"]["seconds"]
        if (folder / "work" / "compiled").is_dir() and not compiled.is_dir():
            shutil.copytree(folder / "work" / "compiled", compiled)
        shutil.rmtree(folder)
        return found


def _memory(group: int) -> float:
    """Memory of all processes of a session, in GiB, what they share counted once; 0 where there is no /proc."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(entry.name)) == group:
                lines = (entry / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, ValueError):  # it has ended meanwhile
            continue
    return total / 2**20


def measure(name: str, options: argparse.Namespace, old: Path, place: Path) -> list[dict[str, object]]:
    """A row per way: medians and ranges over the rounds, ratios round by round to the commit."""
    work = WORK[name]
    ways = [
        Way(way, work, old if way == "commit" else ROOT, place / way.replace(" ", "-"), options.data)
        for way in options.ways
    ]
    first = {way.name: way.run() for way in ways if way.name == "in a hurry"}  # compiles what the rounds then find
    found: dict[str, list[dict[str, float]]] = {way.name: [] for way in ways}
    for number in range(options.rounds):
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            found[way.name].append(way.run())
            print(f"{name}, round {number + 1}, {way.name}: {found[way.name][-1]}", file=sys.stderr, flush=True)
    rows = []
    for (part, words), (way, runs) in product(work.parts.items(), found.items()):
        seconds, base = [run[part] for run in runs], [run[part] for run in found[options.ways[0]]]
        ratios = [one / other for one, other in zip(seconds, base, strict=True)]
        added = work.hurry if way in first else ""
        row: dict[str, object] = {"work": part or name, "what": words, "way": way, "words": added}
        row |= {"n": len(runs), "seconds": statistics.median(seconds), "least": min(seconds), "most": max(seconds)}
        row |= {"ratio": statistics.median(ratios), "lowest ratio": min(ratios), "highest ratio": max(ratios)}
        row |= {"GiB": max(run["GiB"] for run in runs)}
        row |= {"compiling": max(first[way][part] - statistics.median(seconds), 0.0) if way in first else 0.0}
        rows.append(row)
    return rows


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", nargs="+", choices=WORK)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", default=COMMIT, metavar="COMMIT")
    parser.add_argument("--data", type=Path, default=os.environ.get("LTDD_DATA"), help="folder of the data sets")
    parser.add_argument("--save", type=Path, metavar="FILE", help="replace the rows of this work in a table")
    options = parser.parse_args()
    from ltdd_utils.core.provenance import machine

    with tempfile.TemporaryDirectory(prefix="ltdd-commands-") as place:
        old = unpacked(options.against, Path(place) / "old")
        for name in options.work:
            rows = pd.DataFrame(measure(name, options, old, Path(place) / name))
            rows = rows.assign(against=options.against, device=machine())
            print(rows.drop(columns=["what", "words", "device"]).to_string(index=False))
            if options.save is not None:
                kept = pd.read_csv(options.save, keep_default_na=False) if options.save.exists() else pd.DataFrame()
                kept = kept[~kept["work"].isin(rows["work"])] if len(kept) else kept
                pd.concat([kept, rows]).to_csv(options.save, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
