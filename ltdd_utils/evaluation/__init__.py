"""One evaluator for every method: fresh students, trained under a named protocol, scored on the balanced test set.

=================  =================================================  =========================================
protocol           labels a student sees                              student's loss and batches
=================  =================================================  =========================================
``dsa-stored``     one stored label per image, soft or hard           cross-entropy, DSA (trajectory family)
``online-teacher`` the teacher's logits on every augmented view       logit MSE + CE, mixed views, EMA
``online-stored``  one stored teacher logit vector per image          the same; CutMix mixes the vectors by area
=================  =================================================  =========================================

What is scored is always the last iterate (or its moving average), never the best one on the test set.
"""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "settings": ["ADSAConfig", "EvaluateConfig"],
        "evaluator": ["DEBIASED", "PLAIN", "STORED", "Evaluator"],
        "table": ["PROTOCOLS", "Protocol", "register_protocol"],
        "protocols": ["protocol", "stored_space", "with_batch_for"],
        "objectives": ["StudentTask", "stored_labels", "stored_objective", "view_objective", "whole_image_logits"],
        "students": ["student"],
        "relabel": ["mean_over_views", "relabelled"],
        "scores": ["Evaluation", "gather", "label_robust_score"],
        "adsa": ["Calibrated", "calibration", "class_confidence", "find_tau"],
    },
)
