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
# # BatchNorm under imbalance: the calibration math
#
# *Builds on chapter 01.*
#
# **Question.** Paper 2 changes synthetic images until a network, the *observer*, measures on them the statistics that it measured on the real data.
# Every BatchNorm layer stores such statistics.
# Whose statistics are they when a few classes have most of the images, and how can we get statistics in which all classes count alike?
#
# **Claim.**
# Giving all classes the same share shifts an observer's statistics, and more so in deeper layers.
# A cell below checks this on three seeds, for plain observers and for observers trained against the bias (*debiased*, chapter 09).
# (That the shift goes away from the most frequent class and towards the tail is nearly arithmetic: an average that gives less weight to a class tends to lie further from it.
# The cell checks the direction too, but only the growth with depth tells something about networks.)
# The statistics that a trained network has stored differ from these in other ways too: a figure further down separates the two.
#
# > **After this chapter you can**
# >
# > - say whose statistics a BatchNorm layer stores after training on a long tail;
# > - derive a momentum that gives the exact mean, and what it loses on variances;
# > - compute class-fair statistics in both forms, and say how they differ.
#
# > **In one minute.**
# > Recovery, the heart of paper 2, changes images until a network measures on them what it measured on real data.
# > What it measured is stored in its BatchNorm layers: running averages over the last few batches, in which most images are of frequent classes.
# > *Calibration* replaces them: one more pass over the data, a momentum that forgets nothing, and an average in which every class has the same share.
# > On this scale no effect of it on a student's score is visible.
# > What the mathematics decides is what the targets mean, and where formula and code differ.
# >
# > *In five minutes:* read the first section, the figure of "Running and calibrated statistics", "Equal classes" and "What we saw".

# %% tags=["colab", "remove-cell"]
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    home = "git+https://github.com/address--not-set/long-tailed-distillation-book"
    source = os.environ.get("LTDD_SOURCE", home)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

# %% tags=["parameters"]
seeds: tuple = (0, 1, 2)  # each has a plain and a debiased observer
observer_epochs: int = 32  # four fifths of the recipe's, so that the page is quick

# %% tags=["remove-input"]
from ltdd_utils import notebook

figure = notebook.Figures("08")
figure.picture("paper_2")

# %% [markdown]
# ## What a BatchNorm layer keeps
#
# For each channel, a BatchNorm layer takes the mean $\hat\mu$ and the variance $\hat\sigma^2$ over all images and pixels of the batch ([arXiv 1502.03167](https://arxiv.org/abs/1502.03167)).
# While the network *trains*, it normalises with these two, and updates a **running** mean with the *momentum* $a$ by
#
# $$ \mu \leftarrow (1 - a)\, \mu + a\, \hat\mu, \qquad a = 0.1, $$
#
# and a running variance in the same way (where PyTorch uses $\hat\sigma^2 \tfrac{m}{m-1}$, with $m$ values in the batch).
# In *eval* mode it normalises with the running ones.
# After $T$ batches with the means $\hat\mu_1, \dots, \hat\mu_T$
#
# $$ \mu_T = \sum_{t=1}^{T} a (1 - a)^{T-t}\, \hat\mu_t $$
#
# (plus what is left of the initial value).
# First we check this formula against PyTorch, on batches of real digits:

# %%
import pandas as pd
import torch
from ltdd_utils import notebook, plots, recipes
from ltdd_utils.core.seeds import generator
from ltdd_utils.data import Run, load
from ltdd_utils.teachers import train_teacher
from torch import nn

recipe, context = recipes.recipe("unilevel_digits"), notebook.context()
data, cfg = load(recipe.data), recipe.method
runs = [Run.start(data, cfg.preprocess, seed, context) for seed in seeds]
preprocess, images, labels = runs[0].preprocess, runs[0].images(), data.train_labels

# %%
rng = generator(seeds[0], "batches")
batches = torch.randperm(len(labels), generator=rng).split(32)
norm = nn.BatchNorm2d(data.channels).train()
for rows in batches:
    norm(images[rows].cpu())
ages = torch.arange(len(batches)).flip(0)  # 0: the last batch
weight = 0.1 * 0.9**ages
means = torch.stack([images[rows].mean(dim=(0, 2, 3)).cpu() for rows in batches])
torch.testing.assert_close(norm.running_mean, weight @ means, rtol=1e-4, atol=1e-6)
recent = (0.1 * 0.9 ** torch.arange(10)).sum().item()
print(f"the last ten batches of any training have {100 * recent:.0f} % of the weight")

# %% [markdown]
# Two things follow.
#
# - The running mean is that of the *last few batches*, not of the data.
# - A class has the share in it that it has in those batches: on average its share of all images, $\pi_c$, but with a large scatter if the class is rare.
#
# This can be seen from the labels alone, so here is CIFAR-10-LT at IF 100 with batches of 64.
# The figure has each class's share in the running statistics at the end of an epoch, for a hundred random orders; the table has the scatter of that share, relative to the share itself.

