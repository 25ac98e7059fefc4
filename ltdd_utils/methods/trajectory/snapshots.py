"""Snapshots of experts: taken while they train, kept as one file per expert, read when matching asks for them.

A stage's bundle has ``tensors["snapshots"]``, one row of flat weights per kept epoch, memory-mapped, and the epochs in
``meta["epochs"]``.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ltdd_utils.core.hashing import tensor_hash
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.networks.flat import Layout

__all__ = ["Experts", "Snapshots", "holding", "snapshot"]


@dataclass(frozen=True)
class Experts:
    """The snapshots of all experts of a run, read on demand; flat weights ``[P]``, float32."""

    layout: Layout
    last_epoch: int  # of the representation experts
    last_classifier_epoch: int
    representation: Sequence[Bundle]
    classifier: Sequence[Bundle]  # empty if the recipe has none

    def __len__(self) -> int:
        """Number of experts."""
        return len(self.representation)

    def sha256(self, keep: Sequence[int], keep_classifier: Sequence[int]) -> str:
        """Hash of every expert's last snapshots that are read: training elsewhere may give other weights.

        Later ones that the files hold too do not count, so that work which never read them stays valid.

        Args:
            keep: epochs of the representation experts that are read, one or more.
            keep_classifier: epochs of the classifier experts that are read; none if there are no such experts.

        Raises:
            FileNotFoundError: the last of these epochs is not stored.
        """
        rows = [self.snapshot(index, max(keep)) for index in range(len(self.representation))]
        for index, bundle in enumerate(self.classifier):
            rows.append(snapshot(bundle, max(keep_classifier), f"classifier expert {index}"))
        return hashlib.sha256("".join(map(tensor_hash, rows)).encode()).hexdigest()

    def snapshot(self, index: int, epoch: int) -> Tensor:
        """A representation expert after ``epoch`` epochs.

        Raises:
            FileNotFoundError: that epoch is not stored.
        """
        return snapshot(self.representation[index], epoch, f"representation expert {index}")

    def classifier_snapshot(self, index: int, epoch: int) -> Tensor:
        """A classifier expert after ``epoch`` epochs of its own: the frozen backbone, and the classifier.

        Raises:
            FileNotFoundError: that epoch is not stored.
        """
        backbone = self.snapshot(index, self.last_epoch)[self.layout.part("backbone")]
        return torch.cat([backbone, snapshot(self.classifier[index], epoch, f"classifier expert {index}")])


class Snapshots:
    """The snapshots of a training run, kept with its checkpoint: a resumed run has the earlier ones."""

    def __init__(
        self, checkpoint: Checkpoint, flat: Callable[[], Tensor], keep: Sequence[int], dtype: torch.dtype
    ) -> None:
        """Keep what ``flat`` gives after the epochs ``keep``, as ``dtype``, beside what ``checkpoint`` keeps."""
        self.checkpoint, self.flat, self.keep, self.dtype = checkpoint, flat, set(keep), dtype
        saved = checkpoint.load()
        names = [] if saved is None else [name for name in saved.tensors if name.startswith("snapshot.")]
        self.rows = {int(name.partition(".")[2]): saved.tensors[name].clone() for name in names}
        passed = set() if saved is None else {epoch for epoch in self.keep if epoch <= saved.meta.get("epoch", 0)}
        self.saved = saved
        if not passed <= set(self.rows):  # the interrupted call lacks an epoch that this one keeps: from the start
            self.saved, self.rows = None, {}

    def take(self, epoch: int) -> None:
        """Take the snapshot of an epoch that has ended (0: before the first one), if it is to be kept."""
        if epoch == 0:  # the training begins: what another one had taken, whose checkpoint it refused, does not count
            self.rows = {}
        if epoch in self.keep:
            self.rows[epoch] = self.flat().to("cpu", self.dtype)

    def load(self) -> Bundle | None:
        """The state of the interrupted training, as ``Checkpoint.load``; None: from the start."""
        return self.saved

    def tick(self, state: Callable[[], Bundle]) -> None:
        """As ``Checkpoint.tick``, with the snapshots added to the state."""

        def with_snapshots() -> Bundle:
            bundle = state()
            return Bundle(bundle.tensors | {f"snapshot.{e}": row for e, row in self.rows.items()}, bundle.meta)

        self.checkpoint.tick(with_snapshots)

    def bundle(self) -> Bundle:
        """All of them: ``tensors["snapshots"]`` ``[len(epochs), P]`` and ``meta["epochs"]``, ascending."""
        epochs = sorted(self.rows)
        return Bundle({"snapshots": torch.stack([self.rows[epoch] for epoch in epochs])}, {"epochs": epochs})


def snapshot(bundle: Bundle, epoch: int, name: str = "the expert") -> Tensor:
    """A copy of the stored weights after ``epoch`` epochs, flat, float32.

    Raises:
        FileNotFoundError: that epoch is not stored; the message begins with ``name``.
    """
    holding(bundle, [epoch], name)
    return bundle.tensors["snapshots"][bundle.meta["epochs"].index(epoch)].to(torch.float32, copy=True)


def holding(bundle: Bundle, keep: Sequence[int], name: str) -> Bundle:
    """The bundle, if it holds the epochs ``keep``.

    Raises:
        FileNotFoundError: it does not; the message begins with ``name``.
    """
    absent = sorted(set(keep) - set(bundle.meta["epochs"]))
    if absent:
        raise FileNotFoundError(
            f"{name} holds the epochs {bundle.meta['epochs']}, and epoch {absent[0]} is asked for: "
            "`ltdd experts RECIPE --renew` with the options of your run trains it again and keeps both"
        )
    return bundle
