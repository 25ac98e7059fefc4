"""Records of real recipes whose students got round scores."""

from toy_records import record

from ltdd_utils import recipes, records
from ltdd_utils.core.settings import to_dict
from ltdd_utils.recipes import with_overrides


def save(
    folder,
    scores,
    name="damed_cifar10",
    *,
    scale="cpu",
    seed=0,
    ipc=10,
    imbalance_factor=100,
    protocol=None,
    teacher=None,
    one_set=None,
    start=None,
    changes=None,
):
    """Save a record of a recipe with settings changed by full name; ``one_set`` and ``start`` are hashes of sets."""
    cell = {"scale": scale, "ipc": ipc or 10, "imbalance_factor": imbalance_factor}
    made = recipes.recipe(name, **cell, protocol_name=protocol, teacher=teacher)
    made = with_overrides(made, {key: str(value) for key, value in (changes or {}).items()})
    about = {
        "scale": scale,
        "seed": seed,
        "ipc": ipc,
        "imbalance_factor": imbalance_factor,
        "sets": one_set and [one_set] * len(scores),
    }
    content = record(scores, protocol=made.evaluate.label, config_id=made.config_id, **about)
    content |= {"recipe": name, "config": to_dict(made), "target": None}
    if start is not None:
        content["distillation"] = {"initial_sha256": start}
    return records.save_record(folder, content)


def loaded(folder):
    return records.load(folder, allow_mixed=True)
