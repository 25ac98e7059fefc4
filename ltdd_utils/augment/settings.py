"""Settings of the augmentation of a training batch."""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.core.settings import at_least, check_types, choice, share_range

__all__ = ["DSA_OPERATIONS", "AugmentConfig", "dsa_operations"]

DSA_OPERATIONS = ("color", "crop", "cutout", "flip", "scale", "rotate")


def dsa_operations(strategy: str) -> list[str]:
    """The operations of a DSA strategy, names joined by "_"; none of "none" or "".

    Raises:
        ValueError: an unknown operation.
    """
    names = [] if strategy in ("", "none") else strategy.split("_")
    unknown = [name for name in names if name not in DSA_OPERATIONS]
    if unknown:
        raise ValueError(
            f"augmentation {unknown[0]!r} in {strategy!r} is unknown; join any of {', '.join(DSA_OPERATIONS)} by '_'"
        )
    return names


@dataclass(frozen=True)
class AugmentConfig:
    """Augmentation of a training batch before the network sees it."""

    kind: Literal["none", "dsa", "crop-flip", "mixed-views"] = "dsa"
    strategy: str = "color_crop_cutout_flip_scale_rotate"  # of "dsa": one operation of these per batch
    padding: int = 4  # pixels, of "crop-flip"
    crop_scale: tuple[float, ...] = (0.08, 1.0)  # of "mixed-views": share of the area a random resized crop keeps
    flip: bool = True  # of "crop-flip" and "mixed-views"; digits are never mirrored
    randaugment: bool = True  # of "mixed-views"
    cutmix: bool = True  # of "mixed-views"

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "kind")
        at_least(self, padding=0)
        share_range(self, "crop_scale")
        dsa_operations(self.strategy)