# %%
from ltdd_utils.data import class_counts

CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck".split()
counts = torch.tensor(class_counts(5000, 100, 10))
many = torch.arange(10).repeat_interleave(counts)


def shares(order):  # of each class in the running statistics, [C]
    parts = many[order].split(64)
    inside = torch.stack([part.bincount(minlength=10) / len(part) for part in parts])
    return (0.1 * 0.9 ** torch.arange(len(parts)).flip(0)) @ inside


# %% jupyter={"source_hidden": true} tags=["hide-input"]
orders = [torch.randperm(len(many), generator=rng) for _ in range(100)]
running_share = torch.stack([shares(order) for order in orders])
lines = {
    "running statistics": running_share,
    "images": (counts / counts.sum())[None],
    "if classes were equal": torch.full((1, 10), 0.1),
}
figure(
    plots.class_profiles(lines, counts.tolist(), CIFAR10, "share of the class"),
    "Share of each class in running statistics after one epoch, over 100 orders of "
    "the images (whiskers span them), beside its share of the images and an equal "
    "share.",
    "Ten rows from airplane to truck. The running shares follow the images' shares, "
    "from two fifths down to nearly none; the equal share is one tenth in each row.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
scatter = running_share.std(dim=0) / running_share.mean(dim=0)
named = [f"{name} ({n})" for name, n in zip(CIFAR10, counts.tolist(), strict=True)]
rows = {"standard deviation / mean of the share": scatter.double()}
notebook.table(
    pd.DataFrame(rows, index=named), "How a class's running share scatters", digits=2
)

# %% [markdown]
# ## The observers of this page
#
# There are two kinds, three of each: *plain* ones, trained with cross-entropy, and *debiased* ones, which chapter 09 explains.
# Both are ConvNets with BatchNorm.
# Their settings are those of the recipes `unilevel_no_debiasing` and `unilevel`, except that they train for fewer epochs.

# %%
from dataclasses import replace

undebiased = recipes.recipe("unilevel_no_debiasing_digits").method.observer
kinds = {
    kind: replace(own, train=replace(own.train, epochs=observer_epochs))
    for kind, own in {"plain": undebiased, "debiased": cfg.observer}.items()
}
observers = {
    kind: [train_teacher(own, run, kind) for run in runs] for kind, own in kinds.items()
}

# %%
from ltdd_utils.methods.alignment.statistics import collect

on_device = labels.to(context.device)


def seen(network):  # by its layers, of each class, in one pass over the real images
    return collect(network, images, on_device, data.classes, cfg.statistics)


statistics = {kind: [seen(network) for network in of] for kind, of in observers.items()}
layers = [f"norm {i + 1}" for i, _ in enumerate(statistics["plain"][0].names)]
channels = [str(layer.mean.shape[1]) for layer in statistics["plain"][0].layers]
print(f"{', '.join(layers)}: {', '.join(channels)} channels")

# %% [markdown]
# ## Running and calibrated statistics
#
# How far off are the stored statistics as targets?
# *Calibrated* statistics are those of one clean pass in which all classes have the same share (equation 9; the sections below derive it).
# How far are two pairs $(\mu, \sigma^2)$ and $(\mu', \sigma'^2)$ apart?
# Take each channel in units of its deviation $\sigma'$, and average over the layer's $D$ channels:
#
# $$ d^2 = \frac1D \sum_{i=1}^{D} \frac{(\mu_i - \mu_i')^2 + (\sigma_i - \sigma_i')^2}{\sigma_i'^2} . $$
#
# (Per channel this is the 2-Wasserstein distance of two normal distributions with these moments.
# The units make $d$ comparable between layers.)
#
# Running and calibrated statistics differ in two ways:
#
# - the class shares;
# - everything else in the running average: augmented and mixed images, only the last batches, the network's weights at those steps.
#
# To separate the two, a third pair stands in between: one clean pass with the classes in their **natural** shares $n_c / N$.


# %%
def apart(own, goal):  # [..., D] each -> [...]
    (mean, var), (goal_mean, goal_var) = own, goal
    gap = (mean - goal_mean).square() + (var.sqrt() - goal_var.sqrt()).square()
    return (gap / goal_var).mean(dim=-1).sqrt()


def norms(network):
    return [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]


def running(network):  # mean and variance of each layer
    pairs = [(m.running_mean, m.running_var) for m in norms(network)]
    return [tuple(part.cpu().double() for part in pair) for pair in pairs]


# %% jupyter={"source_hidden": true} tags=["hide-input"]
paths = ("running to equal shares", "natural to equal shares", "running to natural shares")
panels = {}
for kind in kinds:
    rows = []
    for network, s in zip(observers[kind], statistics[kind], strict=True):
        run = running(network)
        equal = [layer.balanced() for layer in s.layers]
        natural = [layer.balanced(share=data.prior) for layer in s.layers]
        pairs = ((run, equal), (natural, equal), (run, natural))
        rows.append([[apart(a, b).item() for a, b in zip(*p, strict=True)] for p in pairs])
    panels[kind] = dict(zip(paths, torch.tensor(rows).transpose(0, 1), strict=True))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.distances_by_layer(panels, layers, "distance d"),
    "Distance between running, natural and equal-share statistics by layer, for plain "
    "and debiased observers. Only natural to equal is the imbalance, and it grows "
    "with depth. Whiskers are one standard deviation over the seeds.",
    "Two panels of three lines. The line from natural to equal shares begins near "
    "zero and rises; that from running to natural shares is there in every layer.",
)

