"""The file layout of MTT, DATM and LTDD, read and written.

``images_best.pt`` holds preprocessed floats ``[M, Ch, H, W]``, class by class. ``labels_best.pt`` holds integers
``[M]`` (MTT) or logits ``[M, C]`` (DATM, LTDD), and ``lr_best.pt`` the learned step size (DATM, LTDD). What else such
files hold in practice, and how it is told apart, is in ``ltdd_utils.interchange``.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ltdd_utils.core.files import write_atomic
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.spaces import pixels
from ltdd_utils.interchange.layouts import assembled, trajectory_files
from ltdd_utils.interchange.reading import Reading

__all__ = ["export_trajectory", "import_trajectory"]


def export_trajectory(
    folder: Path, distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess, tag: str = "_best"
) -> list[Path]:
    """Write a set in the layout of the trajectory family; real images become pixels, so do not commit the files.

    Args:
        folder: made if it is absent.
        distilled: its images are written class by class.
        data: where the real images are.
        preprocess: the space of the written images; that of the set's synthetic ones.
        tag: the end of the files' names.

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
        f"images{tag}.pt": pixels(distilled, data, preprocess)[order],
        f"labels{tag}.pt": distilled.labels[order] if distilled.targets is None else distilled.target_logits()[order],
        f"lr{tag}.pt": None if distilled.lr is None else torch.tensor(distilled.lr, dtype=torch.float32),
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


def import_trajectory(folder: Path, info: Mapping[str, Any], reading: Reading | None = None) -> DistilledSet:
    """The set in a folder of the trajectory family's layout. Only tensors and numbers are unpickled.

    Args:
        folder: with ``images_best.pt``, ``labels_best.pt`` and, where a step size was learned, ``lr_best.pt``.
        info: what the files do not say: ``class_names``, ``preprocess`` (its description), ``method``.
        reading: what else the user says; the images are taken to be in the space of ``info``.

    Raises:
        FileNotFoundError: the images or the labels are absent.
        ValueError: a file does not hold a tensor, or the contents are not a valid set.
    """
    return assembled(trajectory_files(Path(folder)), info, reading or Reading())
