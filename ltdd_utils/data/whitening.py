"""The fit of ZCA: covariance or products of images, eigenvalues, the whitening matrix; what it will take.

D values a picture make matrices of D x D numbers: 3072 values (32x32 in colour) take seconds, 12,288 (64x64) minutes
and gigabytes, 150,528 (224x224) more memory than there is. That is known before, and said.
"""

import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from ltdd_utils.core.deadline import Deadline, Stopped, is_over
from ltdd_utils.core.memory import free_bytes
from ltdd_utils.core.progress import Watch
from ltdd_utils.data.eigen import eigh

__all__ = ["Pauses", "announce", "fit_zca", "needed_bytes", "pixel_covariance"]

GRAM_ROWS = 1024  # rows whose products of pixels in -128..127 add up within 2**24, where float32 is exact
LARGE = 4096  # values a picture above which matrices are products of strips, in float32 where they are kept so
STRIP = 1024  # their rows and columns: what is computed between two pauses
WORTH = 1024  # values a picture from which few images have a way of their own
LONG_S = 120.0  # expected seconds from which a fit is announced
PROBE, TIMES = 512, 3  # size of a product that is timed, and how often
MATMULS = 10  # products of its own size that an eigh takes, with what follows
INSTEAD = (
    "leave it out by --set evaluate.preprocess.kind=normalise (--set preprocess.kind=normalise where the set has a "
    "space of its own, and in `ltdd evaluate`) or by a protocol without it, as online-teacher; or take smaller images"
)
Pause = Callable[[], None]


class Pauses:
    """Called between the parts of a fit: tells the watch how far it is, and stops it when the deadline is over."""

    def __init__(self, seconds: float, watch: Watch | None = None, deadline: Deadline = None) -> None:
        """Begin a fit that will take about so many ``seconds``."""
        self.total, self.watch, self.deadline = max(round(seconds), 1), watch, deadline
        self.began = time.monotonic()
        self._tell(0)

    def __call__(self) -> None:
        """Between two parts.

        Raises:
            Stopped: the deadline is over.
        """
        if is_over(self.deadline):
            raise Stopped(
                "stopped as asked while ZCA is fitted, of which nothing is kept; the same command begins it again"
            )
        self._tell(min(int(time.monotonic() - self.began), self.total - 1))

    def end(self) -> None:
        """After the last part."""
        self._tell(self.total)

    def _tell(self, done: int) -> None:
        if self.watch is not None:  # seconds: gone, and as expected
            self.watch({"stage": "fitting ZCA", "done": done, "total": self.total})


def announce(images: Tensor) -> float:
    """The expected seconds of a fit on uint8 ``[N, Ch, H, W]``; a long one is said in one line.

    Raises:
        ValueError: there is less free memory than it needs.
    """
    count, size = len(images), images[0].numel()
    form, needed, free = "x".join(map(str, images.shape[1:])), needed_bytes(count, size), free_bytes(images.device)
    what = f"ZCA of {size:,} values a picture ({form})"
    if free is not None and needed > free:
        raise ValueError(f"{what} needs {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free: {INSTEAD}")
    seconds = _expected_seconds(count, size) if images.device.type == "cpu" and size >= PROBE else 0.0
    if seconds > LONG_S:
        took = f"will take about {seconds / 60:.0f} min here and {needed / 1e9:.1f} GB of memory"
        warnings.warn(f"{what} {took}; {INSTEAD}", stacklevel=2)
    return seconds


def needed_bytes(count: int, size: int) -> int:
    """Largest memory of a fit on ``count`` images of ``size`` values, beside the images."""
    if _few(count, size):  # matrix and its copy that is written; images and roots in float64, products and eigenvectors
        return 8 * size**2 + 8 * (3 * count * size + 5 * count**2)
    return 40 * size**2  # in float64: covariance, a child's copy, eigenvectors, and LAPACK's own two


def _expected_seconds(count: int, size: int) -> float:
    """From a product of small matrices, timed now: the best of three, as other work disturbs it."""
    matrix, times = torch.ones(PROBE, PROBE, dtype=torch.float64), []
    for _ in range(TIMES):
        began = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - began)
    product = min(times) / PROBE**3
    if _few(count, size):
        return product * (MATMULS * count**3 + 2 * count**2 * size + count * size**2)
    return product * (MATMULS * size**3 + count * size**2 / 4)  # float32, half of the blocks