# %% [markdown]
# The line that answers the question is "natural to equal shares": only this is the imbalance.
# It grows with depth.
# The other part, "running to natural shares", exists on balanced data too.
# In the first layers it is nearly all of the distance, and for debiased observers, which were trained on mixed images, it is the larger part in all layers.
# So a recovery that switches from running to calibrated statistics changes more than class shares, and a gain needs a control before it is attributed to class-fairness.
# On a student's score no effect of the switch could be seen ("Recorded runs", below).
#
# The next four sections are the mathematics behind these targets: of means, of variances, of classes, and of few images.
# If you only want the consequences, go on with "Class by class".

# %% [markdown]
# ## A momentum that forgets nothing
#
# The paper's equation 8 takes one pass over the real data and keeps statistics *per class* (arXiv 2511.18858, section 3).
# Batch number $t$ contains $B_t$ images of the class, with the mean $\hat\mu_t$; $N_{t-1}$ of them came before.
# It enters with the momentum
#
# $$ a_t = \frac{B_t}{N_{t-1} + B_t}. $$
#
# With $N_t = N_{t-1} + B_t$ the step $\mu_t = (1 - a_t) \mu_{t-1} + a_t \hat\mu_t$ is
#
# $$ N_t\, \mu_t = N_{t-1}\, \mu_{t-1} + B_t\, \hat\mu_t . $$
#
# Both sides are sums over images.
# So by induction $\mu_t$ is the plain mean of all images so far, whatever their order and batches.
# The cell checks this in the deepest layer of the first observer, with the images of the head class in three orders and batches of three sizes:

# %%
from functools import reduce

from ltdd_utils.methods.alignment.monitor import Moments, Monitor

network = observers["plain"][0]
with Monitor(network, cfg.statistics) as monitor, torch.no_grad():
    network(images)
    deepest = monitor.take()[-1]  # mean and variance of every image, [N, D] each
mean, variance = deepest.mean.double().cpu(), deepest.variance.double().cpu()


def batch(rows):  # mean and variance over the images and pixels of a batch, [2, D]
    return torch.stack(Moments(mean[rows], variance[rows]).of_batch())


# %%
def step(state, rows):  # equation 8: statistics and images so far, after one more batch
    (old, count), a = state, len(rows) / (state[1] + len(rows))
    return (1 - a) * old + a * batch(rows), count + len(rows)


def recursion(rows, size):  # over batches of that size, in a random order
    order = rows[torch.randperm(len(rows), generator=rng)]
    return reduce(step, order.split(size), (0.0, 0))[0]


# %%
members = [(labels == c).nonzero()[:, 0] for c in range(data.classes)]
head = data.counts.index(max(data.counts))
whole = batch(members[head])
found = {size: recursion(members[head], size) for size in (1, 7, 32)}
for result in found.values():
    torch.testing.assert_close(result[0], whole[0])  # the means

# %% [markdown]
# ## The same recursion on variances
#
# "And similarly for variance", the paper says.
# Take one batch $b$ of $m_b$ values with mean $\mu_b$ and variance $v_b$; all batches together have $m$ values.
# Around the mean $\mu$ of all data its mean square is $v_b + (\mu_b - \mu)^2$.
# Averaged over all batches, the variance of the data is
#
# $$ \sigma^2 = \sum_b \tfrac{m_b}{m}\, v_b + \sum_b \tfrac{m_b}{m} (\mu_b - \mu)^2 . $$
#
# The recursion on variances returns the first sum.
# The second, the spread of the batches' means, is lost, and its size depends on how the data were cut into batches:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
total = whole[1].mean().item()
rows = {
    f"batches of {size}": result[1].mean().item() / total for size, result in found.items()
}
assert all((result[1] < whole[1]).all() for result in found.values())
shares = 100 * pd.Series(rows, name="share, %")
notebook.table(shares, "The variance of the recursion, as a share of the whole")

