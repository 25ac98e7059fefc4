"""The commands that only tell of recipes."""

from ltdd_utils.cli.options.shared import Command, overrides, protocol, recipe, results, scale

__all__ = ["COMMANDS"]


COMMANDS = {
    "list": Command(
        "Every recipe, the scales it has, and what it is.", ["ltdd list", "ltdd list --json"], (), "listing"
    ),
    "show": Command(
        "The full settings of a recipe, the published number, and what its runs gave and cost.",
        [
            "ltdd show random_cifar10",
            "ltdd show random_digits --results mine",
            "ltdd show kcenter_cifar10 --ipc 20 --scale paper --json",
        ],
        (recipe, scale("the smallest that the data set has"), protocol, overrides("evaluate.train.epochs=10"), results),
        "listing",
    ),
}
