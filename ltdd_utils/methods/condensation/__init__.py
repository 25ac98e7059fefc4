r"""Dataset condensation: synthetic images that do to a network what the real images of their class do.

- DC, gradient matching (Zhao, Mopuri and Bilen, arXiv 2006.05929): their gradient of the cross-entropy has the
  direction that the real images' has, for networks that are trained on the synthetic set meanwhile.
- DM, distribution matching (Zhao and Bilen, arXiv 2110.04181): their mean feature is the real images' mean feature, for
  networks that are not trained at all.
- IDM, improved distribution matching (Zhao et al., arXiv 2307.09742): DM under networks that are trained on the long
  tail, from a queue; each stored image is several, and those networks are to tell the classes apart.
- LADM, logit-adjusted distribution matching (a method of ours): IDM under networks whose loss takes the prior out, and
  a soft label of such a network for each part of an image.
- DREAM, representative matching (Liu et al., arXiv 2302.14416): gradients of images in parts (IDC, arXiv 2205.14959)
  and of real ones near the centres of sub-clusters.
- CSDM, spectral distribution matching (Wu et al., arXiv 2603.01698, as reconstructed): the whole distribution of their
  features is the real images', by its characteristic function, with a weight for each class.

All take the classes one by one, and all but CSDM know nothing of their sizes: a class with fewer images than a batch
gives all of them, every time. But the networks that IDM and DREAM train see the long tail as it is. Networks, real
images and augmentations are drawn from one stream, so that a run that goes on after an interruption ends in the same
set.
"""