# %% [markdown]
# With batches of one image, only the variance *inside* images is left.
#
# How unfair is that to rare classes?
# Let the pass have batches of mixed classes.
# A class with $n$ images appears in $k$ of them, with $B_b$ images in batch $b$.
# A random part of $B$ images has on average the share $(1 - \frac1B) \frac{n}{n-1}$ of the variance between the class's images.
# With the weights $B_b / n$ and summed over the $k$ batches,
#
# $$ \sum_b \frac{B_b}{n} \Big(1 - \frac{1}{B_b}\Big) \frac{n}{n-1} = \frac{n - k}{n - 1} $$
#
# of it remains.
# A rare class has a single image in most of its batches, $k \approx n$, and keeps little.
# A frequent one has many images in each.


# %%
def brought(order, rows):  # what each batch of 64 brings of the class, empty ones left out
    mine = [part[torch.isin(part, rows)] for part in order.split(64)]
    return [part for part in mine if len(part)]


def kept(mine, rows):  # share of the variance between the class's images
    inside, pooled = variance[rows].mean(dim=0), batch(rows)[1]
    found = reduce(step, mine, (0.0, 0))[0][1]
    return ((found - inside).mean() / (pooled - inside).mean()).item()


# %%
passes = [torch.randperm(len(labels), generator=rng) for _ in range(60)]
cuts = [[brought(order, rows) for rows in members] for order in passes]
measured = torch.tensor(
    [[kept(*p) for p in zip(cut, members, strict=True)] for cut in cuts]
)
k = torch.tensor([[len(mine) for mine in cut] for cut in cuts]).double().mean(dim=0)
n = torch.tensor(data.counts)
law = (n - k) / (n - 1)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
error = measured.std(dim=0) / len(passes) ** 0.5
assert ((measured.mean(dim=0) - law).abs() < 5 * error + 1e-6).all()
figure(
    plots.class_profiles(
        {"recursion, 60 orders": measured, "law": law[None]},
        data.counts,
        data.class_names,
        "share of the variance that is kept",
    ),
    "Share of a class's variance between images that the recursion keeps, measured over "
    "60 orders (whiskers span them) and by the law (n - k) / (n - 1). The rarest classes "
    "lose most.",
    "Ten rows of digits with two dots that coincide; they move to the left as the "
    "classes become rarer.",
)

# %% [markdown]
# The same law for CIFAR-10-LT at IF 100, by the size of the batches:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ltdd_utils.plots import explorables


def law_at(size):  # the share that each class keeps, with batches of that size
    number = counts.sum() / size  # batches of the pass
    k = number * (1 - (1 - 1 / number) ** counts)  # in how many of them the class turns up
    return ((counts - k) / (counts - 1)).tolist()


sizes = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    explorables.batch_sizes({n: law_at(n) for n in sizes}, named, sizes.index(64)),
    "Move the batch size: the share of its variance between images that each class of "
    "CIFAR-10-LT keeps under the recursion, at imbalance factor 100.",
    "A slider above ten bars. With small batches the bars fall from nearly all for the "
    "airplanes to a few percent for the trucks; with large batches they grow together.",
)

# %% [markdown]
# So the literal recursion brings the imbalance back through the variances.
# There are two remedies, which are the same in exact arithmetic.
# One is to **merge** two parts by their sums of squared deviations, $M = m \sigma^2$ for a part of $m$ values; with $\delta$ the gap of their means (Chan, Golub and LeVeque, 1979),
#
# $$ M = M_1 + M_2 + \delta^2\, \frac{m_1 m_2}{m_1 + m_2} . $$
#
# The other is to add up first and second moments and subtract at the end.
# A cell checks the first.
# The package does the second, in double precision, on moments of *images*, so that the subtraction is between images only:

# %%
one, two = members[head].split(50)[:2]
(mean_1, var_1), (mean_2, var_2) = batch(one), batch(two)
gap = (mean_1 - mean_2).square() * len(one) * len(two) / (len(one) + len(two))
merged = (len(one) * var_1 + len(two) * var_2 + gap) / (len(one) + len(two))
torch.testing.assert_close(merged, batch(torch.cat([one, two]))[1])

# %%
notebook.source(collect)

# %% [markdown]
# ## Equal classes: two forms of the variance
#
# Equation 9 averages over the $C$ classes, each with its mean $\mu_c$, its variance $\sigma_c^2$ and the share $1/C$:
#
# $$ \mu = \frac1C \sum_c \mu_c . $$
#
# For the variance "similarly" can mean two things.
# Treat the classes as parts of one population, like the batches above:
#
# $$ \sigma^2 = \frac1C \sum_c \sigma_c^2 + \frac1C \sum_c (\mu_c - \mu)^2 . $$
#
# This is the variance of the **mixture**.
# The **mean** form, which is the literal one, has only the first sum.
# It leaves out the spread of the class means.
# A synthetic batch that holds all classes *has* that spread, so under the mean form even perfect images would be pushed to differ less from class to class.

