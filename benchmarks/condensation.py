"""The cost of the methods of condensation beside DM: seconds of an iteration, of a whole recipe, and peak memory.

Each method runs the iterations of its recipe on noise with the sizes of CIFAR-10-LT (IF 100), in a process of its own,
one after another in rounds. A round takes the time of few iterations off that of more, so that what happens once does
not count. ``recipe, s`` is the median over rounds times the recipe's iterations; the start of a set, teachers and
students are in none of it, so LADM's labelling teacher comes on top. Memory is the peak above that of the process
before, images of the long tail not counted.

    python benchmarks/condensation.py
    python benchmarks/condensation.py --rounds 1 --largest 500 --json
    python benchmarks/condensation.py --save results/benchmarks/condensation.csv
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import pandas as pd
import torch

from ltdd_utils import recipes
from ltdd_utils.core.provenance import machine, peak_ram_gib, reset_peaks
from ltdd_utils.core.seeds import generator
from ltdd_utils.data.longtail import class_counts
from ltdd_utils.distilled import NOT_REAL, DistilledSet
from ltdd_utils.methods.condensation.common import RealImages
from ltdd_utils.methods.condensation.distributions import idm
from ltdd_utils.methods.condensation.features import dm
from ltdd_utils.methods.condensation.gradients import dc
from ltdd_utils.methods.condensation.matching import dream
from ltdd_utils.methods.condensation.settings import CondensationConfig, LADMConfig
from ltdd_utils.methods.condensation.spectral import csdm

CLASSES, FACTOR, SIZE = 10, 100, 32
LOOPS = {"dm": dm, "csdm": csdm, "dc": dc, "dream": dream, "idm": idm, "ladm": idm}
FEW = {"dm": 20, "csdm": 20, "dc": 1, "dream": 1, "idm": 10, "ladm": 10}  # iterations, of about a second or more


def settings(method: str, scale: str) -> CondensationConfig:
    """Of the loop of images."""
    cfg = recipes.recipe(f"{method}_cifar10", imbalance_factor=FACTOR, ipc=10, scale=scale).method
    return cfg.images if isinstance(cfg, LADMConfig) else cfg


class Bench:
    """A recipe's loop on noise; LADM is its loop of images."""

    def __init__(self, method: str, scale: str, most: int) -> None:
        """A long tail with ``most`` images in its largest class, and a set of ten images of each to begin from."""
        self.cfg = settings(method, scale)
        labels = torch.arange(CLASSES).repeat_interleave(torch.tensor(class_counts(most, FACTOR, CLASSES)))
        images = torch.randn(len(labels), 3, SIZE, SIZE, generator=generator(0, "real"))
        self.loop, self.real = LOOPS[method], RealImages.of(images, labels, CLASSES)
        labels = torch.arange(CLASSES).repeat_interleave(10)
        info = {"class_names": [str(label) for label in range(CLASSES)], "factor": getattr(self.cfg, "factor", 1)}
        images = torch.randn(len(labels), 3, SIZE, SIZE, generator=generator(0, "start"))
        self.start = DistilledSet(labels, torch.full_like(labels, NOT_REAL), images=images, info=info)

    def seconds(self, iterations: int) -> float:
        """Of so many iterations."""
        begun = time.perf_counter()
        self.loop(replace(self.cfg, iterations=iterations), self.start, self.start.images, self.real, 0)
        return time.perf_counter() - begun


def measured(method: str, scale: str, most: int) -> dict[str, float]:
    """Seconds of an iteration, and the peak memory of the loop above that before it, in GiB."""
    bench, few = Bench(method, scale, most), FEW[method]
    reset_peaks()
    before = peak_ram_gib()
    first = bench.seconds(few)
    return {"seconds": (bench.seconds(3 * few) - first) / (2 * few), "peak": peak_ram_gib() - before}


def child(method: str) -> dict[str, float]:
    """What a process of its own measures."""
    call = [sys.executable, __file__, *sys.argv[1:], "--part", method]
    return json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    """Measure all methods in processes of their own, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="cpu", help="of the recipes (default: cpu)")
    parser.add_argument("--rounds", type=int, default=3, help="over all methods (default: 3)")
    parser.add_argument("--largest", type=int, default=5000, help="images of the largest class (default: 5000)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="(default: all cores)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the table as CSV")
    parser.add_argument("--part", choices=sorted(LOOPS), help="this one alone, once")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.part:
        print(json.dumps(measured(options.part, options.scale, options.largest)))
        return 0
    rounds = [{method: child(method) for method in LOOPS} for _ in range(options.rounds)]
    rows = []
    for method in LOOPS:
        cfg = settings(method, options.scale)
        seconds, peak = (median(one[method][key] for one in rounds) for key in ("seconds", "peak"))
        whole = {"iterations": cfg.iterations, "recipe, s": seconds * cfg.iterations}
        rows.append({"method": method, "s per iteration": seconds, **whole, "peak GiB": peak})
    base = rows[0]
    rows = [{**row, "seconds / DM's": row["recipe, s"] / base["recipe, s"]} for row in rows]
    setting = {"scale": options.scale, "rounds": options.rounds, "threads": options.threads}
    setting |= {"device": machine(torch.device("cpu"))}
    if options.save is not None:
        saved = pd.DataFrame(rows).assign(**setting, torch=torch.__version__)
        saved.to_csv(options.save, index=False, float_format="%.4g")
    if options.json:
        print(json.dumps({**setting, "torch": torch.__version__, "methods": rows}, indent=2))
        return 0
    print(", ".join(f"{name} {value}" for name, value in setting.items()))
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.3g}".format))
    return 0


if __name__ == "__main__":
    sys.exit(main())
