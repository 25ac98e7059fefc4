"""Supervised training: the one loop, its losses, averages of weights; what every resumable loop shares."""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "settings": ["TrainConfig"],
        "loop": ["Backward", "Forward", "Objective", "Order", "learning_rate", "train"],
        "parts": ["Grown", "Rows"],
        "resumable": ["LoopState", "LossLog", "require_finite"],
        "confusion": ["confusion_matrix"],
        "losses": [
            "class_weights",
            "consistency_loss",
            "dam_loss",
            "debias_loss",
            "logit_adjustment",
            "logit_matching",
            "soft_cross_entropy",
        ],
        "averages": ["Average"],
        "compiling": ["Compiler", "cpp_compiler"],
        "allocator": ["keep_freed_memory"],
        "objectives": ["label_objective"],
    },
)