# %%
from ltdd_utils.methods.alignment.statistics import LayerStatistics

notebook.source(LayerStatistics)

# %% [markdown]
# To check: weight the real images so that all classes count alike, and compute mean and variance of everything at once.
# This gives the mixture form.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
last = statistics["plain"][0].layers[-1]
fair = (1 / (data.classes * n.double()))[labels]  # weight of each image
direct = Moments(mean, variance).of_groups(fair[None])
for own, real in zip(last.balanced("mixture"), direct, strict=True):
    torch.testing.assert_close(own, real[0], rtol=1e-5, atol=1e-6)
assert (last.balanced("mean")[1] < direct[1][0]).all()

# %% [markdown]
# How large is the part that the mean form leaves out?
# The variance of an equal-class population has three parts: inside images, between the images of a class, between the classes.


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def parts(layer):  # of the mixture's variance, as means over channels
    own = layer.mean.var(dim=0, correction=0)
    return [v.mean().item() for v in (layer.within.mean(0), layer.between.mean(0), own)]


names = ("inside an image", "images of a class", "class means")
split = {
    kind: torch.tensor([[parts(layer) for layer in s.layers] for s in of]).mean(dim=0).T
    for kind, of in statistics.items()
}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.variance_parts(
        {kind: dict(zip(names, rows, strict=True)) for kind, rows in split.items()}, layers
    ),
    "The parts of an equal-class variance, layer by layer, of plain and debiased "
    "observers. The part of the class means grows with depth.",
    "Two panels of stacked bars. In the first layers nearly all is inside an image; "
    "in the last layers the class means have their largest part.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
for rows in split.values():
    share = rows[2] / rows.sum(dim=0)
    assert (share.diff() > 0).all()  # layer by layer
between = {k: (100 * rows[2] / rows.sum(dim=0)).tolist() for k, rows in split.items()}
caption = "Between classes: share of the variance, %"
notebook.table(pd.DataFrame(between, index=layers), caption)

# %% [markdown]
# The deeper the layer, the more of its variance is between the classes: a classifier is trained to produce this.
# The default here is the mixture form; `statistics.variance=mean` is the other.
#
# ## The variance of a class in a batch
#
# The same question arises for a single class.
# A synthetic batch has $n$ images of it, say one or ten, and the real class has $n_c$.
# Write $\sigma_\text{in}^2$ for the variance inside images and $\sigma_\text{between}^2$ for that between them.
# By the argument above, $n$ images drawn from the class have on average the variance
#
# $$ \sigma_\text{in}^2 + \Big(1 - \frac1n\Big) \frac{n_c}{n_c - 1}\, \sigma_\text{between}^2 . $$
#
# At $n = 1$ this is the variance inside images, at $n = n_c$ the variance of the class.
# Matching $n$ images to any other value asks them for statistics that real images do not have on average.
# The package has all three, as `class_variance`: *expected* for $n$ images, *within-image* for one, *pooled* for all:

# %%
from ltdd_utils.methods.alignment.alignment import class_variance

notebook.source(class_variance)

# %%
inside, spread = last.within[head], last.between[head]
sizes = [size for size in (1, 2, 3, 5, 10, 20, 40, 120) if len(members[head]) % size == 0]


def excess(total):  # how much of the variance between images is in it
    return ((total - inside).mean() / spread.mean()).item()


def drawn(size):  # mean variance of random parts of that size: the recursion above
    return sum(excess(recursion(members[head], size)[1]) for _ in range(20)) / 20


# %% jupyter={"source_hidden": true} tags=["hide-input"]
kept_by = ("expected", "pooled", "within-image")
lines = {
    kind: (sizes, [excess(class_variance(last, n, kind, size)[head]) for size in sizes])
    for kind in kept_by
}
lines["real images, drawn"] = (sizes, [drawn(size) for size in sizes])
for law, real in zip(lines["expected"][1], lines["real images, drawn"][1], strict=True):
    assert abs(law - real) < 0.03

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.curves(
        {"": lines}, "images of the class in the batch", "part of the variance", "x"
    ),
    "How much of the head class's variance between images a batch has, by its number of "
    "images, under three definitions; drawn real images follow the expected one.",
    "Lines over a logarithmic axis. The expected form and the drawn images lie on "
    "each other and rise to one; the pooled one stays at one, the one within images "
    "at zero.",
)

