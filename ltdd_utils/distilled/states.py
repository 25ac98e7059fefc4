"""States of a set on its way, kept beside the stage that makes it: what a film of a distillation shows.

A state is one file for each batch that the method works on, written the moment it is reached. So a run that is stopped
and goes on leaves the same files as one that is not: what lies before its checkpoint is there, what comes after is
written again, with the same pixels.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ltdd_utils.core.store import Bundle, Checkpoint, load_bundle, save_bundle
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.run import Run

__all__ = ["Keep", "States", "evenly", "keeping", "kept_states", "read_states"]

Keep = Callable[[int, Tensor, Tensor | None], None]
"""Told every state: the iterations that are done, preprocessed images ``[B, Ch, H, W]``, and their rows in the set
``[B]``, None where they are all of it. It may be told a state twice."""
FOLDER = "states"  # beside a stage's result


class States:
    """A folder of the states after some iterations, as uint8 pixels."""

    def __init__(self, folder: Path, at: Sequence[int], images: int, preprocess: Preprocess) -> None:
        """Keep the states of a set of so many ``images`` after the iterations ``at``, and no others, in ``folder``."""
        self.folder, self.at, self.images, self.preprocess = folder, set(at), images, preprocess
        for path in folder.glob("*.safetensors"):  # of an earlier call that kept other states
            if int(path.name.partition("-")[0]) not in self.at:
                path.unlink()

    def __call__(self, iteration: int, images: Tensor, rows: Tensor | None = None) -> None:
        """Keep a state if it is one of those wanted."""
        if iteration not in self.at:
            return
        rows = torch.arange(self.images) if rows is None else rows.cpu()
        raw = self.preprocess.inverse(images.detach())
        pixels = (raw.clamp(0, 1) * 255).round().to(torch.uint8)
        path = self.folder / f"{iteration:06d}-{int(rows[0]):06d}.safetensors"
        save_bundle(path, Bundle({"pixels": pixels, "rows": rows}, {"iteration": iteration, "images": self.images}))


def evenly(iterations: int, count: int) -> list[int]:
    """At most ``count`` numbers of iterations done, evenly spaced from 0 to ``iterations``, both of them in it.

    Raises:
        ValueError: fewer than two.
    """
    if count < 2:
        raise ValueError(f"{count} states of the images: keep 2 or more, the first and the last are always among them")
    return sorted({round(step * iterations / (count - 1)) for step in range(count)})


def keeping(run: Run, checkpoint: Checkpoint, iterations: int, images: int) -> Keep | None:
    """What a stage tells its states, as ``run.context.keep_images`` asks for: None where nothing does."""
    count = run.context.keep_images
    if not count:
        return None
    return States(checkpoint.path.with_name(FOLDER), evenly(iterations, count), images, run.preprocess)


def read_states(folder: Path) -> dict[int, Tensor]:
    """The states that lie whole in a folder: iterations done -> pixels ``[M, Ch, H, W]`` uint8, in order."""
    found: dict[int, Tensor] = {}
    left: dict[int, int] = {}
    for path in sorted(folder.glob("*.safetensors")):
        bundle = load_bundle(path)
        at, total, pixels = bundle.meta["iteration"], bundle.meta["images"], bundle.tensors["pixels"]
        whole = found.setdefault(at, torch.empty(total, *pixels.shape[1:], dtype=torch.uint8))
        whole[bundle.tensors["rows"]] = pixels
        left[at] = left.get(at, total) - len(pixels)
    return {at: pixels for at, pixels in found.items() if left[at] == 0}


def kept_states(run: Run) -> tuple[Path, dict[int, Tensor]]:
    """After its set was asked for: the folder of the stage that made its images, and what states lie there.

    That is the last stage with states, or, where none has any, the last whose result holds images: a later one may have
    made labels alone.

    Returns:
        The folder, and its states as ``read_states`` has them.

    Raises:
        ValueError: nothing was asked for yet.
    """
    asked = run.ledger.results[::-1]
    if not asked:
        raise ValueError("the run has asked for no stage yet; call distil(recipe, run) first")
    kept = next((result for result in asked if result.with_name(FOLDER).is_dir()), None)
    made = kept or next((result for result in asked if "images" in load_bundle(result).tensors), asked[0])
    folder = made.with_name(FOLDER)
    return folder, read_states(folder)
