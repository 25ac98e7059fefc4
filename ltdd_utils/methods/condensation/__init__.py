r"""Dataset condensation: synthetic images that do to a network what the real images of their class do.

- DC, gradient matching (Zhao, Mopuri and Bilen, arXiv 2006.05929): their gradient of the cross-entropy has the
  direction that the real images' has, for networks that are trained on the synthetic set meanwhile.
- DM, distribution matching (Zhao and Bilen, arXiv 2110.04181): their mean feature is the real images' mean feature, for
  networks that are not trained at all.
- CSDM, spectral distribution matching (Wu et al., arXiv 2603.01698, as reconstructed): the whole distribution of their
  features is the real images', by its characteristic function, with a weight for each class.

All take the classes one by one, and DC and DM know nothing of their sizes: a class with fewer images than a batch gives
all of them, every time. Networks, real images and augmentations are drawn from one stream, so that a run that goes on
after an interruption ends in the same set.
"""
