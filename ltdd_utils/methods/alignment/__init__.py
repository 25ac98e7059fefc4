"""Paper 2: "Rethinking Long-tailed Dataset Distillation", a uni-level framework (Cui et al., arXiv 2511.18858).

Observer and teacher, debiased (equations 5 to 7), are in the room ``teachers``.

==================== =================================================================
``settings``         of initial crops, statistics, recovery
``recipes``          the methods of the family
``family``           their declared stages; ``stages`` has the functions
``monitor``          what layers see of a batch
``statistics``       class-fair statistics: equations 8 and 9
``initial``          confidence-guided multi-round initialisation
``alignment``        distance of statistics: the recovery loss
``batches``          which images are optimised together, and their view in a step
``recover``          synthetic images by statistics alignment
==================== =================================================================

Relabelling is the evaluator's: ``evaluation.objectives.view_objective``. SRe2L, RDED and EDC are recipes of the same
stages.
"""
