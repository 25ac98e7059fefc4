"""The one preprocessing of a run: fitted on the long-tailed train images, applied to everything, invertible.

Pixels are uint8 or floats in [0, 1]; preprocessed images are float32. Fitting is done in float64, applying in float32.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.core.deadline import Deadline, Stopped, is_over
from ltdd_utils.core.hashing import tensor_hash
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Bundle
from ltdd_utils.data.eigen import inverse
from ltdd_utils.data.settings import PreprocessConfig
from ltdd_utils.data.whitening import LARGE, Pauses, announce, fit_zca

APPLY_ROWS = 4096  # images that are transformed at once: bounds the memory beside the result
LARGE_ROWS = 256  # the same for ZCA of large images, whose products take long
PROBE_POINTS = 8  # values of the transformed probe image that a description keeps


@dataclass(frozen=True, eq=False)
class Preprocess:
    """An affine map of pixels ``x`` in [0, 1]: none, per-channel normalisation, or ZCA whitening.

    ``none``: ``x``. ``normalise``: ``(x - mean) / std`` per channel of the train set. ``zca``: ``(x - mean) T`` on the
    flattened image, ``T = U diag(1 / sqrt(S + eps)) U^T`` with ``U diag(S) U^T`` the covariance (divisor N - 1) of the
    train set; LTDD (arXiv 2408.14506), released code, eps 0.1.

    Note:
        Differs from the released code, which normalises CIFAR-10 **test** images by mean and standard deviation before
        the ZCA of the train set and train images not, and which fits the ZCA of CIFAR-100 for the distillation on
        randomly cropped and flipped images. Here one map, fitted on the unchanged train images, serves train and test.
    """

    kind: str
    eps: float  # added to the eigenvalues of the covariance; used by zca alone
    shape: tuple[int, int, int]  # (Ch, H, W) of an image
    fitted_on: str  # SHA-256 of the train images
    mean: Tensor  # float32: [] for none, [Ch, 1, 1] for normalise, [D] for zca, D = Ch * H * W
    scale: Tensor  # float32: [] for none, standard deviation [Ch, 1, 1] for normalise, T [D, D] for zca
    probe: tuple[float, ...]  # some values of the transformed probe image, as fitted

    @classmethod
    def fit(
        cls, images: Tensor, cfg: PreprocessConfig, watch: Watch | None = None, deadline: Deadline = None
    ) -> "Preprocess":
        """The preprocessing of a train set, uint8 ``[N, Ch, H, W]``; the work is done where the images are.

        ZCA takes time and memory with the third and second power of an image's values (``whitening.announce``).

        Args:
            images: of the train set.
            cfg: the kind.
            watch: told ``{"stage", "done", "total"}`` while ZCA is fitted, in seconds, the total as expected.
            deadline: when that stops.

        Raises:
            ValueError: images that are not uint8 ``[N, Ch, H, W]``, fewer than two of them, a bad ``cfg``, or ZCA of
                more values than there is memory for.
            Stopped: the deadline passed while ZCA was fitted.
        """
        if images.dtype != torch.uint8 or images.ndim != 4 or len(images) < 2:
            raise ValueError(f"fit wants two or more uint8 images [N, Ch, H, W], got {images.dtype} {[*images.shape]}")
        if cfg.kind not in FITS:
            raise ValueError(f"preprocessing {cfg.kind!r} is unknown: use {', '.join(FITS)}")
        if not cfg.eps > 0:
            raise ValueError(f"eps must be above 0, got {cfg.eps}: LTDD uses 0.1")
        mean, scale = FITS[cfg.kind](images, cfg.eps, watch, deadline)
        shape = tuple(images.shape[1:])
        fitted = cls(cfg.kind, cfg.eps, shape, tensor_hash(images), mean.float(), scale.float(), ())
        return replace(fitted, probe=fitted._probe())

    def __call__(self, images: Tensor, deadline: Deadline = None) -> Tensor:
        """Preprocessed images, float32 ``[B, Ch, H, W]``, on the images' device; differentiable for float images.

        ``images`` are uint8, or floats in [0, 1]; ``deadline``: when ZCA of many large ones stops.

        Raises:
            ValueError: another shape than that of the train images, or whole numbers that are not uint8.
            Stopped: the deadline passed between two parts.
        """
        self._check(images)
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise ValueError(f"pixels are uint8 or floats in [0, 1], got {images.dtype}")
        return self._in_parts(images, self._forward, deadline)

    def inverse(self, images: Tensor) -> Tensor:
        """Pixels of preprocessed images, float32 ``[B, Ch, H, W]`` around [0, 1], not clamped."""
        self._check(images)
        return self._in_parts(images, self._backward)

    def to(self, device: torch.device | str) -> "Preprocess":
        """The same preprocessing on another device."""
        return replace(self, mean=self.mean.to(device), scale=self.scale.to(device))

    def by(self, mean: Tensor, scale: Tensor) -> "Preprocess":
        """The same kind of map with given numbers instead of fitted ones, in units of [0, 1]; no fitted map matches it.

        Args:
            mean: float32, of the shape of this map's.
            scale: the same.
        """
        given = replace(self, fitted_on="", mean=mean, scale=scale)
        return replace(given, probe=given._probe())

    def describe(self) -> dict[str, Any]:
        """The identity of the map, for JSON: kind, eps, shape, the train images' hash, a probe's transform."""
        return {
            "kind": self.kind,
            "eps": self.eps,
            "shape": list(self.shape),
            "fitted_on": self.fitted_on,
            "probe": list(self.probe),
        }

    def matches(self, description: Mapping[str, Any]) -> bool:
        """Whether ``description`` is of this map; probes may differ by rounding, as refits on other machines do.

        ``eps`` counts for zca alone, and the train images do not count for kind ``none``.
        """
        identity = self.describe()
        keys = {"none": ["kind", "shape"], "normalise": ["kind", "shape", "fitted_on"]}.get(self.kind, [*identity][:-1])
        if any(description.get(key) != identity[key] for key in keys):
            return False
        probe = description.get("probe", ())
        return len(probe) == len(self.probe) and _close(probe, self.probe)

    def to_bundle(self) -> Bundle:
        """The whole map as tensors and facts: for the store, or for a file that stands alone."""
        return Bundle({"mean": self.mean, "scale": self.scale}, self.describe())

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "Preprocess":
        """The map that ``to_bundle`` wrote, on the CPU.

        Raises:
            ValueError: parts are missing, or the tensors do not give the probe that the description promises.
        """
        meta, tensors = bundle.meta, bundle.tensors
        missing = {"kind", "eps", "shape", "fitted_on", "probe"} - set(meta) | {"mean", "scale"} - set(tensors)
        if missing:
            raise ValueError(f"a stored preprocessing lacks {sorted(missing)[0]!r}: fit it again")
        parts = meta["kind"], meta["eps"], tuple(meta["shape"]), meta["fitted_on"], tensors["mean"], tensors["scale"]
        fitted = cls(*parts, tuple(meta["probe"]))
        try:
            probe = fitted._probe()
        except RuntimeError as error:
            raise ValueError(f"a stored preprocessing has tensors of wrong shapes ({error}): fit it again") from error
        if not _close(probe, fitted.probe):
            raise ValueError("a stored preprocessing does not transform the probe image as described: fit it again")
        return fitted

    @cached_property
    def _unscale(self) -> Tensor:
        """``T^-1 = U diag(sqrt(S + eps)) U^T``, float32 ``[D, D]``: T inverted in float64, once, when needed."""
        return inverse(self.scale.double()).float()

    def _forward(self, pixels: Tensor) -> Tensor:
        unit = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float()
        if self.kind == "zca":
            return ((unit.flatten(1) - self.mean) @ self.scale).view_as(unit)
        return (unit - self.mean) / self.scale

    def _backward(self, images: Tensor) -> Tensor:
        images = images.float()
        if self.kind == "zca":
            return (images.flatten(1) @ self._unscale + self.mean).view_as(images)
        return images * self.scale + self.mean

    def _in_parts(self, images: Tensor, step: Callable[[Tensor], Tensor], deadline: Deadline = None) -> Tensor:
        large = self.kind == "zca" and len(self.mean) > LARGE
        device, parts = self.mean.device, images.split(LARGE_ROWS if large else APPLY_ROWS)
        if len(parts) == 1 or (images.requires_grad and torch.is_grad_enabled()):
            return torch.cat([step(part.to(device)).to(images.device) for part in parts])
        whole = torch.empty(images.shape, dtype=torch.float32, device=images.device)
        for part, rows in zip(parts, whole.split(APPLY_ROWS), strict=True):  # `cat` would hold everything twice
            rows.copy_(step(part.to(device)))
            if is_over(deadline):
                raise Stopped("stopped as asked while images are preprocessed; run the same command again to go on")
        return whole

    def _check(self, images: Tensor) -> None:
        if tuple(images.shape[1:]) != self.shape:
            want = ", ".join(map(str, self.shape))
            raise ValueError(f"images must be [B, {want}], as the preprocessing was fitted on, got {[*images.shape]}")

    def _probe(self) -> tuple[float, ...]:
        """Values, spread over the image, of the transform of a fixed image that holds every frequency."""
        size = self.shape[0] * self.shape[1] * self.shape[2]
        ramp = torch.arange(size, dtype=torch.int64)
        image = (ramp * ramp * 7919 % 256).to(torch.uint8).view(1, *self.shape)
        points = torch.arange(PROBE_POINTS) * (size - 1) // (PROBE_POINTS - 1)
        return tuple(round(value, 4) for value in self(image).flatten()[points].tolist())


def channel_moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (divisor N) of each channel of uint8 images, in units of [0, 1], float64 ``[Ch]``."""
    total = torch.zeros(2, images.shape[1], dtype=torch.float64, device=images.device)
    for part in images.split(APPLY_ROWS):
        values = part.double()
        total += torch.stack([values.sum(dim=(0, 2, 3)), values.square().sum(dim=(0, 2, 3))])
    mean, square = total / (images[:, 0].numel())
    return mean / 255, (square - mean.square()).clamp(min=0).sqrt() / 255


def _fit_none(images: Tensor, *_: object) -> tuple[Tensor, Tensor]:
    return torch.zeros((), device=images.device), torch.ones((), device=images.device)


def _fit_normalise(images: Tensor, *_: object) -> tuple[Tensor, Tensor]:
    mean, std = (value.view(-1, 1, 1) for value in channel_moments(images))
    return mean, torch.where(std > 0, std, torch.ones_like(std))  # a constant channel stays constant


def _fit_zca(images: Tensor, eps: float, watch: Watch | None, deadline: Deadline) -> tuple[Tensor, Tensor]:
    pauses = Pauses(announce(images), watch, deadline)
    fitted = fit_zca(images, eps, pauses)
    pauses.end()
    return fitted


FITS = {"none": _fit_none, "normalise": _fit_normalise, "zca": _fit_zca}


def _close(first: Any, second: Any) -> bool:  # noqa: ANN401 (two sequences of numbers, possibly read from JSON)
    tensors = [torch.as_tensor(tuple(values), dtype=torch.float64) for values in (first, second)]
    return torch.allclose(*tensors, rtol=1e-3, atol=1e-3)
