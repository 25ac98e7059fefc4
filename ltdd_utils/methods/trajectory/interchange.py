"""The file layout of MTT, DATM and LTDD, read and written.

``images_best.pt`` holds preprocessed floats ``[M, Ch, H, W]``, class by class. ``labels_best.pt`` holds integers
``[M]`` (MTT) or logits ``[M, C]`` (DATM, LTDD), and ``lr_best.pt`` the learned step size (DATM, LTDD).
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.core.files import write_atomic
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet
from ltdd_utils.distilled.spaces import pixels

__all__ = ["export_trajectory", "import_trajectory"]

SMALLEST = 1e-12  # probability whose logarithm stands for that of zero


def export_trajectory(
    folder: Path, distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess
) -> list[Path]:
    """Write a set in the layout of the trajectory family; real images become pixels, so do not commit the files.

    Args:
        folder: made if it is absent.
        distilled: its images are written class by class.
        data: where the real images are.
        preprocess: the space of the written images; that of the set's synthetic ones.

    Returns:
        The files that were written.

    Raises:
        ValueError: soft labels and classes of different sizes: the layout has no place for the classes then.
        OSError: the folder cannot be written.
    """
    order = distilled.labels.argsort(stable=True)
    sizes = distilled.labels.bincount(minlength=len(distilled.info["class_names"]))
    if distilled.targets is not None and len(sizes.unique()) > 1:
        raise ValueError(f"classes have {sizes.tolist()} images; with soft labels this layout needs the same of each")
    files = {
        "images_best.pt": pixels(distilled, data, preprocess)[order],
        "labels_best.pt": distilled.labels[order] if distilled.targets is None else _logits(distilled)[order],
        "lr_best.pt": None if distilled.lr is None else torch.tensor(distilled.lr, dtype=torch.float32),
    }
    written = []
    for name, tensor in files.items():
        path = Path(folder) / name
        if tensor is None:
            path.unlink(missing_ok=True)  # of another set: it would be read with this one
            continue
        file = io.BytesIO()
        torch.save(tensor.contiguous(), file)
        write_atomic(path, file.getvalue())
        written.append(path)
    return written


def _logits(distilled: DistilledSet) -> Tensor:
    if distilled.info.get("targets") == "logits":
        return distilled.targets
    return distilled.targets.clamp_min(SMALLEST).log()


def import_trajectory(folder: Path, info: Mapping[str, Any]) -> DistilledSet:
    """The set in a folder of the trajectory family's layout. Only tensors are unpickled, nothing executable.

    Args:
        folder: with ``images_best.pt``, ``labels_best.pt`` and, where a step size was learned, ``lr_best.pt``.
        info: what the files do not say: ``class_names``, ``preprocess`` (its description), ``method``.

    Raises:
        FileNotFoundError: the images or the labels are absent.
        ValueError: a file does not hold a tensor, or the contents are not a valid set.
    """
    images, learned = _tensor(Path(folder) / "images_best.pt", (4,)), Path(folder) / "lr_best.pt"
    labels = _tensor(Path(folder) / "labels_best.pt", (1, 2))
    targets = labels.float() if labels.ndim == 2 else None
    if targets is not None:  # logits: the family stores its images class by class, the same number of each
        count, classes = targets.shape
        if count % classes:
            raise ValueError(f"{folder} has {count} images for {classes} classes; expected the same number of each")
        labels = torch.arange(classes).repeat_interleave(count // classes)
    elif labels.is_floating_point():
        raise ValueError(
            f"{folder}/labels_best.pt holds {labels.dtype} {list(labels.shape)}; expected integers or [M, C]"
        )
    try:
        return DistilledSet(
            labels=labels.long(),
            indices=torch.full((len(labels),), NOT_REAL),
            images=images.float(),
            targets=targets,
            lr=_step_size(learned) if learned.is_file() else None,
            info={**info, "targets": None if targets is None else "logits"},
        )
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def _step_size(path: Path) -> float:
    value = _tensor(path, (0, 1))
    if value.numel() != 1:
        raise ValueError(f"{path} holds {value.numel()} numbers; expected one step size")
    return float(value)


def _tensor(path: Path, dimensions: tuple[int, ...]) -> Tensor:
    """The tensor of real numbers in a file of ``torch.save``, on the CPU; it has one of these numbers of dimensions."""
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; a set of the trajectory family has images_best.pt and labels_best.pt")
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds here: pickle, zip and runtime errors
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path} holds no plain tensor, or is damaged: {first}") from error
    if not isinstance(value, Tensor):
        raise ValueError(f"{path} holds a {type(value).__name__}; expected a tensor")
    plain = value.layout == torch.strided and not value.is_complex() and value.dtype != torch.bool
    if not plain or value.ndim not in dimensions or value.numel() == 0:
        wanted = " or ".join(map(str, dimensions))
        what = f"{value.dtype} {list(value.shape)}"
        raise ValueError(f"{path} holds {what}; expected real numbers in {wanted} dimensions, at least one of them")
    return value.detach()