# %% [markdown]
# ## Class by class
#
# How far is each class, on its own, from the three targets?
# In the deepest layer:


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def profile(network, s):  # distance of each class from the three targets, [3, C]
    layer = s.layers[-1]
    goals = (running(network)[-1], layer.balanced(share=data.prior), layer.balanced())
    return torch.stack([apart((layer.mean, layer.variance), goal) for goal in goals])


names, by_class = ("running", "natural shares", "equal shares"), {}
for kind in kinds:
    pairs = zip(observers[kind], statistics[kind], strict=True)
    rows = torch.stack([profile(*pair) for pair in pairs])  # [S, 3, C]
    by_class[kind] = dict(zip(names, rows.transpose(0, 1), strict=True))
own_classes = (data.counts, data.class_names)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.class_profiles(by_class["plain"], *own_classes, "distance, plain observer"),
    "Distance of each class from three sets of target statistics in the deepest "
    "layer, with a plain observer. Whiskers span the seeds.",
    "Ten rows of digits with three dots each. The rows differ from each other, and show "
    "no slope from frequent to rare.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.class_profiles(by_class["debiased"], *own_classes, "distance, debiased observer"),
    "The same with a debiased observer: the running statistics are the furthest from most "
    "classes.",
    "Ten rows of digits with three dots each; in most rows that of the running "
    "statistics lies furthest to the right.",
)

# %% [markdown]
# Do not expect a slope from frequent to rare here.
# The distance of a class from the average depends on its appearance more than on its size, and on Digits-LT the rarest class is *near* all three targets.
# What the calibration changes by the shares is the step from *natural* to *equal*.
# The claim is about this step: it is larger in each deeper layer, on each seed (a figure above), and it goes away from the most frequent class and towards the tail:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ltdd_utils.data import rank_thirds

tail = list(rank_thirds(data.counts)["tail"])
rows = {}
for kind, of in by_class.items():
    moved = of["equal shares"] - of["natural shares"]
    depth = panels[kind]["natural to equal shares"]
    assert (depth.diff(dim=1) > 0).all()  # further in each layer, on every seed
    assert (moved[:, head] > 0).all() and (moved[:, tail].mean(dim=1) < 0).all()
    for seed, row in zip(seeds, moved, strict=True):
        rows[f"{kind}, seed {seed}"] = (row[head].item(), row[tail].mean().item())
moved_by = pd.DataFrame(rows, index=["most frequent class", "tail third"]).T
notebook.table(
    moved_by, "Distance under equal shares minus that under natural ones", digits=2
)

# %% [markdown]
# ## Why the normalisers stay as they are
#
# The observer is frozen.
# The calibrated statistics are *targets*; its layers go on normalising with the running ones.
# Why not put the better numbers into the layers too?
#
# Because then they are no longer correct.
#
# Layer 2 reads the output of layer 1.
# If layer 1's normaliser changes, layer 2 gets different inputs, and the statistics that were collected for it belong to a network that no longer exists.
#
# The cell puts the calibrated statistics into all layers **at once** and passes the real images through again.
# It measures how far the layers' statistics now are from the ones that were put in.
# As a control they are put in **in turn**: each layer is measured again after the layers before it were replaced.

# %%
from copy import deepcopy


def replaced(network, goals):  # its last len(goals) layers normalise with goals
    other = deepcopy(network)
    for norm, goal in zip(norms(other)[-len(goals) :], goals, strict=True):
        norm.running_mean[:], norm.running_var[:] = goal
    return other


def equal_of(network):
    return [layer.balanced() for layer in seen(network).layers]


# %%
test, truth = preprocess(data.test_images.to(context.device)), data.test_labels


def accuracy(network):  # over the test images, and over those of the tail third, %
    right = (network(test).argmax(dim=1).cpu() == truth).double()
    return [
        100 * r.mean().item() for r in (right, right[torch.isin(truth, torch.tensor(tail))])
    ]


# %%
drift, scores = {}, {}
each = [(k, seeds[i], network) for k in kinds for i, network in enumerate(observers[k])]
for kind, seed, network in each:
    goals = equal_of(network)
    at_once = in_turn = replaced(network, goals)
    for index in range(1, len(layers)):
        in_turn = replaced(in_turn, equal_of(in_turn)[index:])
    for name, other in (("at once", at_once), ("in turn", in_turn)):
        put = running(other)
        far = [apart(a, b).item() for a, b in zip(equal_of(other), put, strict=True)]
        drift[f"{kind}, seed {seed}", name] = dict(zip(layers, far, strict=True))
    nets = {"as trained": network, "at once": at_once, "in turn": in_turn}
    scores[f"{kind}, seed {seed}"] = [v for net in nets.values() for v in accuracy(net)]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
