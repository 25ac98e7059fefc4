"""Paper 2: "Rethinking Long-tailed Dataset Distillation", a uni-level framework (Cui et al., arXiv 2511.18858).

Its stages, each with settings of its own, are put together by ``pipeline.unilevel``:

==================== =================================================================
``experts``          observer and teacher, debiased: equations 5 to 7
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
