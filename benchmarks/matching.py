"""The cost of a matching gradient: seconds, memory and rounding of exact, TESLA, the released scheme and full unroll.

Every part runs in a process of its own: one ConvNet-D3, images of 32x32, DSA, DAM with weights of mean 1. The released
scheme (``released.py``) runs on our network, so that ratios compare schemes and not layers; "native" runs it on
PyTorch's own group norm and pool, as the release does. The memory of a part is the
process's peak above what it held before (on a GPU: the allocator's). An iteration is a first phase and a classifier
phase of equally many steps; ours is exact or TESLA, then the closed form.

    python benchmarks/matching.py
    python benchmarks/matching.py --quick --json
    python benchmarks/matching.py --save results/benchmarks/matching.csv
    python benchmarks/matching.py --part accuracy --width 32 --save results/benchmarks/rounding.csv
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from released import released
from torch import Tensor, nn

from ltdd_utils.augment import AugmentConfig, draw
from ltdd_utils.core.context import pick_device
from ltdd_utils.core.provenance import machine, peak_ram_gib, reset_peaks
from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.trajectory.classifier import match_classifier
from ltdd_utils.methods.trajectory.dam import inner_loss
from ltdd_utils.methods.trajectory.matching import (
    GRADIENTS,
    Matched,
    Problem,
    Step,
    Synthetic,
    exact,
    student_weights,
    tesla,
)
from ltdd_utils.methods.trajectory.passes import in_precision
from ltdd_utils.methods.trajectory.settings import DAMConfig
from ltdd_utils.networks import Layout, NetworkConfig, build, flat_parameters
from ltdd_utils.networks.blocks import HalvingPool
from ltdd_utils.networks.instance_norm import InstanceNorm
from ltdd_utils.training import keep_freed_memory, soft_cross_entropy

CLASSES, SIZE = 10, 32
COUNTS = [500 - 50 * label for label in range(CLASSES)]  # of a long tail, for DAM's weights
FIRST = ("exact", "tesla", "released")  # gradients of the first phase that are compared at every number of steps
SECOND = ("closed form", "released second")
NATIVE = ("released native", "released second native")  # on PyTorch's own layers
GAUGES = (2, 4)  # steps of the unrolls that say what longer ones would take
LARGER_SETS, LARGER_STEPS = (2, 5), 20  # IPC 20 and 50 where ``--images`` is IPC 10
EXACT_STEPS = 10  # of the comparison with float64


class Bench:
    """A distilled set, a pair of snapshots for each phase, and the student's steps, all drawn from fixed seeds."""

    def __init__(
        self, width: int, images: int, steps: int, device: torch.device, dtype: torch.dtype, native: bool = False
    ) -> None:
        def normal(name: str, *shape: int) -> Tensor:
            return torch.randn(*shape, dtype=torch.float32, generator=generator(0, name)).to(device, dtype)

        network = build(NetworkConfig(width=width), CLASSES, SIZE, 3, generator(0, "weights")).requires_grad_(False)
        if native:
            _use_pytorch_layers(network.backbone)
        self.network = network = network.to(device, dtype)
        self.layout = Layout.of(network)
        self.features = self.layout.features(network)
        labels = torch.arange(images, device=device) % CLASSES
        patterns = normal("patterns", CLASSES, 3, SIZE, SIZE)[labels]
        logits = 4 * torch.eye(CLASSES, dtype=dtype, device=device)[labels]
        lr = torch.tensor(0.01, dtype=dtype, device=device)
        self.set = Synthetic(patterns + 0.5 * normal("images", images, 3, SIZE, SIZE), logits, lr)
        self.others = replace(self.set, images=patterns + 0.5 * normal("others", images, 3, SIZE, SIZE))
        rng, strategy = generator(0, "dsa"), AugmentConfig("dsa").strategy
        replay = [Step(None, draw(strategy, images, SIZE, rng, device)) for _ in range(steps)]
        start = flat_parameters(network)
        target = start + 0.1 * start.std() * normal("target", len(start))
        loss, parts = inner_loss(DAMConfig("mean"), COUNTS, device), self.layout.part
        self.first = Problem(self.layout.apply(network), start, target, parts("backbone"), replay, loss)
        head = start.clone()
        head[parts("classifier")] = target[parts("classifier")]
        self.second = replace(self.first, target=head, part=parts("classifier"), loss=soft_cross_entropy)

    def run(self, name: str) -> Matched:
        """The gradient called ``name``."""
        if name == "closed form":
            return match_classifier(self.set, self.second, self.features, CLASSES)
        name = name.removesuffix(" native")
        if name == "released second":
            return released(self.set, self.second, self.second.part)
        return {**GRADIENTS, "released": released}[name](self.set, self.first)


def _use_pytorch_layers(backbone: nn.Sequential) -> None:
    """Put PyTorch's own group norm and average pool, with the same weights, instead of ours."""
    for index, layer in enumerate(backbone):
        if isinstance(layer, InstanceNorm):
            backbone[index] = nn.GroupNorm(layer.num_groups, layer.num_channels).requires_grad_(False)
            backbone[index].load_state_dict(layer.state_dict())
        elif isinstance(layer, HalvingPool):
            backbone[index] = nn.AvgPool2d(2)