def fit_zca(images: Tensor, eps: float, pause: Pause | None = None) -> tuple[Tensor, Tensor]:
    """Mean ``[D]`` of uint8 images in units of [0, 1] and ``T = U diag((s + eps)^(-1/2)) U^T`` ``[D, D]``.

    Fewer images than values have an ``[N, N]`` matrix of the same eigenvalues (``_fit_few``); its last bits differ.
    """
    if _few(len(images), images[0].numel()):
        return _fit_few(images, eps, pause)
    mean, covariance = pixel_covariance(images, pause)
    values, vectors = eigh(covariance, pause)
    # T = R R^T with R = U (S + eps)^(-1/4): symmetric by construction. Rounding can leave S a little below zero.
    root = vectors * (values.clamp(min=0) + eps).pow(-0.25)
    return mean, _squared(root, pause)


def _few(count: int, size: int) -> bool:
    """Whether a fit goes by the products of images: it saves time, and committed sets on small pictures keep theirs."""
    return count < size and size >= WORTH


def _fit_few(images: Tensor, eps: float, pause: Pause | None) -> tuple[Tensor, Tensor]:
    r"""ZCA of N images of D > N values by the eigenvalues of an N x N matrix.

    With :math:`X` the centred images divided by :math:`\sqrt{N - 1}`, :math:`X X^T = V S V^T`, the covariance
    :math:`X^T X` has the same eigenvalues and D - N zeros, so that

    .. math:: T = \frac{1}{\sqrt\epsilon} - X^T V G V^T X, \qquad
              G = \frac{1}{\sqrt{\epsilon (S + \epsilon)}\, (\sqrt\epsilon + \sqrt{S + \epsilon})}

    where nothing is divided by an eigenvalue, which may be zero.
    """
    rows = images.flatten(1).double() / 255
    mean = rows.mean(dim=0)
    rows.sub_(mean).div_((len(rows) - 1) ** 0.5)
    values, vectors = eigh(_squared(rows, pause, torch.float64), pause)
    whole = (values.clamp(min=0) + eps).sqrt()
    root = vectors * (eps**0.5 * whole * (eps**0.5 + whole)).rsqrt()
    strips = []
    for place in _strips(rows.shape[1]):
        strips.append(rows[:, place].T @ root)
        if pause is not None:
            pause()
    matrix = _squared(torch.cat(strips), pause).neg_()
    matrix.diagonal().add_(eps**-0.5)
    return mean, matrix


def pixel_covariance(images: Tensor, pause: Pause | None = None) -> tuple[Tensor, Tensor]:
    """Mean ``[D]`` and covariance (divisor N - 1) ``[D, D]`` of flattened uint8 images in units of [0, 1], float64.

    The sums are exact: pixels are shifted to -128..127, so that float32 products of ``GRAM_ROWS`` rows add up without
    rounding. The result does not depend on order, batching, blocks, device or the number of threads.
    """
    rows = images.flatten(1)
    size = rows.shape[1]
    gram = torch.zeros(size, size, dtype=torch.float64, device=rows.device)
    total = torch.zeros(size, dtype=torch.float64, device=rows.device)
    places = _strips(size)
    for part in rows.split(GRAM_ROWS):
        centred = part.float() - 128
        total += centred.double().sum(dim=0)
        for number, first in enumerate(places):
            for second in places[number:]:
                gram[first, second] += centred[:, first].T @ centred[:, second]
                if pause is not None:
                    pause()
    for number, first in enumerate(places):  # the other half of a symmetric matrix
        for second in places[number + 1 :]:
            gram[second, first] = gram[first, second].T
    gram.addr_(total, total, alpha=-1 / len(rows)).div_((len(rows) - 1) * 255**2)
    return (total / len(rows) + 128) / 255, gram


def _squared(root: Tensor, pause: Pause | None, dtype: torch.dtype = torch.float32) -> Tensor:
    """``R R^T`` ``[D, D]``: float64, or a large one by strips in ``dtype``."""
    size = len(root)
    if size <= LARGE:
        return root @ root.T
    whole = torch.empty(size, size, dtype=dtype, device=root.device)
    places = _strips(size)
    for number, first in enumerate(places):
        for second in places[number:]:
            block = root[first] @ root[second].T
            whole[first, second], whole[second, first] = block, block.T
            if pause is not None:
                pause()
    return whole


def _strips(size: int) -> list[slice]:
    return [slice(start, start + STRIP) for start in range(0, size, STRIP)]
