"""Keep what distillation did to images: the first image of each class of initial and distilled sets, as pixels.

A distilled set is too large for the repository, and its pixels need the preprocessing of its data set; so this keeps
them where both are, from a store in which the recipes were run. Chapters draw the file with ``plots.read_rows``.

    python tools/set_pictures.py --store work --recipes damed_cifar10 datm_cifar10 --scale cpu results/pictures/NAME.png
    python tools/set_pictures.py --store work --recipes random_cifar10 damed_cifar10 unilevel_cifar10 \
        --labels "real images" "DAM + ED" "uni-level" --scale cpu results/pictures/sets_cifar10_cpu.png
"""

import argparse
from pathlib import Path

import torch

from ltdd_utils import plots, recipes
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.store import Store
from ltdd_utils.distilled import DistilledSet, expanded, uint8_pixels
from ltdd_utils.plots.style import by_count
from ltdd_utils.runs import distil, start


def first_images(distilled: DistilledSet, order: list[int]) -> torch.Tensor:
    """Positions of the first image of each class, in the order of classes that is given."""
    return torch.stack([(distilled.labels == label).nonzero()[0, 0] for label in order])


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--store", type=Path, required=True, help="folder of finished stages (`ltdd run --work`)")
    parser.add_argument("--recipes", nargs="+", required=True)
    parser.add_argument("--labels", nargs="+", help="one per recipe: the finished sets alone")
    parser.add_argument("--scale", default="cpu")
    parser.add_argument("--imbalance-factor", type=float)
    parser.add_argument("--ipc", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.labels and len(options.labels) != len(options.recipes):
        parser.error(f"{len(options.labels)} labels for {len(options.recipes)} recipes: give one for each")
    context = RunContext(Store(options.store, make=False), torch.device("cpu"))
    rows, over = {}, []
    for number, name in enumerate(options.recipes):
        cell = {"imbalance_factor": options.imbalance_factor, "ipc": options.ipc, "scale": options.scale}
        recipe = recipes.recipe(name, **cell)
        run = start(recipe, options.seed, context)
        data = run.data
        order = by_count(data.counts)
        over = [f"{data.class_names[label]}\n{data.counts[label]:,}" for label in order]
        if options.labels:
            chosen = {options.labels[number]: recipe}
        else:
            steps, words = f"method.{recipe.family.iterations_setting}", recipes.label(recipe.entry.name)
            chosen = {f"{words}, before": recipes.with_overrides(recipe, {steps: "0"}), f"{words}, after": recipe}
        for words, one in chosen.items():
            distilled = expanded(distil(one, run).set)
            pictures, _ = uint8_pixels(distilled, data, run.preprocess)
            rows[words] = pictures[first_images(distilled, order)]
    options.file.parent.mkdir(parents=True, exist_ok=True)
    plots.save_rows(options.file, rows, over)


if __name__ == "__main__":
    main()
