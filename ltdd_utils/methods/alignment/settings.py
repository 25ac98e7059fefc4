"""Settings of paper 2 and of its baselines: initial crops, statistics, recovery."""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.core.settings import added_field, at_least, check_types, choice, share_range
from ltdd_utils.data.settings import PreprocessConfig
from ltdd_utils.teachers.settings import TeacherConfig, refuse_tau

__all__ = ["CropConfig", "RecoverConfig", "StatisticsConfig", "UnilevelConfig"]


@dataclass(frozen=True)
class CropConfig:
    """The images that recovery starts from."""

    images: Literal["crops", "real", "noise"] = "crops"  # the teacher's most confident crops; any real images; noise
    crops: int = 5  # random crops of each real image (RDED and the uni-level release)
    scale: tuple[float, ...] = (0.08, 1.0)  # share of the area that a crop keeps
    pool: int | None = None  # images of a class that are looked at, drawn at random (RDED: 300); None: all

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "images")
        at_least(self, crops=1, pool=1)
        share_range(self, "scale")


@dataclass(frozen=True)
class StatisticsConfig:
    """The targets of the synthetic images' statistics."""

    source: Literal["classes", "natural", "running"] = "classes"  # all classes alike (calibration); by their images, in
    # the same pass (a control: the same images without augmentation, but no fairness); BatchNorm's running statistics
    variance: Literal["mixture", "mean"] = "mixture"  # of all classes: with the spread of their means, or without it
    layers: Literal["bn", "bn+conv"] = "bn"  # whose inputs are compared; "bn+conv" as released
    patch: int = 0  # pixels, side of the blocks whose statistics are compared too (released: 4); 0: none

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        for name in ("source", "variance", "layers"):
            choice(self, name)
        at_least(self, patch=0)
        if self.patch and self.layers != "bn+conv":
            raise ValueError(f"patch is {self.patch}, but blocks are those of convolution inputs: set layers='bn+conv'")


@dataclass(frozen=True)
class RecoverConfig:
    """Synthetic images by statistics alignment. Figures of the uni-level release for CIFAR-10."""

    iterations: int = 75  # per batch; 0: the initial images are the result
    batch: int = 100  # images that are optimised together, interleaved over the classes
    lr: float = 0.05  # of Adam, to 0 along a cosine
    betas: tuple[float, ...] = (0.5, 0.9)  # of Adam
    cross_entropy: float = 1.0  # weight of the observer's cross-entropy with the hard labels (the paper has none)
    alignment: float = 0.01  # weight of the distance of statistics
    global_share: float = 0.5  # of the distance: statistics of the whole batch
    class_share: float = 0.5  # of the distance: statistics class by class
    class_wise: Literal["per-class", "batch"] = "per-class"  # each class its own (paper), or averaged first (released)
    class_variance: Literal["expected", "pooled", "within-image"] = "expected"  # of the batch's number of images;
    # of all images of the class; inside an image, averaged (released)
    first_layer: float = 10.0  # weight of the first layer; the others have 1
    ema: float = 0.8  # decay of the running average of the synthetic statistics; 0: those of the step alone
    crop_scale: tuple[float, ...] = (0.08, 1.0)  # share of the area of the random crop before the observer
    flip: bool = True  # mirror half of the steps
    shift: int = 0  # pixels, largest circular shift (SRe2L: 4)
    precision: Literal["fp32", "bf16"] = added_field("fp32")  # of the observer's passes (autocast); images, statistics
    # and losses stay fp32

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "class_wise")
        choice(self, "class_variance")
        choice(self, "precision")
        at_least(self, iterations=0, batch=1, lr=0, cross_entropy=0, alignment=0, global_share=0, class_share=0)
        at_least(self, first_layer=0, ema=0, shift=0)
        share_range(self, "crop_scale")
        if self.ema >= 1:
            raise ValueError(f"ema is {self.ema}; it must be below 1, or the average never moves")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas are {list(self.betas)}; give two numbers of Adam, each at least 0 and below 1")


@dataclass(frozen=True)
class UnilevelConfig:
    """A distilled set by statistics alignment: the uni-level framework, SRe2L, RDED and EDC differ in these fields."""

    observer: TeacherConfig  # the images are optimised under it; not trained without iterations
    others: tuple[TeacherConfig, ...] = ()  # further observers, in turn with the first (EDC with several backbones)
    teacher: TeacherConfig | None = None  # scores the initial crops
    initial: CropConfig = CropConfig()
    statistics: StatisticsConfig = StatisticsConfig()
    recover: RecoverConfig = RecoverConfig()
    preprocess: PreprocessConfig = PreprocessConfig("normalise")  # the space of the images

    def __post_init__(self) -> None:
        """Refuse settings that do not fit together."""
        check_types(self)
        if (self.initial.images == "crops") != (self.teacher is not None):
            raise ValueError(
                f"teacher is {'set' if self.teacher else None}; initial images {self.initial.images!r} "
                + ("need no scoring teacher: leave it out" if self.teacher else "are scored by a teacher: give one")
            )
        for own in (self.observer, *self.others):
            refuse_tau("observer", own)
        for network in (own.network for own in (self.observer, *self.others)):
            if self.recover.iterations and network.norm != "batch":
                raise ValueError(
                    f"the observer is a {network.name} with norm {network.norm!r}, which has no BatchNorm layer, so "
                    "there are no statistics to align; set observer.network.norm to 'batch'"
                )
        if self.preprocess.kind == "zca":
            raise ValueError("preprocess.kind is 'zca', which mixes pixels and leaves them no range; use 'normalise'")
