"""Write what a film of recipes is made of: a strip of states for each, and one file that describes them.

The states are those that ``ltdd run RECIPE --keep-images N`` left in a store; nothing is run here. A film that is
there keeps its other recipes: they may have been run on another machine.

    python tools/film_pictures.py --store work --recipes unilevel_digits --scale tiny results/pictures/film_digits
    python tools/film_pictures.py --store work --recipes datm_cifar10 ed_only_cifar10 damed_cifar10 --seed 1 \
        --set method.experts.seed=null --scale cpu --imbalance-factor 100 results/pictures/film_cifar10
"""

import argparse
import json
from pathlib import Path

import torch

from ltdd_utils import recipes
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.store import Store
from ltdd_utils.distilled import kept_states
from ltdd_utils.plots.film import strip
from ltdd_utils.plots.style import by_count
from ltdd_utils.runs import distil, start

MOST = 350_000  # bytes of all strips of a film, which a page holds as text, of four letters for three bytes


def first_images(labels: torch.Tensor, order: list[int]) -> torch.Tensor:
    """Positions of the first image of each class, in the order of classes that is given."""
    return torch.stack([(labels == label).nonzero()[0, 0] for label in order])


def write(folder: Path, names: list[str], cell: dict, changes: dict, seed: int, store: Path) -> None:
    """Write the strips of some recipes and their description, beside those that the folder has.

    Args:
        folder: to write into.
        names: of the recipes.
        cell: imbalance factor, images per class and scale.
        changes: settings that the runs changed, as ``ltdd run --set``.
        seed: of the runs.
        store: folder of finished stages.

    Raises:
        FileNotFoundError: a recipe was not run in the store.
        ValueError: a recipe kept no states, or not those of the others; the film in the folder is of another cell; or
            the strips are too large.
    """
    context, found, strips = RunContext(Store(store, make=False), torch.device("cpu")), {}, {}
    description = folder / "film.json"
    before = json.loads(description.read_text()) if description.exists() else {"recipes": {}}
    found |= before.pop("recipes")
    strips |= {name: (folder / f"{name}.webp").read_bytes() for name in found}
    for name in names:
        recipe = recipes.with_overrides(recipes.recipe(name, **cell), changes)
        run = start(recipe, seed, context)
        result = distil(recipe, run)
        where, states = kept_states(run)
        if not states:
            raise ValueError(f"{name} kept no states in {where}; run it with --keep-images in a new store")
        order = by_count(run.data.counts)
        rows = first_images(result.set.labels, order)
        strips[name] = strip([pixels[rows] for pixels in states.values()])
        curve = next(values for key, values in result.history["curves"].items() if key in ("first", "distance", "loss"))
        found[name] = {"iterations": list(states), "curve": curve, "config_id": recipe.config_id, "seed": seed}
    if len({tuple(one["iterations"]) for one in found.values()}) > 1:
        raise ValueError(
            "the recipes kept states of other iterations; give them equal numbers of iterations and states"
        )
    if sum(map(len, strips.values())) > MOST:
        raise ValueError(
            f"the strips have {sum(map(len, strips.values())):,} bytes, more than {MOST:,}: keep fewer states"
        )
    classes = {"classes": [run.data.class_names[c] for c in order], "counts": [run.data.counts[c] for c in order]}
    about = {**classes, "scale": cell["scale"], "changes": changes}
    if before and before != about:
        raise ValueError(f"{description} is a film of {before}, not of {about}; write into another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in strips.items():
        (folder / f"{name}.webp").write_bytes(content)
    description.write_text(json.dumps({**about, "recipes": found}, indent=1) + "\n")


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--store", type=Path, required=True, help="folder of finished stages (`ltdd run --work`)")
    parser.add_argument("--recipes", nargs="+", required=True)
    parser.add_argument("--scale", default="cpu")
    parser.add_argument("--imbalance-factor", type=float)
    parser.add_argument("--ipc", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of the runs")
    options = parser.parse_args()
    cell = {"imbalance_factor": options.imbalance_factor, "ipc": options.ipc, "scale": options.scale}
    changes = recipes.assignments(options.set, "method.experts.seed=null")
    write(options.folder, options.recipes, cell, changes, options.seed, options.store)


if __name__ == "__main__":
    main()