drift = pd.DataFrame(drift).T
assert (drift.xs("in turn", level=1) < 1e-3).all().all()
calibration = torch.cat([panels[kind]["running to equal shares"][:, -1] for kind in kinds])
assert (drift.xs("at once", level=1)[layers[-1]].to_numpy() > calibration.numpy()).all()
moves = drift.xs("at once", level=1)
moves = moves.assign(**{f"{layers[-1]}, running to equal shares": calibration.numpy()})
notebook.table(moves, "All at once: distance of the layers from what was put in", digits=2)

# %% [markdown]
# In the deepest layer the real images themselves miss the targets by more than the whole distance between running and calibrated statistics (the last column).
# In turn, the error is zero by construction.
# What is the accuracy of such observers?

# %% jupyter={"source_hidden": true} tags=["hide-input"]
groups = ("all classes", "tail third")
columns = pd.MultiIndex.from_product([("as trained", "at once", "in turn"), groups])
rows = pd.DataFrame.from_dict(scores, orient="index", columns=columns)
rows = pd.concat({group: rows.xs(group, axis=1, level=1) for group in groups})
notebook.table(rows, "Accuracy with other statistics in the layers, %")

# %% [markdown]
# At once, the accuracy goes up for some observers and down for others.
# In turn, it did not fall in our runs, and the tail gained: statistics of clean images with equal shares suit the balanced test better than those of crops and mixed views in natural shares.
# Which of the two helps, clean images or equal shares, is not separated here.
#
# This is a finding about digits and a network with three norm layers.
# The paper calibrates statistics only as targets and leaves the normalisers unchanged, and so does this book: recovery with such observers is not shown here.
#
# ## What the released code does
#
# The paper's own repository could not be read for this book, only a third party's copy of it.
# In that copy equation 9 is not computed:
#
# | what | paper | that copy | here, in `unilevel` |
# |---|---|---|---|
# | momentum of equation 8 | $a_t$ | computed and never read | exact sums |
# | variance of a class | all of it | inside images only, as at $n = 1$ above | for $n$ images |
# | targets of the whole batch | averages over equal classes | the network's own running statistics | equal classes |
# | targets of classes | equation 9 | averaged over the labels of the batch | a term of each class |
# | layers | BatchNorm | the inputs of all convolutions too | BatchNorm |
# | what sums over images are divided by | the images so far | the size of the *balanced* data set, too large on a long tail | the images that there are |
#
# The recipe `edc` follows that copy in the variance of a class, both kinds of targets and the layers (the table below), and has exact sums too.
#
# On a batch with equally many images of all classes the averaged targets of classes are equation 9 in its mean form, without the variance between images.
# They are one of the two terms of a layer's distance, so they have half of its weight (chapter 10).

# %% jupyter={"source_hidden": true} tags=["hide-input"]
released = recipes.recipe("edc_digits").method


def settings(m):
    named = m.statistics, m.recover
    return {"source": named[0].source, "layers": named[0].layers} | {
        key: getattr(named[1], key) for key in ("class_wise", "class_variance")
    }


notebook.table(
    pd.DataFrame({"unilevel": settings(cfg), "edc": settings(released)}),
    "Settings of two recipes",
)

# %% [markdown]
# ## Recorded runs
#
# The paper ran its method without the calibration, on CIFAR-100-LT.
# This book's recipe for that is `unilevel_no_calibration`: running statistics as targets and no class term.
# Its records at ten images per class, with those of `unilevel` and the published numbers (twenty and fifty were not run):

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ltdd_utils import analysis, records
from ltdd_utils.analysis import compare
from ltdd_utils.records import targets

pair, where = ("unilevel", "unilevel_no_calibration"), records.default_records_dir()
recorded = records.load(where, allow_mixed=True, committed_only=True)
beside = compare(recorded, targets(), recipes.names(), "cifar100")
beside = beside.query("table == 'Table 8' and status == 'run' and method in @pair")
assert (beside.ipc == 10).all()
columns = ["method", "paper", "ours", "difference", "n"]
beside = analysis.formatted(beside)[columns]
rows, heads = beside.set_index("method"), {"paper": "published, %"}
notebook.table(rows, "Calibration on CIFAR-100-LT, IF 50, IPC 10", names=heads)

# %% [markdown]
# At the reduced scale, on CIFAR-10-LT at IF 100 with ten images per class, both with the same debiased teacher:


# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ltdd_utils.evaluation import DEBIASED

board = analysis.board("cifar10", imbalance_factor=100, ipc=10, records=recorded)
scores = {name: board[name, DEBIASED] for name in pair}
for name in pair:
    if not board[name, DEBIASED]:
        print(f"not run yet: {board.command(name, DEBIASED)}")
