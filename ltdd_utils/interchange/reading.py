"""Facts that the files of other codes leave out, as a user may state them."""

from dataclasses import dataclass

from ltdd_utils.core.settings import at_least, check_types, choice

__all__ = ["CHOICES", "Reading"]

CHOICES = {
    "targets": ("logits", "probabilities", "hard"),
    "space": ("zca", "normalise", "pixels"),
    "order": ("classes", "labels"),
}


@dataclass(frozen=True)
class Reading:
    """How to read a set of other code; None leaves it to the contents, and to a refusal where they do not tell."""

    targets: str | None = None  # what rows of labels [M, C] are; this and the next two: one of CHOICES
    space: str | None = None  # of the images; None: that of the layout
    order: str | None = None  # classes of images with soft labels: by place, or by the label
    iteration: int | None = None  # read the files of this iteration, not the best ones
    factor: int | None = None  # images along a side of each stored one; None: that of the layout
    unequal: bool = False  # classes may have different numbers of images

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        check_types(self)
        for name, words in CHOICES.items():
            if getattr(self, name) is not None:
                choice(self, name, words)
        at_least(self, factor=1)
        if self.iteration is not None and self.iteration < 0:
            raise ValueError(f"iteration is {self.iteration}; it must be 0 or more")
