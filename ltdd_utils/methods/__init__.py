"""The methods, one room per family: settings, recipes, values, loop and stages side by side.

``base`` says what a method and a family are, ``registry`` has the table of all methods.
"""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "base": ["Family", "Job", "Method", "Stage", "teacher_stage"],
        "registry": ["METHODS", "method_names", "register"],
        "coresets.family": ["CORESETS"],
        "coresets.recipes": ["feature_expert"],
        "coresets.settings": ["CoresetConfig", "register_rule"],
        "coresets.selection": ["random_set"],
        "condensation.family": [
            "DISTRIBUTION_MATCHING",
            "GRADIENT_MATCHING",
            "IMPROVED_DISTRIBUTION_MATCHING",
            "REPRESENTATIVE_MATCHING",
            "SPECTRAL_MATCHING",
        ],
        "trajectory.family": ["TRAJECTORY"],
        "alignment.family": ["ALIGNMENT"],
    },
)