def measure(name: str, width: int, images: int, steps: int, device: torch.device) -> dict[str, float]:
    """Seconds and peak memory of one gradient, after one of a single step on the same images."""
    if device.type == "cpu":
        keep_freed_memory()  # as distillation does
    native = name in NATIVE
    Bench(width, CLASSES, 1, device, torch.float32, native).run(name)  # loads what is loaded once
    short, bench = (Bench(width, images, count, device, torch.float32, native) for count in (1, steps))
    before = _memory(device, anew=True)
    short.run(name)
    took = timed(lambda: bench.run(name), device)
    return {"seconds": took, "GiB": _memory(device) - before}


def _memory(device: torch.device, anew: bool = False) -> float:
    """The peak so far in GiB; ``anew`` starts counting from what is held now."""
    gc.collect()
    if device.type == "cuda":
        if anew:
            torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.max_memory_allocated(device) / 2**30
    if anew:
        reset_peaks()
    return peak_ram_gib()


def timed(run: Callable[[], Any], device: torch.device) -> float:
    """Seconds of one run, until the device has done it."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    run()
    wait()
    return time.perf_counter() - start


def accuracy(width: int, images: int, steps: int, device: torch.device) -> dict[str, dict[str, float]]:
    """Relative errors of the gradients, ``|a - b| / |b|``; the target is a student's end on other images."""
    found = {}
    for digits, dtype in (("float64", torch.float64), ("float32", torch.float32)):
        bench = Bench(width, images, steps, device, dtype)
        problem = replace(bench.first, target=student_weights(bench.others, bench.first)[-1])
        for name, gradient in (("exact", exact), ("tesla", tesla)):
            found[name, digits] = gradient(bench.set, problem)
            if dtype == torch.float32:
                halved = replace(problem, network=in_precision(problem.network, "bf16", device.type))
                found[name, "bf16"] = gradient(bench.set, halved)
    pairs = [(("exact", "float32"), ("exact", "float64")), (("tesla", "float32"), ("tesla", "float64"))]
    pairs += [(("exact", "bf16"), ("exact", "float64")), (("tesla", "bf16"), ("tesla", "float64"))]
    pairs += [(("tesla", "float32"), ("exact", "float64")), (("tesla", "float64"), ("exact", "float64"))]
    return {f"{' '.join(a)} to {' '.join(b)}": _errors(found[a], found[b]) for a, b in pairs}


def _errors(one: Matched, other: Matched) -> dict[str, float]:
    names = ("images", "logits", "lr")
    pairs = {name: (getattr(one, name).double(), getattr(other, name).double()) for name in names}
    return {name: ((a - b).norm() / b.norm()).item() for name, (a, b) in pairs.items()}


