"""The training speed of students: images/s of our loop and of a plain loop over a DataLoader, in the same run.

Both train the same ConvNet with the same augmentation (DSA) and optimiser. The plain loop is what distillation code
usually has: a DataLoader over single images, each batch moved to the device, and the loss read at every step. On a CPU
each is measured with the C library's default handling of freed memory, and with the memory kept
(``ltdd_utils.allocator``). Each part runs in a process of its own, since that setting cannot be undone.

    python benchmarks/student.py
    python benchmarks/student.py --seconds 10 --rounds 3 --json
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from ltdd_utils.augment import AugmentConfig, dsa
from ltdd_utils.core.context import pick_device
from ltdd_utils.core.seeds import generator
from ltdd_utils.evaluation import EvaluateConfig, stored_objective
from ltdd_utils.networks import NetworkConfig, build
from ltdd_utils.training import TrainConfig, keep_freed_memory
from ltdd_utils.training import loop as training

CLASSES, SIZE = 10, 32
BASELINE = ("plain", "default")
PARTS = (BASELINE, ("plain", "kept"), ("ours", "default"), ("ours", "kept"))
SETTINGS = EvaluateConfig(train=TrainConfig(lr=0.01, schedule="constant"), augment=AugmentConfig("dsa"))


def ours(images: Tensor, labels: Tensor, width: int, epochs: int, device: torch.device) -> None:
    """``epochs`` passes of ``training.train``, as ``dsa-stored`` calls it."""
    network = build(NetworkConfig(width=width), CLASSES, SIZE, 3, generator(0, "weights")).to(device)
    targets, rng = F.one_hot(labels, CLASSES).float().to(device), generator(0, "batches")
    objective = stored_objective(images.to(device), targets, SETTINGS, rng)
    training.train(network, len(images), objective, replace(SETTINGS.train, epochs=epochs), rng)


def plain(images: Tensor, labels: Tensor, width: int, epochs: int, device: torch.device) -> None:
    """The same training, written as usual."""
    cfg, rng = SETTINGS.train, generator(0, "batches")
    network = build(NetworkConfig(width=width), CLASSES, SIZE, 3, generator(0, "weights")).to(device)
    optimiser = torch.optim.SGD(network.parameters(), cfg.lr, cfg.momentum, weight_decay=cfg.weight_decay)
    loader = DataLoader(TensorDataset(images, labels), cfg.batch_size, shuffle=True, generator=rng)
    total = 0.0
    for _ in range(epochs):
        for batch, truth in loader:
            logits = network(dsa(batch.to(device), SETTINGS.augment.strategy, rng))
            loss = F.cross_entropy(logits, truth.to(device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()


def measure(loop: str, memory: str, count: int, width: int, seconds: float, device: torch.device) -> float:
    """Images per second of one part, after a warm-up; the memory setting stays for the rest of the process."""
    if memory == "kept":
        keep_freed_memory()
    else:
        training.keep_freed_memory = lambda: False
    images = torch.randn(count, 3, SIZE, SIZE, generator=generator(0, "images"))
    labels = torch.arange(count) % CLASSES
    run = {"ours": ours, "plain": plain}[loop]
    run(images, labels, width, 1, device)  # the first steps set things up
    start = time.perf_counter()
    run(images, labels, width, 2, device)
    epochs = max(2, round(2 * seconds / (time.perf_counter() - start)))
    start = time.perf_counter()
    run(images, labels, width, epochs, device)  # both loops end by reading a loss, so the device is done
    return count * epochs / (time.perf_counter() - start)


def main() -> int:
    """Measure all parts in processes of their own, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100, help="in the set (default: 100, CIFAR-10 at IPC 10)")
    parser.add_argument("--width", type=int, default=128, help="of the ConvNet-D3 (default: 128)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each part (default: 3)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each part is measured (default: 1)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--part", choices=[f"{loop}-{memory}" for loop, memory in PARTS], help="this one alone")
    options = parser.parse_args()
    device = pick_device(options.device)
    if options.part:
        loop, memory = options.part.split("-")
        print(measure(loop, memory, options.images, options.width, options.seconds, device))
        return 0
    parts = [part for part in PARTS if device.type == "cpu" or part[1] == "default"]
    rates: dict[tuple[str, str], list[float]] = {part: [] for part in parts}
    for _ in range(options.rounds):  # in turn, so that a change of the machine's load meets all of them
        for loop, memory in parts:
            call = [sys.executable, __file__, *sys.argv[1:], "--part", f"{loop}-{memory}"]
            done = subprocess.run(call, check=True, capture_output=True, text=True)
            rates[loop, memory].append(float(done.stdout))
    report(rates, options, device)
    return 0


def report(rates: dict[tuple[str, str], list[float]], options: argparse.Namespace, device: torch.device) -> None:
    """Print the median rate of each part, and its ratio to the plain loop."""
    medians = {part: statistics.median(values) for part, values in rates.items()}
    rows = [
        {"loop": loop, "freed memory": memory, "images/s": round(rate, 1), "ratio": round(rate / medians[BASELINE], 2)}
        for (loop, memory), rate in medians.items()
    ]
    setting = {"images": options.images, "width": options.width, "device": str(device), "rounds": options.rounds}
    setting |= {"threads": torch.get_num_threads(), "torch": torch.__version__}
    if options.json:
        print(json.dumps({**setting, "parts": rows}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in setting.items()))
    print(f"{'loop':8}{'freed memory':14}{'images/s':>10}{'ratio':>8}")
    for row in rows:
        print(f"{row['loop']:8}{row['freed memory']:14}{row['images/s']:10.1f}{row['ratio']:8.2f}")


if __name__ == "__main__":
    sys.exit(main())
