"""Settings of one supervised training run."""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.core.settings import at_least, check_types, choice

__all__ = ["TrainConfig"]


@dataclass(frozen=True)
class TrainConfig:
    """One supervised training run."""

    epochs: int = 1000
    batch_size: int = 256  # images per step
    lr: float = 0.01  # step size at the first epoch
    optimiser: Literal["sgd", "adamw"] = "sgd"
    momentum: float = 0.9  # SGD
    weight_decay: float = 5e-4  # on every parameter, or on weights alone (decay_norms)
    decay_norms: bool = True  # False: biases and norm parameters are not decayed (EDC's evaluator)
    schedule: Literal["constant", "steps", "cosine", "cosine-half", "cosine-half-drop"] = "steps"  # loop.py explains
    milestones: tuple[float, ...] = (0.5,)  # of "steps": fractions of the epochs after which lr is multiplied by gamma
    gamma: float = 0.1
    ema: float = 0.0  # decay of the moving average of the weights that is evaluated; 0: the last weights themselves
    precision: Literal["fp32", "bf16"] = "fp32"  # of forward and backward (autocast); weights stay fp32

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        for name in ("optimiser", "schedule", "precision"):
            choice(self, name)
        at_least(self, epochs=0, batch_size=1, lr=0, momentum=0, weight_decay=0, gamma=0, ema=0)
        if self.ema >= 1:
            raise ValueError(f"ema is {self.ema}; it must be below 1, or the average never moves")
