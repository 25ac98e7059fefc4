"""Networks trained on the long tail: teachers, observers, the feature extractors of the coresets."""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "settings": ["DebiasConfig", "TeacherConfig"],
        "calibrated": ["Calibrated", "calibration"],
        "debiased": ["DebiasedObjective"],
        "stage": ["train_teacher"],
        "scores": ["check_class_order", "teacher_scores"],
    },
)
