# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Long-tailed data
#
# *Builds on chapter 00.*
#
# **Question.** What exactly is "CIFAR-10-LT with imbalance factor 100", which images does it contain, and what does a network trained on it get wrong?
#
# Two papers can use the same name for different images, different groups of classes and different pixels.
# So this chapter fixes all of it once, for every method in the book.
#
# Both papers cut their long tails out of balanced benchmarks, and give collections whose tail is natural as the reason to care: medical images, scenes of traffic.
# No such collection is run in this book; [Your own data](../book/own_data.md) says how to run one, with `data.profile=natural`.
#
# > **After this chapter you can**
# >
# > - compute the class counts of any long tail from $n_{\max}$, the imbalance factor and the number of classes;
# > - say why two papers with the same setting may have different images, groups and pixels;
# > - tell what a long tail costs a network, and how much of that a change of the loss gives back.
#
# > **In one minute.**
# > A benchmark long tail has $C$ classes; it keeps $n_{\max}$ images of the most frequent and $n_{\max} \, \mathrm{IF}^{-r/(C-1)}$ of the class with rank $r$: a straight line on a logarithmic axis.
# > The recipe looks complete and is not: which images are kept, which class has which rank, and how pixels are whitened are choices too.
# > A network trained on such data learns the classes *and* how frequent they are.
# > The second part, the *bias*, is a shift of its logits by the logarithm of the class shares, and a loss can take it out; what remains is that rare classes have few images.

# %% tags=["colab", "remove-cell"]
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    home = "git+https://github.com/address--not-set/long-tailed-distillation-book"
    source = os.environ.get("LTDD_SOURCE", home)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

# %% tags=["parameters"]
seeds: tuple = (0, 1, 2)  # one network per seed; the subset has a seed of its own
epochs: int = 60  # of each network

# %% [markdown]
# ## The profile
#
# Rank the $C$ classes $r = 0, \dots, C-1$ from the most to the least frequent.
# The benchmark profile decays geometrically from $n_{\max}$ to $n_{\max} / \mathrm{IF}$:
#
# $$ n_r = \lfloor n_{\max} \, q^{\,r} \rfloor, \qquad q = \mathrm{IF}^{-1/(C-1)}. $$
#
# The brackets round down to a whole number.
# Without them the total is a geometric sum, $N \approx n_{\max} (1 - q^C) / (1 - q)$: at IF 100 the long tail keeps about a quarter of CIFAR-10.
# A class's share of the data, its **prior**, is $\pi_c = n_c / N$.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ltdd_utils import notebook, plots
from ltdd_utils.data import class_counts, class_prior

