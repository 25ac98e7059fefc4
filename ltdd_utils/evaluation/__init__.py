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

from ltdd_utils.evaluation.objectives import stored_objective, view_objective
from ltdd_utils.evaluation.scores import Evaluation, gather, label_robust_score
from ltdd_utils.evaluation.students import student
from ltdd_utils.evaluation.teachers import check_class_order, teacher_scores

__all__ = [
    "Evaluation",
    "check_class_order",
    "gather",
    "label_robust_score",
    "stored_objective",
    "student",
    "teacher_scores",
    "view_objective",
]
