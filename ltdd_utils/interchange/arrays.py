"""A set as arrays of NumPy in one file, and as a tar of WebDataset: pixels and labels, read without this package."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ltdd_utils.core.files import write_atomic
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.spaces import uint8_pixels
from ltdd_utils.interchange.pictures import png

__all__ = ["NPZ", "TAR", "export_arrays", "export_webdataset", "read_arrays"]

NPZ, TAR = "set.npz", "train-000000.tar"  # a shard is numbered; the word train tells readers which split it is


def export_arrays(
    folder: Path, distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess
) -> tuple[list[Path], float]:
    """Write ``set.npz``: ``images`` uint8 ``[M, Ch, H, W]``, ``labels`` int64 ``[M]``, ``class_names`` ``[C]``.

    A set with soft labels has ``targets`` too, float32 probabilities ``[M, C]``, and one with a learned step size
    ``lr``. Real images become pixels: do not commit the file.

    Args:
        folder: made if it is absent.
        distilled: its images are clamped to pixels.
        data: where the real images are.
        preprocess: of the set's synthetic images.

    Returns:
        The file, and the share of synthetic pixel values that were clamped.

    Raises:
        OSError: the folder cannot be written.
    """
    images, clamped = uint8_pixels(distilled, data, preprocess)
    arrays = {"images": images.numpy(), "labels": distilled.labels.long().numpy()}
    arrays["class_names"] = np.array(distilled.info["class_names"])
    if distilled.targets is not None:
        arrays["targets"] = _probabilities(distilled)
    if distilled.lr is not None:
        arrays["lr"] = np.float32(distilled.lr)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    write_atomic(Path(folder) / NPZ, file.getvalue())
    return [Path(folder) / NPZ], clamped


def read_arrays(path: Path, data: LongTailedData) -> tuple[Tensor, Tensor, Tensor | None, float | None]:
    """Images and labels of an ``.npz``: ``images``, and ``targets``, ``labels`` or both; ``lr`` if it is there.

    Images are ``[M, Ch, H, W]``, ``[M, H, W, Ch]`` or, of one channel, ``[M, H, W]``: the data's shape tells which.

    Args:
        path: of the file; nothing in it is unpickled.
        data: whose images have the shape.

    Returns:
        Images ``[M, Ch, H, W]``; labels ``[M]`` or ``[M, C]``, the targets where there are both; then the classes
        ``[M]`` that stand beside them, else None; the learned step size, else None; all as stored.

    Raises:
        ValueError: a damaged file, other arrays, or images of another shape.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("images", "labels", "targets") if name in file.files}
            lr = file["lr"] if "lr" in file.files else None
            found = ", ".join(file.files) or "nothing"
    except Exception as error:  # NumPy raises many kinds here: of zip, of its format, of pickled objects
        raise ValueError(f"{path} is no .npz of plain arrays, or is damaged: {error}") from error
    if "images" not in arrays or len(arrays) == 1:
        raise ValueError(f"{path} holds {found}; expected images [M, Ch, H, W] and labels [M] or targets [M, C]")
    images, *labelled = (arrays[name] for name in ("images", "targets", "labels") if name in arrays)
    for labels in labelled:
        if any(array.dtype.kind not in "uif" for array in (images, labels)) or labels.ndim not in (1, 2):
            what = f"images {images.dtype} and labels {labels.dtype} {[*labels.shape]}"
            raise ValueError(f"{path} holds {what}, not numbers")
    shape = tuple(data.train_images.shape[1:])
    if images.shape[1:] == (*shape[1:], shape[0]):
        images = images.transpose(0, 3, 1, 2)
    elif shape[0] == 1 and images.shape[1:] == shape[1:]:
        images = images[:, None]
    numbers = [len(labels) for labels in labelled]
    if images.shape[1:] != shape or {len(images)} != {*numbers} or not len(images):
        found = " and ".join(map(str, numbers))
        raise ValueError(f"{path} holds images {[*images.shape]} and {found} labels; {data.config.name} has {[*shape]}")
    images, labels, *beside = (torch.from_numpy(np.ascontiguousarray(array)) for array in (images, *labelled))
    if lr is not None and (lr.dtype.kind not in "uif" or lr.size != 1):
        raise ValueError(f"{path} holds lr {lr.dtype} {[*lr.shape]}; expected one step size")
    return images, labels, beside[0] if beside else None, None if lr is None else float(lr.item())


def export_webdataset(
    folder: Path, distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess
) -> tuple[list[Path], float]:
    """Write ``train-000000.tar`` in the form of WebDataset: the files of a sample share what is before the first dot.

    Sample k is ``00000k.png``, ``00000k.cls`` (the class number), ``00000k.json`` (the class's name) and, of a set with
    soft labels, ``00000k.npy`` (float32 probabilities ``[C]``). The tar is the same whoever writes it, and when. A
    learned step size has no place in it. Real images become pixels: do not commit the file.

    Args:
        folder: made if it is absent.
        distilled: its images are clamped to pixels.
        data: where the real images are.
        preprocess: of the set's synthetic images.

    Returns:
        The file, and the share of synthetic pixel values that were clamped.

    Raises:
        OSError: the folder cannot be written.
    """
    images, clamped = uint8_pixels(distilled, data, preprocess)
    names, soft = distilled.info["class_names"], None if distilled.targets is None else _probabilities(distilled)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for row, (pixels, label) in enumerate(zip(images, distilled.labels.tolist(), strict=True)):
            members = {"png": png(pixels), "cls": str(label).encode()}
            members["json"] = json.dumps({"label": label, "class": names[label]}).encode()
            if soft is not None:
                file = io.BytesIO()
                np.save(file, soft[row])
                members["npy"] = file.getvalue()
            for ending, content in members.items():
                member = tarfile.TarInfo(f"{row:06d}.{ending}")  # without owner and time
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    write_atomic(Path(folder) / TAR, tar.getvalue())
    return [Path(folder) / TAR], clamped


def _probabilities(distilled: DistilledSet) -> np.ndarray:
    return distilled.target_probabilities().float().numpy()