figure = notebook.Figures("01")
CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck".split()
tails = {str(factor): class_counts(5000, factor, 10) for factor in (10, 50, 100, 200)}
figure(
    plots.class_counts(tails, CIFAR10),
    "The long tail of CIFAR-10 at four imbalance factors (IF): training images of "
    "each class. On a logarithmic axis an exponential tail is a straight line.",
    "Four straight lines from 5,000 airplanes down to the trucks: 500 of them at IF "
    "10, 100 at IF 50, 50 at IF 100 and 25 at IF 200.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd

table = pd.DataFrame(
    {f"IF {name}": [*counts, sum(counts)] for name, counts in tails.items()},
    index=[*CIFAR10, "all"],
)
table["prior at IF 100, %"] = [*(100 * class_prior(tails["100"])), 100]
caption = "Training images of each class of CIFAR-10-LT"
notebook.table(table, caption, digits={"prior at IF 100, %": 2})

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ltdd_utils.plots import explorables

factors = (1, 2, 5, 10, 20, 50, 100, 200, 500)
sliding = {factor: class_counts(5000, factor, 10) for factor in factors}
figure(
    explorables.imbalance(sliding, CIFAR10, at=factors.index(100)),
    "Move the imbalance factor: images of each class, its share of all images, and the "
    "group that it falls into (many: over 100 images, few: under 20).",
    "A slider above ten bars. Without imbalance all bars are alike; at a factor of 100 "
    "they fall in even steps from 5,000 airplanes to 50 trucks.",
)

# %% [markdown]
# On a logarithmic axis the profile is a straight line.
# At IF 100 two images of five are airplanes, and four of a thousand are trucks.
# A network that never answers "truck" is therefore wrong on four of a thousand *long-tailed* images, but on every tenth image of the balanced test set.
#
# ## Which images
#
# The counts do not say *which* 50 trucks.
# Three lists are in use, named after the code that they come from, and all give the counts above:
#
# - **LTDD** (paper 1): every class has a fresh random stream with seed 42, which draws positions without replacement.
#   So the same positions are drawn within every class, and a smaller subset is the beginning of a larger one: the lists are **nested** across IFs.
# - **LDAM** (most of long-tailed recognition): one stream with seed 0 shuffles class after class.
# - **GLMC** (and the experts of paper 2's release, which are its code): the same rule with seed 3407.

# %%
from ltdd_utils.data import long_tailed_indices

notebook.source(long_tailed_indices)

# %%
import numpy as np

labels = np.repeat(np.arange(10), 5000)  # a real data set only has them in another order
kept = {
    name: set(long_tailed_indices(labels, tails["100"], name, seed).tolist())
    for name, seed in (("ltdd", 42), ("ldam", 0), ("glmc", 3407))
}
wider = set(long_tailed_indices(labels, tails["50"], "ltdd", 42).tolist())
assert kept["ltdd"] < wider  # nested: IF 100 is inside IF 50

# %%
trucks = {name: {i for i in chosen if labels[i] == 9} for name, chosen in kept.items()}
pairs = (("ltdd", "ldam"), ("ltdd", "glmc"), ("ldam", "glmc"))
names = [f"{a} and {b}" for a, b in pairs]
shared = {"images shared": [len(kept[a] & kept[b]) for a, b in pairs]}
shared["trucks shared"] = [len(trucks[a] & trucks[b]) for a, b in pairs]
caption = f"Of {len(kept['ltdd']):,} images, those that two rules both keep"
notebook.table(pd.DataFrame(shared, index=names), caption)

# %% [markdown]
# So two papers with "the same" data set may have almost no trucks in common.
#
# How much this matters is disputed.
# One user of a benchmark reports at least 1.5 points between draws, while the author of its code sees no significant change ([issue 9 of its GitHub page](https://github.com/KaihuaTang/Long-Tailed-Recognition.pytorch/issues/9)); elsewhere, a gap of 2.8 points was attributed to the draw ([issue 4 of LDAM's](https://github.com/kaidic/LDAM-DRW/issues/4)).
# [How we count](../book/counting.md#how-much-of-a-score-is-luck) has an estimate on digits.
#
# In this book there is **one list per data set and IF**, LTDD's by default; `subset_seed` is a setting of the data and does not change with a run's seed.
# (The released code of paper 2 draws a new subset in every stage, so its stages see different trucks.)
#
# ## A long tail that needs no download
#
# With Digits-LT every chapter runs anywhere.
# Below are the first ten images of each class; the last two classes have no more than these.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ltdd_utils.data import DataConfig, load

data = load(DataConfig("digits", imbalance_factor=20))
rows = {
    f"{name} ({count})": data.train_images[data.train_labels == label][:10]
    for label, (name, count) in enumerate(zip(data.class_names, data.counts, strict=True))
}
figure(
    plots.image_rows(rows),
    "Digits-LT: the first ten training images of each class, with the number of all "
    "its images in brackets. Of the last class there are no more than six.",
    "Ten rows of handwritten digits of 8 by 8 pixels, from zero with 120 images to "
    "nine with six; the last two rows are not full.",
)

# %% [markdown]
# ## Rare, or hard?
#
# Both papers make class 0 the head and class 9 the tail.
# Then "rare" and "truck" mean the same thing, and a method that happens to be good at trucks looks good on the tail.
# `class_order` separates the two: it says which class has which rank, and leaves the labels as they are.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
reversed_data = load(DataConfig("digits", imbalance_factor=20, class_order="reversed"))
orders = {"native order": data.counts, "reversed": reversed_data.counts}
orders = pd.DataFrame(orders, index=pd.Index(data.class_names, name="digit"))
notebook.table(orders, "Training images of each digit")

# %% [markdown]
# ## Groups
#
# Long-tailed recognition reports three groups by absolute thresholds: **many** (more than 100 images), **few** (fewer than 20), **medium** (between).
# These thresholds were chosen for ImageNet-LT.
# On the distillation benchmarks the few-shot group is mostly empty.
# Code that prints 0.0 for an empty group reports a result that does not exist; this book prints "n/a".
# It adds thirds by **rank**: head, middle, tail.

# %%
from ltdd_utils.data import rank_thirds, shot_groups

settings = {
    "CIFAR-10, IF 100": (5000, 100, 10),
    "CIFAR-10, IF 200": (5000, 200, 10),
    "CIFAR-100, IF 10": (500, 10, 100),
    "CIFAR-100, IF 50": (500, 50, 100),
    "Tiny-ImageNet, IF 10": (500, 10, 200),
    "Digits, IF 20": (120, 20, 10),
}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
sizes = {}
for name, (n_max, factor, classes) in settings.items():
    counts = class_counts(n_max, factor, classes)
    groups = shot_groups(counts) | rank_thirds(counts)
    sizes[name] = [len(labels) or "none" for labels in groups.values()]
thresholds = " / ".join(shot_groups(counts)), " / ".join(rank_thirds(counts))
sizes = {n: [" / ".join(map(str, s)) for s in (v[:3], v[3:])] for n, v in sizes.items()}
sizes = pd.DataFrame(sizes, index=thresholds).T
notebook.table(sizes, "Classes in each group, by thresholds and by rank")

# %% [markdown]
# Whatever the groups, their accuracies recombine to the overall one.
# On a balanced test set that is the mean of the class accuracies, and so the mean of the group means, weighted by their numbers of classes.
#
# ## One preprocessing for everything
#
# Experts, distilled images, students and test images must share one space.
# Paper 1 and the methods it builds on (MTT, DATM: the *trajectory family*) whiten pixels by **ZCA**.
# Let $x \in \mathbb{R}^D$ be a flattened image, $\mu$ the mean and $\Sigma$ the covariance of the *long-tailed training set*, with the eigenvectors $U$ and the eigenvalues $s$.
# The whitened image is $x'$:
#
# $$ \Sigma = U \,\mathrm{diag}(s)\, U^\top, \qquad T = U \,\mathrm{diag}\!\left(\tfrac{1}{\sqrt{s + \varepsilon}}\right) U^\top,
# \qquad x' = T (x - \mu), \qquad \varepsilon = 0.1 . $$
#
# Along the eigenvector with variance $s_k$ the whitened data have variance $s_k / (s_k + \varepsilon)$.
# That is nearly 1 where pixels vary together (large smooth structure), and nearly $s_k / \varepsilon$ where they hardly vary.
# So ZCA evens out the strong directions and keeps the weak ones small instead of amplifying noise.
# $T$ has an inverse, $U\,\mathrm{diag}(\sqrt{s + \varepsilon})\,U^\top$, which turns distilled images back into pictures.

# %%
from ltdd_utils.data import Preprocess, PreprocessConfig, fit_zca

notebook.source(fit_zca)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
zca = Preprocess.fit(data.train_images, PreprocessConfig("zca", eps=0.1))
some = data.train_images[:: len(data.train_images) // 10][:10]
whitened = zca(some)
stretched = (whitened - whitened.amin()) / (whitened.amax() - whitened.amin())
figure(
    plots.image_rows(
        {"pixels": some, "ZCA (stretched)": stretched, "inverse": zca.inverse(whitened)}
    ),
    "Ten digits, the same after ZCA whitening (stretched to be seen), and back again. "
    "What neighbours share is gone, edges are left; the inverse loses nothing.",
    "Three rows of ten digits. The middle row looks like embossed outlines on grey; "
    "the first and the last row look the same.",
)

# %%
from dataclasses import replace

import torch

covariance = torch.cov(zca(data.train_images).flatten(1).double().T)
spectrum = torch.linalg.eigvalsh(torch.cov((data.train_images.flatten(1).double() / 255).T))
expected = (spectrum / (spectrum + 0.1)).sort().values
error = (torch.linalg.eigvalsh(covariance).sort().values - expected).abs().max().item()
assert error < 1e-4
print(
    f"largest whitened variance {expected.max():.3f}; distance to s / (s + eps): {error:.1e}"
)

# %% [markdown]
# > **Where the released code differs.**
# > In LTDD's CIFAR-10 loader the training images go into ZCA as plain pixels, but the test images are first normalised per channel, so a test image arrives about five times larger and shifted.
# > This book has one preprocessing object, fitted on the training set and applied to everything.
#
# Does a network notice?
# Let $m$ and $\sigma$ be a channel's mean and standard deviation over the training images.
# Whitening subtracts the mean image $\mu$ and then multiplies by a matrix, so what matters is the difference before that product.
# Of the twice normalised image it is
#
# $$ \frac{x - m}{\sigma} - \mu = \frac{x - \mu}{\sigma} + \Big[ \mu \Big( \frac{1}{\sigma} - 1 \Big) - \frac{m}{\sigma} \Big] . $$
#
# Instance norm takes out the factor $1/\sigma$, and whatever of the bracket is the same at every pixel.
# But the bracket holds the *mean image*, which is not the same at every pixel: digits are bright in the middle.
# So train a ConvNet with instance norm (for half the epochs of the next section, so its level is lower), and show it the test images as they should be, with the factor alone, and twice normalised:

# %%
import torch.nn.functional as F
from ltdd_utils import recipes
from ltdd_utils.core.seeds import generator
from ltdd_utils.networks import build
from ltdd_utils.training import train

evaluate = recipes.recipe("full_digits").evaluate
assert evaluate.network.norm == "instance"

# %%
channels = Preprocess.fit(data.train_images, PreprocessConfig("normalise"))
mean_image, x = data.train_images.float().mean(dim=0) / 255, data.test_images.float() / 255
tests = {
    "as training images": zca(x),
    "scaled alone": zca(mean_image + (x - mean_image) / channels.scale),
    "twice normalised": zca(channels(x)),
}

# %%
inputs, labels = zca(data.train_images), data.train_labels
short = replace(evaluate.train, epochs=epochs // 2)


def hard(network, chosen):
    return F.cross_entropy(network(inputs[chosen]), labels[chosen])


def accuracy(network, images):
    with torch.no_grad():
        right = network(images).argmax(dim=1) == data.test_labels
    return 100 * right.double().mean().item()


# %%
rows = {}
for seed in seeds:
    rng = generator(seed, "twice normalised")
    start = build(evaluate.network, data.classes, data.image_size, data.channels, rng)
    network = train(start, len(labels), hard, short, rng)
    rows[f"seed {seed}"] = {name: accuracy(network, shown) for name, shown in tests.items()}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
noticed = pd.DataFrame(rows).T
lost = noticed["as training images"] - noticed["twice normalised"]
assert lost.min() > 5 and lost.mean() > 20
assert (noticed["as training images"] - noticed["scaled alone"]).abs().max() < 1
caption = "Accuracy by what is done to the test images, %"
notebook.table(noticed, caption)

# %% [markdown]
# Instance norm takes out the factor, and the shift costs many points on every seed.
# The mean image of CIFAR-10 is much flatter than that of digits, so it may cost less there; no cell of this book measures that.
#
# ## What the tail costs a network
#
# Is it the *amount* of data or its *imbalance* that hurts?
# Compare a long tail with a balanced set of about the same size, with the same network, the same schedule and three seeds each.
# (The schedule is shorter than that of chapter 00, and the long tail's last classes are learned late: their level is lower here.)

# %%
from ltdd_utils.runs import run

size = sum(data.counts)
arms = {
    f"IF 20: {size} images": {},
    f"IF 1: {size // 10 * 10} images": {
        "data.imbalance_factor": "1",
        "data.n_max": str(size // 10),
    },
}

# %%
runs, context = {}, notebook.context()
for name, changes in arms.items():
    recipe = recipes.with_overrides(
        recipes.recipe("full_digits"), {"evaluate.train.epochs": str(epochs), **changes}
    )
    runs[name] = [
        run(recipe, seed=seed, students=1, context=context).metrics for seed in seeds
    ]
scores = {
    name: [metrics.per_class for metrics in of_seeds] for name, of_seeds in runs.items()
}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.per_class_accuracy(scores, data.counts, data.class_names),
    "Accuracy by class of networks trained on the long tail and on as many images in "
    "even shares. A bar is a mean over networks, a dot one network.",
    "Two panels of bars. On the long tail the bars of the last classes are short; on "
    "the balanced set of the same size all classes are about equal.",
)

# %% [markdown]
# (The number in brackets is the class's count in the long tail; on the right every class has the same count.)
# The long tail loses its accuracy in the last classes.
# What are their images taken for?

# %%
long_tailed = next(iter(runs.values()))
together = sum(torch.tensor(metrics.confusion) for metrics in long_tailed)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.confusion(together, data.counts, data.class_names),
    "What the test images of each class are taken for by the networks of the long "
    "tail, in percent of the true class; classes from the most to the least frequent.",
    "A table of ten by ten cells, dark along the diagonal. Off it, nearly all entries "
    "lie below the diagonal, in the rows of the rare digits and the columns of the "
    "frequent ones.",
)

# %% [markdown]
# The entries below the diagonal are rare digits taken for frequent ones; the reverse hardly happens.
# That is what cross-entropy asks for.
# Its minimiser is the probability of class $c$ for image $x$, $p(c|x) \propto \pi_c \, p(x|c)$; where the evidence of the image, $p(x|c)$, is weak, the prior $\pi_c$ decides.
#
# The same formula suggests a remedy, the **logit-adjusted** loss.
# With $z$ the network's logits, train with $\mathrm{softmax}(z + \log \pi)$ instead of $\mathrm{softmax}(z)$.
# Then $z$ need not contain the prior, and becomes that of balanced data.

# %%
adjusted = recipes.with_overrides(
    recipes.recipe("full_logit_adjusted_digits"), {"evaluate.train.epochs": str(epochs)}
)
runs["IF 20, logit-adjusted"] = [
    run(adjusted, seed=seed, students=1, context=context).metrics for seed in seeds
]
groups = ("overall", "head", "mid", "tail")
means = {
    name: {g: 100 * sum(getattr(m, g).mean for m in of_seeds) / len(seeds) for g in groups}
    for name, of_seeds in runs.items()
}
notebook.table(pd.DataFrame(means).T, "Accuracy by thirds of the classes, %")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
tails = zip(
    *([metrics.tail.mean for metrics in of_seeds] for of_seeds in runs.values()),
    strict=True,
)
assert all(
    plain < balanced and plain < repaired for plain, balanced, repaired in tails
)  # on every seed

# %% [markdown]
# Remember the row *logit-adjusted*.
# A distilled set is sometimes called *lossless* when its student matches one trained **naively** on the whole long tail.
# A student with a logit-adjusted loss on the whole set is the stronger reference: it shows how much, at least, the data really contain.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
notebook.checked()

# %% [markdown]
# ## What we saw
#
# - A long tail is a profile **and** a list of images **and** a class order.
#   All three are settings here, the same for every method.
# - Thresholds chosen for other data leave groups empty; thirds by rank always exist.
# - One fitted, invertible preprocessing serves train, test and distilled images.
# - At equal size, a long tail costs its rare classes much accuracy.
#   On digits, at this length of training, a change of the loss gives most of it back; the gap that remains goes with the few images of these classes.

# %%
print(notebook.versions())

# %% [markdown]
# ## Check yourself
#
# <details><summary>CIFAR-10-LT has 5,000 airplanes. How many trucks at IF 200?</summary>
#
# $5000 / 200 = 25$: the last class has $n_{\max} / \mathrm{IF}$ images, whatever lies between.
#
# </details>
#
# <details><summary>Why do the thresholds "more than 100" and "fewer than 20" images give empty groups on CIFAR-10-LT?</summary>
#
# They were made for data with other counts. At IF 100 the rarest class of CIFAR-10-LT has 50 images, so no class is "few-shot". Thirds by rank exist for any data.
#
# </details>
#
# <details><summary>Does logit adjustment need more images of the tail?</summary>
#
# No. It changes the loss alone: the logarithm of the class shares is added to the logits during training, so that the network need not learn it.
#
# </details>
#
# ## Exercises
#
# > **1.** Without running anything: how many images does the rarest class of CIFAR-100-LT at IF 50 have, and how many does a distilled set with 50 images per class need there?
# > What can a coreset (a choice of unmodified real images) do?
#
# <details><summary>Answer</summary>
#
# $500 / 50 = 10$ images for 50 places.
# A coreset can repeat them (`duplicate`), fill up with noise (`noise`), or refuse (`inherent`); the choice is part of the method's settings, and the record counts real, repeated and synthetic images per class.
# Optimised images have no such limit.
#
# </details>
#
# > **2.** Show that group accuracies recombine: with $G$ groups of $|g|$ classes and group means $a_g$, why is $\frac{1}{C} \sum_g |g| a_g$ the overall accuracy, and when does that fail?
#
# <details><summary>Answer</summary>
#
# $|g| a_g = \sum_{c \in g} a_c$, and every class is in exactly one group, so the sum is $\frac{1}{C} \sum_c a_c$.
# That is the share of correct test images only if every class has equally many of them: it fails on an imbalanced test set.
#
# </details>
#
# > **3.** What happens to $T$ for $\varepsilon \to 0$, and for $\varepsilon \to \infty$?
#
# <details><summary>Answer</summary>
#
# For $\varepsilon \to 0$ every direction in which the data vary at all gets variance 1: full whitening, which amplifies directions that hold only noise.
# For large $\varepsilon$, $T \approx I / \sqrt{\varepsilon}$: the image is only centred and scaled.
#
# </details>
#
# > **4.** Run the chapter with other `seeds`.
# > Then change `subset_seed` of the data to 43 and run it again.
# > Which of the two moves the tail more?
#
# <details><summary>Answer</summary>
#
# The first changes the networks' random start and batches; the second changes which six nines there are at all.
# With six images one would expect the second to matter more; run both and compare.
# [How we count](../book/counting.md#how-much-of-a-score-is-luck) has the shares of luck for whole distillations on digits, the draw of the long tail among them.
#
# </details>
#
# **Next:** chapter 02 turns a set of images into a score, and asks how far the score can be trusted.