table = [(found.percent, len(found)) for found in scores.values()]
table = pd.DataFrame(table, list(scores), ["accuracy, %", "n"])
notebook.table(table, "Calibration on CIFAR-10-LT, debiased teacher")

# %%
verdict = board.contrasts([pair], DEBIASED)  # with calibration, and without
assert verdict.verdict.item() == "not resolved"
notebook.table(verdict, "With calibration and without")

# %% [markdown]
# No effect can be seen with these pipelines.
# The control drops two things at once; chapter 12 changes only the source of the statistics, and sees nothing either.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
notebook.checked()

# %% [markdown]
# ## What we saw
#
# - Running statistics are those of the last few batches, with the class shares that those batches happened to have.
# - The dynamic momentum gives the exact mean of all images, in any order.
#   On variances the same recursion loses the spread of the batches' means, which is nearly all of the variance between images for a class with a single image in its batches.
# - Averaging class variances leaves out the spread of the class means, which grows with depth.
#   The mixture form contains it.
# - A class has less variance in a small batch than in the data, by an amount that can be computed.
# - Equal shares shift the deepest layer most: away from the head class and towards the tail third, on all seeds.
#   Everything else in the running average shifts the statistics too: more than the shares do in the first two layers, about as much in the last one of a plain observer, and more in all layers of a debiased one.
#   How much of that is augmentation was not measured.
# - Calibrated statistics are targets.
#   If they are put into all layers at once, they are wrong from the second layer on.

# %%
print(notebook.versions())

# %% [markdown]
# ## Check yourself
#
# <details><summary>With momentum 0.1, how much do the first hundred batches of a thousand count in the end?</summary>
#
# Nothing: their weight is $0.9^{900}$ times what it was, about $10^{-41}$. The average is that of the last few dozen batches.
#
# </details>
#
# <details><summary>Two classes with equal variances and different means: what is the variance of their equal mixture?</summary>
#
# Their common variance *plus* the variance of the two means. The average of class variances leaves the second part out.
#
# </details>
#
# <details><summary>Why is the observer's own normalisation not replaced by the calibrated statistics?</summary>
#
# Its weights were trained with its own. Other statistics in the first layer change what the second one sees, so the targets measured for it no longer fit.
#
# </details>
#
# ## Exercises
#
# > **1.** With momentum $a$, how many batches hold half of the weight of a running mean?
# > Which $a$ would make a running mean of one epoch of 194 batches count the last batch as much as the first?
#
# <details><summary>Answer</summary>
#
# The last $h$ batches hold $1 - (1-a)^h$.
# Half of the weight is reached at $h = \log 0.5 / \log(1-a)$, between six and seven batches for $a = 0.1$.
# No constant achieves the second: the weights are a geometric series, equal only for $a \to 0$, where the mean never moves.
# It takes $a_t = 1/t$, which is the dynamic momentum for batches of equal size.
#
# </details>
#
# > **2.** A class of $n$ images comes in $k = n$ batches.
# > What does the literal recursion return as its variance?
# > And with $k = 1$?
#
# <details><summary>Answer</summary>
#
# With $k = n$ every such batch has one image of the class: the share $(n - k)/(n - 1)$ is zero, and only the variance inside images is left.
# With $k = 1$ the class comes in one batch and everything is kept.
# Sorting the images by class would achieve that, up to the batch size.
# The released code has the first, for every class.
#
# </details>
#
# > **3.** In which case are the mixture and the mean form equal?
# > What would a layer look like if the class means made up all of its variance?
#
# <details><summary>Answer</summary>
#
# When all classes have the same mean in every channel: early layers come close to that, since strokes and edges are the same for all digits.
# If the class means make up all of the variance, the channel has one constant value per class, at every pixel of every image: a perfect class detector, if the constants differ.
#
# </details>
#
# > **4.** The rarest class here has six images.
# > How well do they determine its mean?
# > Compare the distance of the means of two random halves of a class of 120 images and of one of six, in the deepest layer.
#
# <details><summary>Answer</summary>
#
# The variance of a mean over $n$ images is $\sigma_\text{between}^2 / n$: with six images the error is $\sqrt{120/6} \approx 4.5$ times that of the head class.
# Calibration gives all classes the same share, and so it gives the *noise* of the rare ones the same share too.
# `members` and `batch` are all you need to check it.
#
# </details>
#
# > **5.** Reverse the class order (`data.class_order=reversed`, another six observers).
# > Which findings of this page should remain, and which depend on the digits?
#
# <details><summary>Answer</summary>
#
# The mathematical results remain: recursion, mixture, expected variance, the zero in the control.
# The growth with depth should remain too.
# Which class is near the running statistics can change: if the new head class is an unusual digit, the natural average moves towards it.
#
# </details>
#
# **Next:** chapter 09 trains the two networks of paper 2, observer and teacher, with a loss against the bias.
