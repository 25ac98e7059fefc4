"""Small records with round numbers: 2 classes, 10 test images each, so that one right answer more is 5 points."""

import math

from ltdd_utils import recipes
from ltdd_utils.core.settings import to_dict
from ltdd_utils.evaluation import PROTOCOLS
from ltdd_utils.methods.registry import METHODS


def record(
    scores=((4, 2), (4, 3)),
    *,
    method="random",
    dataset="cifar10",
    imbalance_factor=100,
    ipc=10,
    protocol="dsa-stored",
    scale="paper",
    seed=0,
    config_id="0123456789ab",
    sets=None,
    dirty=False,
):
    """A record whose students answered ``scores`` = (right of class 0, right of class 1) of 10 and 10 test images."""
    known = method if method in METHODS else "random"
    cell = {"scale": scale, "imbalance_factor": imbalance_factor, "ipc": ipc or 10}
    named, _, teacher = protocol.partition("/")
    made = recipes.recipe(
        f"{known}_{dataset}", **cell, protocol_name=named if named in PROTOCOLS else None, teacher=teacher or None
    )
    students = [
        {"stream": f"{seed}/student/{number}", "overall": (a + b) / 20, "per_class": [a / 10, b / 10]}
        for number, (a, b) in enumerate(scores)
    ]
    overall = [student["overall"] for student in students]
    first, second = (sum(column) / len(scores) for column in zip(*scores, strict=True))
    mean = sum(overall) / len(overall)
    ddof = len(overall) - 1
    std = math.sqrt(sum((value - mean) ** 2 for value in overall) / ddof) if ddof else None
    head, tail = {"mean": first / 10, "std": None}, {"mean": second / 10, "std": None}
    return {
        "schema": 1,
        "recipe": f"{method}_{dataset}",
        "scale": scale,
        "config_id": config_id,
        "seed": seed,
        "config": to_dict(made) | {"ipc": ipc},
        "target": {
            "dataset": dataset,
            "imbalance_factor": imbalance_factor,
            "ipc": ipc,
            "method": method,
            "network": "convnet-d3",
            "protocol": protocol,
        },
        "protocol": protocol,
        "metrics": {
            "overall": {"mean": mean, "std": std},
            "per_class": [first / 10, second / 10],
            **{"many": head, "medium": None, "few": tail, "head": head, "mid": None, "tail": tail},
            "confusion": [[first, 10 - first], [10 - second, second]],
        },
        "students": students,
        "cost": {
            "seconds": {"expert": 10.0, "students": 20.0},
            "peak_ram_gib": 0.5,
            "peak_gpu_gib": 0.0,
            "device": "toy machine, 2 cores",
        },
        "provenance": {
            "commit": "f" * 40,
            "dirty": dirty,
            "versions": {"python": "3.11"},
            "started_utc": "2026-01-01T00:00:00Z",
            "data_sha256": "d" * 64,
            "distilled_sha256": f"one set of seed {seed}" if sets is None else list(sets),
        },
    }


def evaluation(name, scores, *, set_sha="5" * 64, teacher=None, method="damed", scale="cpu", seed=0):
    """The evaluation of a set under the judge of ``toy_runs``' records, as ``ltdd score`` writes it."""
    protocol = f"online-teacher/{teacher}" if teacher else "dsa-stored"
    run = record(scores, scale=scale, seed=seed, method=method, protocol=protocol)
    sizes = {"images": 100, "ipc": 10, "labels": "hard", "image_bytes": 1, "label_bytes": 1}
    content = {key: run[key] for key in ("seed", "protocol", "metrics", "students", "cost")}
    content |= {"schema": "evaluation", "distilled_sha256": set_sha, "set": {"name": name, **sizes}}
    content |= {"config": {key: run["config"][key] for key in ("data", "evaluate")}, "clamped": 0.0}
    content |= {"network": run["config"]["evaluate"]["network"], "seconds": [1.0] * len(scores)}
    return content | {"provenance": run["provenance"] | {"distilled_sha256": set_sha}}


def four_records():
    """Random: 5 students on 5 draws. K-Center: 2 seeds, 2 students each. Graph-Cut: 1 student at scale cpu."""
    draws = [(4, 2), (4, 3), (3, 3), (3, 4), (4, 4)]  # 30 35 30 35 40 %
    return [
        record(draws, sets=[f"draw {number}" for number in range(5)]),
        record([(1, 1), (2, 2)], method="kcenter", seed=0),  # 10 20 % -> 15 %
        record([(2, 1), (2, 3)], method="kcenter", seed=1),  # 15 25 % -> 20 %
        record([(4, 1)], method="graphcut", scale="cpu"),  # 25 %
    ]
