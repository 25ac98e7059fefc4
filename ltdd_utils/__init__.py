"""Long-tailed dataset distillation, step by step: the code that the chapters of the book show and run.

Paper 1 is DAM + ED (Zhao et al., "Distilling Long-tailed Datasets", arXiv 2408.14506); paper 2 the uni-level framework
(Cui et al., "Rethinking Long-tailed Dataset Distillation", arXiv 2511.18858).

Map, from the bottom up; a module imports only from modules above it in this list (``tests/test_layers.py``):

================ =======================================================================================================
``core``         strict settings and ``config_id``, random streams, the store of stages, deadlines, provenance
``augment``      differentiable siamese augmentation; crops, flips, Mixup, CutMix, RandAugment, batched
``networks``     ConvNet-D, ResNets, VGG-11, AlexNet: backbone, classifier, optional heads; weights as one flat vector
``training``     the one supervised loop, its losses, averages of weights
``data``         long tails: readers of the data sets, class counts, index lists, the preprocessing fitted on them
``distilled``    a distilled set, the file that describes it, its images in the space of each protocol
``interchange``  sets of other codes: their layouts, what their labels and images mean; pictures, a torch ``Dataset``
``teachers``     networks trained on the long tail, plain and debiased: teachers, observers, feature extractors
``presets``      the networks and teachers of each data set at each scale
``evaluation``   one evaluator, three named protocols (both papers' releases); ADSA
``methods``      one room per family: ``coresets``, ``condensation`` (DC, DM, IDM, DREAM, CSDM, LADM), ``trajectory``
                 (MTT, DATM, DAM + ED), ``alignment`` (SRe2L, RDED, EDC, uni-level); their table
``recipes``      what is run: data, method and protocol of one cell at one scale
``records``      what was measured, and what was published
``analysis``     the board of a cell: scores, contrasts, controls, ladders; published beside ours, claims
``tables``       tables for pages: words, one format per column, differences with their verdict
``runs``         a recipe from data to record
``jobs``         units of runs side by side, each in one of several processes
``campaign``     many runs in order of value: done, running, missing, and their cost
``report``       the generated pages
``plots``        figures in one style
``cli``          the ``ltdd`` command
``notebook``     what chapters call: a context to run in, the source of a function
``__main__``     ``python -m ltdd_utils``
================ =======================================================================================================

Shape letters: ``B`` batch, ``C`` classes, ``K`` images per class (IPC), ``N`` steps or images (said each time), ``P``
parameters, ``L`` BatchNorm layers; ``Ch, H, W`` channels, height, width.

Import this package before torchvision: see ``_torchvision``.
"""

from ltdd_utils import _torchvision

_torchvision.install()
