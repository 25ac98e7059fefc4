"""Settings of paper 1 and of its baselines: expert trajectories, DAM, initial sets, matching."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.core.settings import added_field, at_least, check_types, choice, to_dict
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.training.settings import TrainConfig

__all__ = [
    "DAMConfig",
    "ExpertConfig",
    "GSAMConfig",
    "InitialConfig",
    "MatchConfig",
    "TrajectoryConfig",
    "classifier_settings",
    "expert_settings",
]

SECOND_STAGE = ("classifier_epochs", "classifier_lr", "classifier_images", "samples_per_class", "max_norm")


@dataclass(frozen=True)
class GSAMConfig:
    """Sharpness-aware steps: surrogate-gap guided SAM (Zhuang et al., arXiv 2203.08065), as LTDD and FTD train."""

    rho: float = 0.01  # length of the ascent step
    alpha: float = 0.3  # times the component of g orthogonal to g', which is taken off g'
    adaptive: bool = True  # perturb each weight in proportion to its square (ASAM)

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        at_least(self, rho=0, alpha=0)


@dataclass(frozen=True)
class ExpertConfig:
    """Expert trajectories: representation experts on the long tail, classifier experts on their frozen backbones."""

    count: int = 100  # experts; each has both stages (LTDD's release: 100)
    network: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig(epochs=100, momentum=0.0, weight_decay=5e-3, schedule="constant")  # as released
    gsam: GSAMConfig | None = None  # None: plain SGD
    augment: AugmentConfig = AugmentConfig()
    classifier_epochs: int = 10  # of class-aware oversampling
    classifier_lr: float = 0.01  # no momentum, no weight decay (as released)
    classifier_images: int | None = None  # in one epoch of that stage; None: n_max * C (as released)
    samples_per_class: int = 4  # consecutive images of a class that the sampler draws
    max_norm: float = 0.0  # bound of a classifier row's norm, set once after every epoch of that stage, not after every
    # step; 0: none (the release configures 0.1 and never applies it)
    stored: Literal["fp32", "bf16"] = "fp32"  # of the snapshots on disk
    seed: int | None = None  # of the experts; None: the run's, so that every seed has experts of its own
    logit_adjustment: float = added_field(
        0.0
    )  # tau of a logit-adjusted loss in the first stage: debiased experts; 0: none

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "stored")
        at_least(self, count=1, classifier_epochs=0, classifier_lr=0, samples_per_class=1, max_norm=0)
        at_least(self, classifier_images=1, seed=0, logit_adjustment=0)
        if self.train.ema:
            raise ValueError(
                f"train.ema is {self.train.ema}, but snapshots are of the weights themselves, not of an average: use 0"
            )


def expert_settings(cfg: ExpertConfig, index: int) -> dict[str, Any]:
    """The settings that a representation expert depends on: neither the number of experts nor the epochs kept."""
    first = {name: value for name, value in to_dict(cfg).items() if name not in (*SECOND_STAGE, "count", "seed")}
    return {"expert": first, "index": index}


def classifier_settings(cfg: ExpertConfig, index: int) -> dict[str, Any]:
    """The settings that a classifier expert depends on: its representation expert's and those of its own stage."""
    return expert_settings(cfg, index) | {"second": {name: getattr(cfg, name) for name in SECOND_STAGE}}


@dataclass(frozen=True)
class InitialConfig:
    """The set that distillation starts from."""

    images: Literal["correct", "real"] = "correct"  # real images that the expert predicts correctly, or any
    experts: Literal["representation", "classifier"] = "representation"  # whose last snapshots choose and label
    policy: Literal["duplicate", "noise", "inherent"] = "duplicate"  # for classes with too few such images
    labels: Literal["mean-of-right", "one-expert", "hard"] = "mean-of-right"  # soft labels; "hard": integers (MTT)

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        for name in ("images", "experts", "policy", "labels"):
            choice(self, name)


@dataclass(frozen=True)
class DAMConfig:
    """The student's inner loss: soft cross-entropy with class weights and a logit offset (``losses.dam_loss``)."""

    weights: Literal["none", "sum", "mean"] = "none"  # none: 1 each; sum: prior, sums to 1; mean: C * prior, mean 1
    offset: float = 0.0  # lambda: z - lambda * log(prior) replaces z
    prior: Literal["long-tailed", "estimated", "uniform", "permuted", "inverted"] = "long-tailed"
    # estimated: from the experts' answers, where counts are unknown; the last three are placebos
    prior_seed: int = 0  # of "permuted"

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "weights")
        choice(self, "prior")
        at_least(self, prior_seed=0)
        if not math.isfinite(self.offset):
            raise ValueError(f"offset is {self.offset}; it must be a finite number")


