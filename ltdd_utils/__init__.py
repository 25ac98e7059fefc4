"""Long-tailed dataset distillation, step by step: the code that the chapters of the book show and run.

Paper 1 is DAM + ED (Zhao et al., "Distilling Long-tailed Datasets", arXiv 2408.14506); paper 2 the uni-level framework
(Cui et al., "Rethinking Long-tailed Dataset Distillation", arXiv 2511.18858).

Map, from the bottom up; a module imports only from modules above it in this list (``tests/test_layers.py``):

==================== ===================================================================================================
``config``           frozen settings, one class per stage; ``config_id``
``seeds``            named, independent random streams
``provenance``       which code and which machine a number comes from
``locks``            a file that one process at a time holds
``store``            atomic files; finished stages kept under the hash of their settings
``longtail``         class counts, index lists, class prior, shot groups
``preprocess``       one preprocessing, fitted on the long-tailed train set: none, per-channel, ZCA
``datasets``         readers of Digits, CIFAR, Tiny-ImageNet, ImageNet and folders
``images``           a long-tailed data set in memory
``augment``          differentiable siamese augmentation (both papers' evaluation; paper 1's matching)
``views``            crops, flips, Mixup, CutMix, RandAugment, batched (paper 2: initialisation, relabelling)
``networks``         ConvNet-D, ResNets, VGG-11, AlexNet: backbone, classifier, optional heads
``losses``           cross-entropies and their long-tailed forms
``parameters``       weights as one flat vector, and its named slices
``allocator``        how the C library keeps freed memory: speed only
``averages``         the moving average of a network's weights
``training``         the only supervised loop: experts, teachers, students
``experts``          networks trained on the long-tailed data
``distilled``        a distilled set and the file that describes it
``trajectory_files`` the file layout of the trajectory family (import, export)
``trajectory``       paper 1: experts, DAM, matching, distillation; MTT and DATM too
``unilevel``         paper 2: debiased experts, class-fair statistics, initial crops, recovery; SRe2L, RDED, EDC too
``baselines``        coresets; DC and DM; ADSA
``evaluation``       one evaluator, three named protocols (both papers' releases)
``recipes``          what is run: methods, data sets, scales
``results``          records and published targets
``tables``           paper, ours, difference
``pipeline``         a recipe from data to record
``campaign``         many runs in order of value: done, running, missing, and their cost
``report``           the generated pages
``plots``            figures in one style
``cli``              the ``ltdd`` command
``notebook``         what chapters call: a place to run, the source of a function
``__main__``         ``python -m ltdd_utils``
==================== ===================================================================================================

Shape letters: ``B`` batch, ``C`` classes, ``K`` images per class (IPC), ``N`` steps or images (said each time), ``P``
parameters, ``L`` BatchNorm layers; ``Ch, H, W`` channels, height, width.

Import this package before torchvision: see ``_torchvision``.
"""

from ltdd_utils import _torchvision

_torchvision.install()
