"""The file layout of MTT, DATM and LTDD: ``images_best.pt``, ``labels_best.pt`` and ``lr_best.pt``, read and written."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.distilled import NOT_REAL, DistilledSet, pixels
from ltdd_utils.images import LongTailedData
from ltdd_utils.preprocess import Preprocess

__all__ = ["export_trajectory", "import_trajectory"]


def export_trajectory(folder: Path, distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess) -> None:
    """Write ``images_best.pt``, ``labels_best.pt`` and ``lr_best.pt``, the layout of MTT, DATM and LTDD.

    Images are preprocessed floats, labels are logits (or integers where the set has hard labels alone).
    """
    targets = distilled.targets
    if targets is not None and distilled.info.get("targets") != "logits":
        targets = targets.clamp_min(1e-12).log()
    files = {
        "images_best.pt": pixels(distilled, data, preprocess),
        "labels_best.pt": distilled.labels if targets is None else targets,
        "lr_best.pt": torch.tensor(distilled.lr if distilled.lr is not None else 0.01),
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, tensor in files.items():
        temporary = Path(folder) / f".{name}.part"
        torch.save(tensor.contiguous(), temporary)
        temporary.replace(Path(folder) / name)


def import_trajectory(folder: Path, info: dict[str, Any]) -> DistilledSet:
    """The set in a folder with ``images_best.pt``, ``labels_best.pt`` and ``lr_best.pt``; tensors only are ever unpickled.

    Args:
        folder: where the three files are.
        info: what the files do not say: ``class_names``, ``preprocess`` (its description), ``method``.

    Raises:
        FileNotFoundError: one of the files is absent.
        ValueError: a file holds something else than a tensor, or the contents are no valid set.
    """
    tensors = {}
    for name in ("images", "labels", "lr"):
        path = Path(folder) / f"{name}_best.pt"
        if not path.is_file():
            raise FileNotFoundError(f"no file {path}; a trajectory-family set has images_best.pt, labels_best.pt and lr_best.pt")
        try:
            tensors[name] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds here: pickle, zip and runtime errors
            raise ValueError(f"{path} holds no plain tensor or is damaged: {str(error).splitlines()[0]}") from error
        if not isinstance(tensors[name], Tensor):
            raise ValueError(f"{path} holds a {type(tensors[name]).__name__}; expected a tensor")
    soft = tensors["labels"].ndim == 2
    if soft:  # the family stores its images class by class, the same number of each
        count, classes = tensors["labels"].shape
        labels = torch.arange(count) * classes // count
    else:
        labels = tensors["labels"].long()
    return DistilledSet(
        labels=labels,
        indices=torch.full_like(labels, NOT_REAL),
        images=tensors["images"].float(),
        targets=tensors["labels"].float() if soft else None,
        lr=float(tensors["lr"]),
        info={**info, "targets": "logits" if soft else None},
    )