@dataclass(frozen=True)
class MatchConfig:
    """One of the two matching phases."""

    weight: float = 1.0  # lambda_rep or lambda_cls: factor of this phase's loss; 0 leaves the phase out
    steps: int = 80  # N, inner steps of the student
    epochs: int = 2  # of the expert between start and target snapshot

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        at_least(self, weight=0, steps=1, epochs=1)


@dataclass(frozen=True)
class TrajectoryConfig:
    """A distilled set by matching expert trajectories: MTT, DATM and DAM + ED differ in these fields only."""

    experts: ExpertConfig = ExpertConfig()
    initial: InitialConfig = InitialConfig()
    dam: DAMConfig = DAMConfig()  # inner loss of the first phase; the second has plain soft cross-entropy
    first: MatchConfig = MatchConfig()  # representation experts
    second: MatchConfig | None = None  # classifier experts (expert decoupling); None: one phase
    match: Literal["all", "backbone"] = "all"  # parameters that the first phase compares
    gradient: Literal["exact", "tesla", "unroll"] = "exact"
    iterations: int = 10_000
    batch: int = 500  # distilled images per inner step; all of them if there are no more
    window: tuple[int, ...] = (0, 10, 20)  # T-, T, T+: first start epoch, and first and final bound (exclusive)
    expand: int = 0  # iterations in which the bound goes from T to T+; 0: T+ from the start
    lr_images: float = 100.0
    momentum_images: float = 0.5
    lr_labels: float = 2.0  # of the label logits; 0: labels stay
    momentum_labels: float = 0.9
    lr_lr: float = 1e-5  # of the student's step size; 0: it stays
    momentum_lr: float = 0.5
    lr: float = 0.01  # first value of the student's step size (LTDD: lr_teacher)
    smallest_lr: float = 1e-5  # the learned step size is clamped here
    largest_loss: float | None = None  # an iteration with a matching loss above leaves the set as it is (DATM: 1)
    precision: Literal["fp32", "bf16"] = added_field("fp32")  # of a student's passes (autocast); weights, losses,
    # adjoint and all sums stay fp32

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "match")
        choice(self, "gradient")
        choice(self, "precision")
        at_least(self, iterations=0, batch=1, expand=0, lr_images=0, momentum_images=0, lr_labels=0)
        at_least(self, momentum_labels=0, lr_lr=0, momentum_lr=0, lr=0, smallest_lr=0, largest_loss=0)
        for name in ("lr", "smallest_lr"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; a student's step size must be above 0")
        if self.lr < self.smallest_lr:
            raise ValueError(
                f"lr is {self.lr}, below smallest_lr ({self.smallest_lr}): it would not stay; lower that too"
            )
        window = self.window
        whole = len(window) == 3 and all(isinstance(epoch, int) for epoch in window)
        if not whole or not 0 <= window[0] < window[1] <= window[2]:
            raise ValueError(
                f"window is {list(window)}; give three whole numbers T-, T, T+ with 0 <= T- < T <= T+: start epochs "
                "are drawn from T- to T - 1, later to T+ - 1"
            )
        self._check_epochs()
        if not self.first.weight and not (self.second and self.second.weight):
            raise ValueError("both phases have weight 0: nothing would be matched; set first.weight or second.weight")
        if self.initial.labels == "hard" and self.lr_labels:
            raise ValueError(f"lr_labels is {self.lr_labels}, but labels are hard: set lr_labels to 0")
        if self.experts.augment.kind not in ("dsa", "none"):
            kind = self.experts.augment.kind
            raise ValueError(f"experts.augment.kind is {kind!r}; a student replays DSA alone: use 'dsa' or 'none'")
        if self.second is not None and self.match != "backbone":
            raise ValueError("the second phase owns the classifier: set match to 'backbone'")

    def _check_epochs(self) -> None:
        last, trained = self.window[2] - 1 + self.first.epochs, self.experts.train.epochs
        if last > trained:
            raise ValueError(
                f"the window {list(self.window)} asks for epoch {last}, but experts train {trained} epochs: set window "
                f"to end at {trained + 1 - self.first.epochs} or below, or experts.train.epochs to {last}"
            )
        if self.second is not None and self.second.epochs > self.experts.classifier_epochs:
            raise ValueError(
                f"second.epochs is {self.second.epochs}, but classifier experts train {self.experts.classifier_epochs}"
            )

    @property
    def snapshots(self) -> tuple[int, ...]:
        """Epochs of the representation experts that this recipe reads: starts, targets, and the last one."""
        last = self.window[2] - 1 + self.first.epochs
        return tuple(sorted({*range(self.window[0], last + 1), self.experts.train.epochs}))

    @property
    def classifier_snapshots(self) -> tuple[int, ...]:
        """Epochs of the classifier experts that this recipe reads; none if it has no use for them."""
        targets = set() if self.second is None else {0, self.second.epochs}
        last = {self.experts.classifier_epochs} if self.initial.experts == "classifier" else set()
        return tuple(sorted(targets | last))
