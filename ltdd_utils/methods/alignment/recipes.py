"""The recipes of paper 2 and of the baselines in its family: statistics alignment, and crops of real images.

========================== ======================= ================= ==================================== ===========
recipe                     observer                teacher (labels)  initial images                       recovery
========================== ======================= ================= ==================================== ===========
``unilevel``               debiased                debiased          crops, by the debiased teacher       class-fair
``unilevel_no_debiasing``  plain                   plain             crops, by the plain teacher          class-fair
``unilevel_no_calibration``debiased                debiased          crops                                running BN
``unilevel_no_init``       debiased                debiased          real images at random                class-fair
``unilevel_no_recovery``   none                    debiased          crops                                none
``sre2l``                  plain                   plain             noise                                running BN
``rded``                   none                    plain             crops of at most 300 images a class  none
``edc``                    plain                   plain             real images at random                as released
``edc_several``            plain, four networks    plain             real images at random                as released
========================== ======================= ================= ==================================== ===========

``_adsa`` calibrates the labels of the recipe before it. The teacher that labels is part of the protocol
(``online-teacher/debiased``): ``--teacher`` gives all methods the same one. The paper does not define its ablations;
"no calibration" here has the observer's running statistics and no class-wise term.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ltdd_utils.data.facts import DATASETS, stand_in
from ltdd_utils.methods.alignment.family import ALIGNMENT
from ltdd_utils.methods.alignment.settings import CropConfig, RecoverConfig, StatisticsConfig, UnilevelConfig
from ltdd_utils.methods.base import Method
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.presets import PADDING, Cell, observer, teacher

__all__ = [
    "METHODS",
    "edc",
    "edc_adsa",
    "edc_several",
    "rded",
    "sre2l",
    "sre2l_adsa",
    "unilevel",
    "unilevel_adsa",
    "unilevel_no_calibration",
    "unilevel_no_debiasing",
    "unilevel_no_init",
    "unilevel_no_recovery",
]

# The uni-level release, one script per data set: recovery's iterations, images of a batch, smallest crop, weight.
_RELEASED: Mapping[str, tuple[int, int, float, float]] = {
    "cifar10": (75, 100, 0.08, 0.01),
    "cifar100": (2000, 100, 0.5, 0.01),
    "tiny": (2000, 100, 0.5, 0.01),
    "imagenet": (1000, 80, 0.5, 0.1),
}
# Iterations at the reduced scales, where the full number takes hours.
_REDUCED = {"cifar10": 75, "cifar100": 150, "tiny": 100, "imagenet": 50}
# SRe2L's release, what is its own on a data set (unknown for ImageNet-LT: as on CIFAR).
_SRE2L_SMALL: Mapping[str, Any] = {"iterations": 1000, "lr": 0.25, "crop_scale": (1.0, 1.0), "flip": False}
_SRE2L: Mapping[str, Mapping[str, Any]] = {
    "cifar10": _SRE2L_SMALL,
    "cifar100": _SRE2L_SMALL,
    "tiny": {"iterations": 4000, "lr": 0.1, "alignment": 1.0, "crop_scale": (0.08, 1.0), "flip": True},
    "imagenet": _SRE2L_SMALL,
}
_AS_RELEASED = {"class_wise": "batch", "class_variance": "within-image"}


def unilevel(cell: Cell) -> UnilevelConfig:
    """The uni-level framework: debiased observer and teacher, class-fair statistics, confidence-guided crops.

    Published on CIFAR-10-LT, IF 100, IPC 10: 62.7 +- 0.1.
    """
    return UnilevelConfig(
        observer=observer(cell.dataset, cell.scale, "debiased"),
        teacher=teacher(cell.dataset, cell.scale, "debiased"),
        recover=_recovery(cell),
    )


def unilevel_no_debiasing(cell: Cell) -> UnilevelConfig:
    """Without model debiasing: observer and teacher are trained with cross-entropy.

    Published on CIFAR-100-LT, IF 50, IPC 10, beside 42.1 of the full method: see ``ltdd table``.
    """
    plain = {"observer": observer(cell.dataset, cell.scale), "teacher": teacher(cell.dataset, cell.scale)}
    return replace(unilevel(cell), **plain)


def unilevel_no_calibration(cell: Cell) -> UnilevelConfig:
    """Without statistics recalibration: the observer's running BatchNorm statistics, no class-wise term.

    Two things at once; ``unilevel --set method.statistics.source=running`` changes the first alone.
    """
    base = unilevel(cell)
    recovery = replace(base.recover, global_share=1.0, class_share=0.0)
    return replace(base, statistics=replace(base.statistics, source="running"), recover=recovery)


def unilevel_no_init(cell: Cell) -> UnilevelConfig:
    """Without the adapted initialisation: recovery starts from random real images, repeated in classes with too few."""
    return replace(unilevel(cell), initial=CropConfig("real"), teacher=None)


def unilevel_no_recovery(cell: Cell) -> UnilevelConfig:
    """The confident crops themselves, labelled by the debiased teacher: the control that the paper does not show."""
    base = unilevel(cell)
    return replace(base, recover=replace(base.recover, iterations=0))


def sre2l(cell: Cell) -> UnilevelConfig:
    """SRe2L: from noise, to the running BatchNorm statistics of a plain observer.

    Yin et al. (arXiv 2306.13092), its settings for small data sets: one image per class in a batch; on CIFAR 1000
    iterations without crops and flips, on Tiny-ImageNet at scale paper 4000 with them, smaller steps and statistics
    that weigh as much as the cross-entropy. Reduced scales have CIFAR's with fewer iterations.

    Note:
        Differs from the release, whose observer at scale paper is a ResNet-18 as here, but whose labels come from it
        too, with a temperature of 30: here the protocol's teacher labels, by its logits, for all methods of a table.
        The circular shift goes both ways (there: one way). On Tiny-ImageNet the release has 1000 iterations at 50
        images per class (here 4000 too); the smallest crop and the shift there are unknown to us (torchvision's 0.08,
        and CIFAR's 4 pixels). So are all its settings for small images of ImageNet-LT, where CIFAR's stand.

    Published on CIFAR-10-LT, IF 100, IPC 10: 22.6 (in the ADSA paper).
    """
    own = observer(cell.dataset, cell.scale)
    if cell.scale == "paper":
        network = replace(own.network, name="resnet18")
        own = replace(own, network=network, train=replace(own.train, batch_size=128, lr=0.1, weight_decay=5e-4))
    reduced = {**_SRE2L_SMALL, "iterations": 200 if cell.scale == "cpu" else 100}
    known = DATASETS[cell.dataset]
    chosen = dict(_SRE2L[stand_in(cell.dataset, _SRE2L, "SRe2L")] if cell.scale == "paper" else reduced)
    chosen["flip"] = chosen["flip"] and known.flip
    shift = min(PADDING, known.padding)
    recovery = RecoverConfig(batch=known.classes, global_share=1.0, class_share=0.0, ema=0.0, shift=shift, **chosen)
    return UnilevelConfig(own, initial=CropConfig("noise"), statistics=StatisticsConfig("running"), recover=recovery)


def rded(cell: Cell) -> UnilevelConfig:
    """RDED: the crops of real images that a plain teacher is surest of; nothing is optimised.

    Sun et al. (arXiv 2312.03526); one crop per image (factor 1) on small images. A class with fewer images than IPC
    gives several crops of one.

    Published on CIFAR-10-LT, IF 100, IPC 10: 41.2 +- 0.3 (run by the authors of paper 2).
    """
    return replace(
        unilevel_no_debiasing(cell),
        initial=CropConfig(pool=300),
        recover=replace(_recovery(cell), iterations=0),
    )


def edc(cell: Cell) -> UnilevelConfig:
    """EDC with one backbone: from real images, to the statistics of all BatchNorm and convolution inputs.

    Shao et al. (arXiv 2404.13733). Class by class its statistics are those inside an image, averaged over the batch's
    labels, as in its release; the whole batch has the observer's running ones.

    Note:
        Differs from the release in the mended errors: the last epoch of the observer (not that of a checkpoint every
        ten epochs), statistics divided by the images there are, running averages that begin anew with each batch, and
        classes in turn. And in the setting: the observer is that of the uni-level framework with its schedule, the
        first layer is the first BatchNorm (there: the pixels), and the protocol's one teacher labels (there: the mean
        of all backbones). ``statistics.variance`` has no effect here.

    Published on CIFAR-10-LT, IF 100, IPC 10: 53.2 +- 0.5 (run by the authors of paper 2, adaptation not described).
    """
    base = unilevel_no_debiasing(cell)
    return replace(
        base,
        teacher=None,
        initial=CropConfig("real"),
        statistics=StatisticsConfig("running", "mean", "bn+conv", patch=4),
        recover=replace(base.recover, **_AS_RELEASED),
    )


def edc_several(cell: Cell) -> UnilevelConfig:
    """EDC with four backbones in turn; its release has eight, of which these kinds are in this package."""
    base = edc(cell)
    return replace(base, others=tuple(replace(base.observer, network=network) for network in _backbones(cell)))


def unilevel_adsa(cell: Cell) -> UnilevelConfig:
    """The uni-level framework with labels calibrated by ADSA (arXiv 2511.17914); no number is published."""
    return unilevel(cell)


def sre2l_adsa(cell: Cell) -> UnilevelConfig:
    """SRe2L with labels calibrated by ADSA (arXiv 2511.17914).

    Published on CIFAR-10-LT, IF 100, IPC 10: 25.9.
    """
    return sre2l(cell)


def edc_adsa(cell: Cell) -> UnilevelConfig:
    """EDC with labels calibrated by ADSA (arXiv 2511.17914).

    Published on CIFAR-10-LT, IF 100, IPC 10: 68.7.
    """
    return edc(cell)


def _backbones(cell: Cell) -> list[NetworkConfig]:
    depth = DATASETS[cell.dataset].depth
    wide, narrow, residual = {"paper": (128, 32, 64), "cpu": (64, 32, 16), "tiny": (32, 16, 8)}[cell.scale]
    return [
        NetworkConfig("resnet18", width=residual, norm="batch"),
        NetworkConfig("convnet", depth=depth, width=wide, norm="batch"),
        NetworkConfig("convnet", depth=max(depth - 1, 1), width=narrow, norm="batch"),
    ]


def _recovery(cell: Cell) -> RecoverConfig:
    """The released figures of the data set, with fewer iterations at the reduced scales; digits are not mirrored."""
    name = stand_in(cell.dataset, _RELEASED, "the uni-level release")
    iterations, batch, smallest, weight = _RELEASED[name]
    return RecoverConfig(
        iterations=iterations if cell.scale == "paper" else _REDUCED[name],
        batch=batch,
        alignment=weight,
        crop_scale=(smallest, 1.0),
        flip=DATASETS[cell.dataset].flip,
    )


_PLAIN: dict[str, Any] = {"protocol": "online-teacher"}
_DEBIASED = {"protocol": "online-teacher", "teacher": "debiased", "teacher_named": True}

METHODS = (
    Method("unilevel", unilevel, ALIGNMENT, **_DEBIASED),
    Method("unilevel_no_debiasing", unilevel_no_debiasing, ALIGNMENT, **_PLAIN, teacher_named=True),
    Method("unilevel_no_calibration", unilevel_no_calibration, ALIGNMENT, **_DEBIASED),
    Method("unilevel_no_init", unilevel_no_init, ALIGNMENT, **_DEBIASED),
    Method("unilevel_no_recovery", unilevel_no_recovery, ALIGNMENT, **_DEBIASED),
    Method("unilevel_adsa", unilevel_adsa, ALIGNMENT, **_DEBIASED, calibrated=True),
    Method("sre2l", sre2l, ALIGNMENT, **_PLAIN),
    Method("sre2l_adsa", sre2l_adsa, ALIGNMENT, **_PLAIN, calibrated=True),
    Method("rded", rded, ALIGNMENT, **_PLAIN),
    Method("edc", edc, ALIGNMENT, **_PLAIN),
    Method("edc_several", edc_several, ALIGNMENT, **_PLAIN),
    Method("edc_adsa", edc_adsa, ALIGNMENT, **_PLAIN, calibrated=True),
)
