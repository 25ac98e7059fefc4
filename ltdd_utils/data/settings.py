"""Settings of the long tail and of its preprocessing."""

from dataclasses import dataclass
from typing import Literal

from ltdd_utils.core.settings import added_field, at_least, check_types, choice

__all__ = ["LARGEST_SEED", "OWN", "DataConfig", "PreprocessConfig", "is_own"]

OWN = "folder:"  # before the path of a data set of the user's own
LARGEST_SEED = 2**32 - 1  # of numpy's RandomState, which draws the index lists


def is_own(name: str) -> bool:
    """Whether a data set's name is a path of the user's own, whose images can change while the name stays."""
    return name.startswith(OWN)


@dataclass(frozen=True)
class DataConfig:
    """The choice of the long tail's images. Fixed for a run: a run's ``seed`` never changes it."""

    name: str = "digits"  # one of ``DATASETS``, or folder:PATH
    imbalance_factor: float = 20.0  # IF = n_max / n_min, at least 1
    n_max: int | None = None  # images of the head class; None: what the data set has
    profile: Literal["exponential", "list", "natural"] = "exponential"  # list: of a file; natural: all images
    index_list: Literal["ltdd", "ldam", "glmc"] = "ltdd"  # whose rule picks the images (``long_tailed_indices``)
    subset_seed: int = 42  # of the index list (LTDD's release: 42; LDAM's: 0; GLMC's and paper 2's: 3407)
    class_order: Literal["native", "reversed", "permuted"] = "native"  # which class is the head; labels stay
    class_order_seed: int = 0  # of "permuted"
    list_file: str | None = added_field(None)  # of profile list, from the data folder; None: the data set's own list
    list_sha256: str | None = added_field(None)  # of its positions: filled in when it is read, checked if given
    # unused: in place of the test set, train images that the long tail leaves out, equally many of each class
    judged_on: Literal["test", "unused"] = added_field("test")

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        for name in ("profile", "index_list", "class_order", "judged_on"):
            choice(self, name)
        if self.judged_on == "unused" and self.profile != "exponential":
            raise ValueError(
                f"judged_on is 'unused' and profile {self.profile!r}; only the exponential profile leaves images of "
                "every class unused: judge on test"
            )
        if 0 < self.imbalance_factor < 1:
            rate = f"it must be a finite number, at least 1: the rate {self.imbalance_factor:g}"
            factor = f"is the factor {1 / self.imbalance_factor:g}"
            raise ValueError(f"imbalance_factor is {self.imbalance_factor}; {rate} {factor}")
        at_least(self, imbalance_factor=1, n_max=1, subset_seed=0, class_order_seed=0)
        for name in ("subset_seed", "class_order_seed"):
            if getattr(self, name) > LARGEST_SEED:
                raise ValueError(f"{name} is {getattr(self, name)}; numpy takes seeds up to {LARGEST_SEED}")
        if self.list_file is not None and self.profile != "list":
            raise ValueError(
                f"list_file is {self.list_file!r}; profile {self.profile!r} reads none: set profile to list"
            )
        if self.list_sha256 is not None and self.list_file is None:
            raise ValueError(
                f"list_sha256 is {self.list_sha256!r}; it is of a list_file, and there is none: leave it out"
            )


@dataclass(frozen=True)
class PreprocessConfig:
    """The one transform of a run, fitted on the long-tailed training set and applied to everything."""

    kind: Literal["none", "normalise", "zca"] = "zca"
    eps: float = 0.1  # added to the eigenvalues of the pixel covariance (ZCA); LTDD's release uses 0.1

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        choice(self, "kind")
        at_least(self, eps=0)