def child(name: str, images: int, steps: int) -> dict[str, Any] | None:
    """One part in a process of its own; None if it died (of memory)."""
    call = [sys.executable, __file__, *sys.argv[1:], "--part", name, "--images", str(images), "--at", str(steps)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode and name != "unroll":
        sys.exit(f"{name}, {steps} steps, {images} images: {done.stderr}")
    return None if done.returncode else json.loads(done.stdout)


def collect(options: argparse.Namespace) -> dict[str, Any]:
    """All parts, one after the other, round by round: a change of the machine's load meets all of them."""
    steps, images = sorted(options.steps), options.images
    plan = [(name, images, count) for count in steps for name in FIRST]
    plan += [(name, images, _phase_steps(steps)) for name in (*SECOND, *NATIVE)]
    plan += [("unroll", images, count) for count in GAUGES]
    plan += [] if options.quick else [("exact", factor * images, LARGER_STEPS) for factor in LARGER_SETS]
    found: dict[tuple[str, int, int], list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for part in plan:
            _add(found, part)
    skipped = {}
    held = [found[("unroll", images, count)][0]["GiB"] for count in GAUGES]
    for count in (count for count in steps if count not in GAUGES):
        estimate = held[1] + (count - GAUGES[1]) * (held[1] - held[0]) / (GAUGES[1] - GAUGES[0])
        if estimate > options.max_gib or not _add(found, ("unroll", images, count)):
            skipped[count] = estimate
    rows = [
        {"gradient": name, "images": size, "steps": count, **_summary(runs, count)}
        for (name, size, count), runs in found.items()
    ]
    close = child("accuracy", images, EXACT_STEPS)
    return {"parts": rows, "ratios": ratios(rows, steps, images), "errors": close, "unroll left out, GiB": skipped}


def _phase_steps(steps: list[int]) -> int:
    """The second phases are measured at the largest number of steps up to 20: their cost is linear in it."""
    return max([count for count in steps if count <= LARGER_STEPS] or steps[:1])


def _add(results: dict[tuple[str, int, int], list[dict[str, float]]], part: tuple[str, int, int]) -> bool:
    result = child(*part)
    print(*part, result, file=sys.stderr, flush=True)
    if result is not None:
        results.setdefault(part, []).append(result)
    return result is not None


def _summary(runs: list[dict[str, float]], steps: int) -> dict[str, float]:
    seconds, gib = (statistics.median(run[name] for run in runs) for name in ("seconds", "GiB"))
    return {"seconds": seconds, "seconds per step": seconds / steps, "GiB": gib}


def ratios(rows: list[dict[str, Any]], steps: list[int], images: int) -> dict[str, float]:
    """Time of the gradients and of whole iterations, and memory at most and at least steps."""
    of = {(row["gradient"], row["steps"]): row for row in rows if row["images"] == images}
    result = {}
    for count in steps:
        seconds = {name: of[name, count]["seconds"] for name in FIRST}
        for one, other in (("exact", "tesla"), ("released", "tesla"), ("released", "exact")):
            result[f"seconds, {one} / {other}, {count} steps"] = seconds[one] / seconds[other]
    count = _phase_steps(steps)
    whole = {name: of[name, count]["seconds"] + of["closed form", count]["seconds"] for name in ("exact", "tesla")}
    for kind in ("released", "released native"):
        second = kind.replace("released", "released second")
        theirs = of[kind, count]["seconds"] + of[second, count]["seconds"]
        for name, seconds in whole.items():
            result[f"seconds of an iteration, {kind} / ours ({name}), {count} steps"] = theirs / seconds
    for name in FIRST:
        most, least = (of[name, end]["GiB"] for end in (steps[-1], steps[0]))
        result[f"memory, {name}, {steps[-1]} / {steps[0]} steps"] = most / max(least, 1e-9)
    return result


def main() -> int:
    """Measure all parts in processes of their own, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100, help="in the set (default: 100, CIFAR-10 at IPC 10)")
    parser.add_argument("--width", type=int, default=128, help="of the ConvNet-D3 (default: 128)")
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 20, 40, 80], help="of the student")
    parser.add_argument("--quick", action="store_true", help="10 and 20 steps, no larger sets")
    parser.add_argument("--rounds", type=int, default=1, help="how often each part is measured (default: 1)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="(default: all cores)")
    parser.add_argument("--max-gib", type=float, help="of a full unroll (default: half of the memory)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="also write the parts as CSV; chapter 04 shows one")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--part", choices=[*FIRST, *SECOND, *NATIVE, "unroll", "accuracy"], help="this one alone")
    parser.add_argument("--at", type=int, default=EXACT_STEPS, help="steps of that part (default: 10)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    if options.part == "accuracy":
        found = accuracy(options.width, options.images, options.at, device)
        if options.save is not None:
            setting = {name: getattr(options, name) for name in ("width", "images", "at")}
            table = pd.DataFrame(found).T.add_prefix("error of ").rename_axis("what")
            table = table.assign(**setting, torch=torch.__version__).rename(columns={"at": "steps"})
            table.to_csv(options.save, float_format="%.3g")
        print(json.dumps(found))
        return 0
    if options.part:
        print(json.dumps(measure(options.part, options.width, options.images, options.at, device)))
        return 0
    if options.quick:
        options.steps = [10, 20]
    if options.max_gib is None:
        options.max_gib = 0.5 * _installed_gib(device)
    report(collect(options), options, device)
    return 0


def _installed_gib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1] / 2**30
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def report(result: dict[str, Any], options: argparse.Namespace, device: torch.device) -> None:
    """Print the measured parts, what the weights of the steps take, the ratios and the errors."""
    layout = Layout.of(build(NetworkConfig(width=options.width), CLASSES, SIZE, 3, generator(0, "weights")))
    for row in result["parts"]:  # N + 1 weight vectors; TESLA and exact hold them all, and so does the release
        row["stored weights MiB"] = (row["steps"] + 1) * layout.size * 4 / 2**20
    setting = {"width": options.width, "parameters": layout.size, "device": machine(device), "rounds": options.rounds}
    setting |= {"threads": torch.get_num_threads(), "torch": torch.__version__}
    if options.save is not None:
        pd.DataFrame(result["parts"]).assign(**setting).to_csv(options.save, index=False, float_format="%.4g")
    if options.json:
        print(json.dumps({**setting, **result}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in setting.items()))
    print(f"{'gradient':16}{'images':>7}{'steps':>6}{'s':>9}{'s/step':>9}{'GiB':>8}{'weights, MiB':>14}")
    for row in result["parts"]:
        print(f"{row['gradient']:16}{row['images']:7}{row['steps']:6}{row['seconds']:9.2f}", end="")
        print(f"{row['seconds per step']:9.3f}{row['GiB']:8.2f}{row['stored weights MiB']:14.1f}")
    for count, gib in result["unroll left out, GiB"].items():
        print(f"unroll at {count} steps left out: it would take about {gib:.1f} GiB")
    for name, ratio in result["ratios"].items():
        print(f"{name:64}{ratio:8.2f}")
    print(f"relative error of the gradient, {EXACT_STEPS} steps:")
    for name, errors in result["errors"].items():
        print(f"{name:40}" + "".join(f"  {part} {error:.1e}" for part, error in errors.items()))


if __name__ == "__main__":
    sys.exit(main())
