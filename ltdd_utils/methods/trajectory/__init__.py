"""Paper 1 and its baselines: distilled sets by matching expert trajectories (MTT, DATM, DAM + ED).

================ =========================================================================
``settings``     experts, DAM, initial sets, matching
``recipes``      the methods of the family; ``released`` has the settings of the papers' cells
``family``       their declared stages; ``stages`` has the functions
``sampling``     class-aware oversampling
``gsam``         sharpness-aware steps of the experts
``snapshots``    of experts: taken, kept on disk, read
``experts``      representation and classifier experts; ``training``: all those of a run
``initial``      the set that distillation starts from
``dam``          the student's inner loss
``matching``     the matching loss and its gradient: exact, TESLA, full unroll
``classifier``   the same for the classifier phase, in closed form
``phases``       an iteration: both losses and their weighted gradient
``distil``       the whole of it: experts and an initial set in, a distilled set out
``interchange``  the files of the released codes of the family
================ =========================================================================
"""
