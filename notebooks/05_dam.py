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
# # DAM: deriving the loss
#
# *Builds on chapters 03 and 04.*
#
# **Question.** The expert was trained on a long tail; the student trains on a set with the same number of images per class.
# Matching asks the student to follow the expert's path.
# With which loss does balanced data act like a long tail?
#
# **Claim.**
# With class weights equal to the class prior, a student on the same balanced images gets closer to the biased expert than with plain cross-entropy, each at its best step size; with a wrong prior, no step size tried brings it closer than it began.
# A cell checks this on three seeds.
#
# > **After this chapter you can**
# >
# > - derive why a long tail shifts logits by $\log \pi$;
# > - explain both forms of DAM, and why they must not be added;
# > - test a prior: the true one, a wrong one, none.
#
# > **In one minute.**
# > The expert saw many airplanes and few trucks; the student sees ten of each.
# > At the same weights their gradients differ, so a student with plain cross-entropy cannot walk the expert's way.
# > Matching then asks the images or their labels to make up for it.
# > *Distribution-agnostic matching* (DAM) puts the imbalance into the student's loss instead: weight class $c$ by its share $\pi_c$, or subtract $\log \pi_c$ from its logit.
# > The bias is then in the student's weights, where the expert has it, and need not be put into the set.

# %% tags=["colab", "remove-cell"]
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    home = "git+https://github.com/address--not-set/long-tailed-distillation-book"
    source = os.environ.get("LTDD_SOURCE", home)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

# %% tags=["parameters"]
seeds: tuple = (0, 1, 2)  # each has an expert and an initial set of its own

# %% tags=["remove-input"]
from ltdd_utils import notebook

figure = notebook.Figures("05")
figure.picture("paper_1")

# %% [markdown]
# ## The shift between two worlds
#
# How probable is class $c$ for an image $x$?
# Let $q(c \mid x)$ be this posterior in a world in which all classes are equally frequent.
# Let $p(c \mid x)$ be the one on the long tail, where class $c$ has the share $\pi_c = n_c / N$, its prior.
# The images of a class look the same in both worlds, so Bayes' rule gives
#
# $$ p(c \mid x) = \frac{\pi_c\, q(c \mid x)}{\sum_k \pi_k\, q(k \mid x)}, $$
#
# $$ \log p(c \mid x) = \log q(c \mid x) + \log \pi_c + \text{const}(x). $$
#
# (The constant is the same for all classes of an image, so it changes no prediction.)
#
# A network trained with cross-entropy has logits $z = \log(\text{posterior}) + \text{const}$ at its optimum.
# So the long-tailed expert's logits are the balanced ones plus $\log \pi$: **the bias is a shift of the logits**, and it is stored in the weights.
# A student trained with plain cross-entropy on balanced images with balanced labels moves towards $\log q$, away from the expert, however good the images are.
# (Soft labels from a biased expert contain a part of the bias themselves, and weights count that part twice.
# Chapter 06 takes the labels from other experts.)
#
# Distribution-agnostic matching (DAM, paper 1) changes the student's inner loss instead.
# There are two ways to do it.
#
# **Offset.**
# Let the loss subtract the shift, $\lambda$ times: minimise $\mathrm{CE}(\mathrm{softmax}(z - \lambda \log \pi), y)$ on balanced data, with $y$ the label.
# At the optimum $z - \lambda \log \pi = \log q + \text{const}$, so the *raw* logits are $z = \log q + \lambda \log \pi + \text{const}$.
# At $\lambda = 1$ they are those of the long-tailed posterior.
#
# **Weights.**
# Let each class count as often as it does in the long tail: minimise $\sum_c \pi_c\, \mathbb{E}_{x \mid c}\, \mathrm{CE}$.
# That *is* the risk on the long tail, term by term.
#
# Both forms are settings of one function, with a weight and an offset for each class:

# %%
from ltdd_utils import notebook, plots
from ltdd_utils.methods.trajectory import dam
from ltdd_utils.training import losses

notebook.source(losses.dam_loss)

# %%
notebook.source(dam.inner_loss)

# %% [markdown]
# ## Where each form ends
#
# Take a toy problem with six kinds of images and four classes, small enough to be solved exactly.
# The balanced posterior $q$ serves as soft targets, so the loss is the true balanced risk.
# At the optimum $\mathrm{softmax}(z)$ should be proportional to $\pi^k q$, where $k$ counts how often the prior enters.
# The table has $k$ for each form, and the largest difference between the two probabilities.

# %%
import torch
from ltdd_utils.core.seeds import generator
from ltdd_utils.data import class_prior
from ltdd_utils.methods.trajectory.settings import DAMConfig

toy_counts = [80, 40, 15, 5]
pi = torch.from_numpy(class_prior(toy_counts))
q = torch.rand(6, 4, generator=generator(seeds[0], "toy"), dtype=torch.float64) + 0.05
q = q / q.sum(dim=1, keepdim=True)


def biased(posterior, times):  # the posterior with the prior entering `times` times
    shifted = posterior * pi**times
    return shifted / shifted.sum(dim=1, keepdim=True)


# %%
from scipy.optimize import minimize


def risk(flat, loss, targets):
    z = torch.tensor(flat.reshape(targets.shape), requires_grad=True)
    value = loss(z, targets)
    return value.item(), torch.autograd.grad(value, z)[0].numpy().ravel()


def optimum(cfg, targets):  # softmax of the logits that minimise the risk
    arguments = dam.inner_loss(cfg, toy_counts), targets
    found = minimize(risk, [0.0] * q.numel(), arguments, jac=True, options={"gtol": 1e-9})
    return torch.from_numpy(found.x).view(q.shape).softmax(dim=1)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd

forms = {
    "plain cross-entropy": (DAMConfig(), 0),
    "weights (released)": (DAMConfig("sum"), 1),
    "offset, λ 0.5": (DAMConfig("none", 0.5), 0.5),
    "offset, λ 1": (DAMConfig("none", 1.0), 1),
    "weights and offset 1 (as summarised)": (DAMConfig("sum", 1.0), 2),
}
rows = {}
for name, (form, k) in forms.items():
    error = (optimum(form, q) - biased(q, k)).abs().max().item()
    rows[name] = {"prior enters": k, "largest error": error}
    assert error < 1e-4

# %% jupyter={"source_hidden": true} tags=["hide-input"]
rows = pd.DataFrame(rows).T
looks = {"prior enters": "{:g}", "largest error": "{:.0e}"}
rows = rows.assign(**{name: rows[name].map(form.format) for name, form in looks.items()})
notebook.table(rows, "To which power the prior enters a student's optimum")

# %% [markdown]
# Weights alone and an offset of 1 alone both end at the long-tailed posterior.
# A summary of the paper gives a loss with *both* factors (we have not read the formula in the paper's own text).
# In that form the prior would count $1 + \lambda$ times, and the student would end up more biased than the expert.
# All released configurations have weights and $\lambda = 0$, which is the consistent choice.
# Summary and code differ here; this book has both forms, as `dam.weights` and `dam.offset`.
#
# **The sign.**
# Balanced Softmax ([arXiv 2007.10740](https://arxiv.org/abs/2007.10740)) and logit adjustment ([arXiv 2007.07314](https://arxiv.org/abs/2007.07314)) *add* $\log \pi$ while training on the long tail, so that the raw logits become balanced.
# DAM subtracts it while training on balanced data, so that they become biased.
# It is the same function with the opposite sign, applied to the other posterior:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
undone = optimum(DAMConfig("none", -1.0), biased(q, 1))
assert torch.allclose(undone, q, atol=1e-4)

# %% [markdown]
# **In one dimension.**
# Two classes have one feature $x$, normal with deviation 1: the frequent class around $-1$, the rare one around $+1$.
# On balanced data the logit of the rare class is $2x$ above the other, so the decision changes at $x = 0$.
# The offset adds $\lambda \log \pi$, which puts the rare class $\lambda \log \mathrm{IF}$ behind: the decision changes at $\lambda \log(\mathrm{IF}) / 2$.
# At $\lambda = 1$ that is where the expert of the long tail has it.
# A cell checks that the two logits are equal at such a point in the optimum of the package's loss:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import math

from ltdd_utils.plots import explorables

factors, shares = (1, 2, 5, 10, 20, 50, 100, 200, 500), (0, 0.25, 0.5, 0.75, 1, 1.5, 2)
edges = {(f, share): share * math.log(f) / 2 for f in factors for share in shares}
for (factor, share), edge in edges.items():
    truth = torch.tensor([[-2 * edge, 0.0]], dtype=torch.float64).softmax(dim=1)
    alike = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    loss = dam.inner_loss(DAMConfig("none", share), [factor, 1])
    assert torch.autograd.grad(loss(alike, truth), alike)[0].abs().max() < 1e-6

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    explorables.boundary(factors, shares, edges, (factors.index(100), shares.index(1))),
    "Move the imbalance factor and λ: where the decision changes. Coloured is what is "
    "decided wrongly. At λ = 0 both classes have as many errors; at 1 nearly all errors "
    "are images of the rare one.",
    "Two bell curves and an upright line. With a larger factor or λ the line moves "
    "into the curve of the rare class, most of which is then decided wrongly.",
)

# %% [markdown]
# **Soft targets.**
# With a weight $w_c$ and an offset $o_c$ for each class, and a soft label $t$, the gradient at the logits of one image is
#
# $$ \nabla_z \ell = \Big(\sum_c w_c t_c\Big)\, \mathrm{softmax}(z - o) - w \odot t. $$
#
# ($\odot$ multiplies class by class.)
# For a hard label $y$ this is $w_y$ times the usual gradient.
# For a soft label the weight is an average over the label: an image of a rare class whose label leans towards a frequent one counts for more.

# %%
rng = generator(seeds[0], "logits")
z, t = (torch.randn(6, 4, generator=rng, dtype=torch.float64) for _ in range(2))
z, t = z.requires_grad_(), t.softmax(dim=1)
(found,) = torch.autograd.grad(losses.dam_loss(z, t, pi, 0.7 * pi.log()), z)
by_hand = (t @ pi)[:, None] * (z - 0.7 * pi.log()).softmax(dim=1) - pi * t
torch.testing.assert_close(found, by_hand / len(z))

# %% [markdown]
# ## On the way there
#
# Matching looks at a few steps, not at the optimum.
# So the *direction* of the gradient at the expert's own snapshots matters more than the end point.
# Train one expert per seed on Digits-LT, and take its snapshots.

# %%
from ltdd_utils import recipes, runs
from ltdd_utils.distilled import pixels
from ltdd_utils.methods.trajectory.training import train_experts

changes = {"method.experts.count": "1", "method.experts.network.width": "16"}
# Chapter 06: with these experts every class starts from real images.
changes |= {"method.initial.experts": "classifier"}
recipe = recipes.with_overrides(
    recipes.recipe("dam_only_digits"), changes | {"method.iterations": "0"}
)
cfg, context = recipe.method, notebook.context()
works = [runs.start(recipe, seed, context) for seed in seeds]
data, preprocess = works[0].data, works[0].preprocess

# %%
all_epochs = range(cfg.experts.train.epochs + 1)
experts = [train_experts(cfg.experts, work, all_epochs) for work in works]
sets = [runs.distil(recipe, work).set for work in works]
layout = experts[0].layout
network = layout.apply(works[0].template(cfg.experts.network))

# %% [markdown]
# Two data sets are compared with the long tail.
# The first is exact: take all images of the long tail, but count every class equally, which is a balanced data set with the very same images.
# The second is a student's situation: the small, balanced set from which a distillation starts.
#
# The figure compares the gradient of each form with the gradient of plain cross-entropy on the long tail as it is: a cosine of 1 is the same direction.
# On the first data set, gradients with weights must agree with it at *every* point $w$ of the expert's path.
# Those with the offset need not: that form shares the optimum, where both gradients are zero, and not the way there.

# %%
from torch.nn.functional import cosine_similarity, one_hot

C, x, y = data.classes, preprocess(data.train_images), data.train_labels
hard = one_hot(y, C).float()
on_tail = losses.soft_cross_entropy


def slope(w, images, targets, loss, groups=None):  # mean over groups of images
    w = w.clone().requires_grad_()
    z, groups = network(w, images), groups or [slice(None)]
    value = sum(loss(z[g], targets[g]) for g in groups) / len(groups)
    return torch.autograd.grad(value, w)[0]


# %%
inner = {
    "plain": DAMConfig(),
    "weights": DAMConfig("mean"),
    "offset": DAMConfig("none", 1.0),
    "weights and offset": DAMConfig("mean", 1.0),
}
inner = {name: dam.inner_loss(form, data.counts) for name, form in inner.items()}
classes = [(y == c).nonzero().flatten() for c in range(C)]
epochs = (0, 1, 2, 4, 8, 16, cfg.experts.train.epochs)
same, small = ({name: [] for name in inner} for _ in range(2))

# %%
for expert, chosen in zip(experts, sets, strict=True):
    walk = [expert.snapshot(0, epoch) for epoch in epochs]
    images, soft = pixels(chosen, data, preprocess), chosen.targets.softmax(dim=1)
    wanted = [slope(w, x, hard, on_tail) for w in walk]
    for name, loss in inner.items():
        found = [slope(w, x, hard, loss, classes) for w in walk]
        few = [slope(w, images, soft, loss) for w in walk]
        for lines, own in ((same, found), (small, few)):
            pairs = zip(own, wanted, strict=True)
            lines[name].append([cosine_similarity(a, b, dim=0).item() for a, b in pairs])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
panels = {
    "the long tail's images, counted equally": same,
    "the balanced initial set": small,
}
panels = {
    title: {name: (epochs, rows) for name, rows in lines.items()}
    for title, lines in panels.items()
}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.curves(panels, "epoch of the expert", "cosine"),
    "Cosine between the gradient of each loss and the gradient of the long tail, "
    "along the expert's path. On the same images the weights give the long-tailed "
    "gradient exactly; on the small set nothing does.",
    "Two panels. On the left the line of the weights stays at one and the others lie "
    "below; on the right no line stays at one, and that of the weights begins highest.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
released = dam.inner_loss(DAMConfig("sum"), data.counts)
for expert in experts:
    w = expert.snapshot(0, 2)
    short, long = slope(w, x, hard, released, classes), slope(w, x, hard, on_tail)
    torch.testing.assert_close(C * short, long, rtol=1e-3, atol=1e-5)
assert torch.tensor(same["weights"]).min() > 0.999
assert torch.tensor(same["offset"])[:, 0].max() < 0.999

# %% [markdown]
# On the left, weights are importance weighting: their gradient is the long-tailed one at every snapshot.
# The gradients of the other forms are not.
# On the right there are a hundred images instead of all, and nothing is exact any more.
#
# ## What weights that sum to one do to the step size
#
# The release uses the weights $w_c = n_c / N$, whose sum is one.
# On a balanced set of $C$ classes, each of which has the share $1/C$, the loss is then $1/C$ of the long-tailed risk.
# So *every inner step is $C$ times shorter* than the expert's at the same step size.
# That is ten times on CIFAR-10 and a hundred times on CIFAR-100.
# A student with weights that sum to one, at step size $C \eta$, is the same as a student with weights of mean one at $\eta$:

# %%
from functools import lru_cache

from ltdd_utils.augment import draw
from ltdd_utils.methods.trajectory import matching

start, strategy = 2, cfg.experts.augment.strategy
rng = generator(seeds[0], "steps")
views = [draw(strategy, len(sets[0]), data.image_size, rng) for _ in range(cfg.first.steps)]
steps = [matching.Step(None, view) for view in views]


def problem(n, form, part="all"):  # of seed number n, from epoch `start`
    ends = [experts[n].snapshot(0, start + d) for d in (0, cfg.first.epochs)]
    loss = dam.inner_loss(form, data.counts)
    return matching.Problem(network, *ends, layout.part(part), steps, loss)


# %%
@lru_cache
def end(n, form, lr):  # where the student of the initial set arrives
    images = pixels(sets[n], data, preprocess)
    learned = matching.Synthetic(images, sets[n].targets, torch.tensor(lr))
    return matching.student_weights(learned, problem(n, form))[-1]


torch.testing.assert_close(
    end(0, DAMConfig("sum"), C * 0.02), end(0, DAMConfig("mean"), 0.02), rtol=0, atol=1e-4
)

# %% [markdown]
# The student takes its steps with the recipe's initial step size.
# How far does it move, as a fraction of the distance that the expert covers, and how close does it get?
# Means over the seeds:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
rows = {}
for weights in ("none", "sum", "mean"):
    form = DAMConfig(weights)
    tasks = [(problem(n, form), end(n, form, cfg.lr)) for n in range(len(seeds))]
    far = [((w - p.start).norm() / (p.target - p.start).norm()).item() for p, w in tasks]
    near = [matching.distance(w, p).item() for p, w in tasks]
    rows[weights] = {
        "student's way": sum(far) / len(far),
        "matching loss": sum(near) / len(near),
    }
table = pd.DataFrame(rows).T.rename_axis("weights")
assert table["student's way"]["sum"] < table["student's way"]["mean"] / 3
forms = {"none": "none (plain)", "sum": "of sum 1 (released)", "mean": "of mean 1"}
caption = "How far a student gets under each form of the weights"
notebook.table(table.rename(index=forms), caption, digits=2)

# %% [markdown]
# The learned step size can make up for it, but it takes iterations to grow, and students are later scored with that same step size.
# So this book's recipes use weights of mean one where only few iterations are affordable, with weights of sum one as a control.
# At scale `paper` they have sum one, as released.
#
# ## How close can a student get?
#
# So a fair comparison gives every form its own best step size.
# The student trains on the *initial* set, before any of it is learned: real images with soft labels from experts whose classifier was re-balanced (chapter 06).
# So every class has real images, and the labels are not the biased expert's own.
#
# Besides DAM there are **placebos**, the same weights with a wrong prior:
#
# - *permuted*: the true shares, assigned to other classes;
# - *inverted*: the rare classes as the frequent ones.
#
# (With a uniform prior, weights of mean one are exactly plain cross-entropy.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
assert torch.equal(end(0, DAMConfig("mean", 0, "uniform"), 0.02), end(0, DAMConfig(), 0.02))
forms = {
    "plain": DAMConfig(),
    "weights": DAMConfig("mean"),
    "offset": DAMConfig("none", 1.0),
    "weights and offset": DAMConfig("mean", 1.0),
    "permuted": DAMConfig("mean", 0.0, "permuted"),
    "inverted": DAMConfig("mean", 0.0, "inverted"),
}

# %%
etas, reached = (0.003, 0.01, 0.02, 0.05, 0.1), {}
for name, form in forms.items():
    tasks = [problem(n, form) for n in range(len(seeds))]
    ends = [[end(n, form, lr) for lr in etas] for n in range(len(seeds))]
    pairs = zip(tasks, ends, strict=True)
    reached[name] = [[matching.distance(w, p).item() for w in row] for p, row in pairs]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
lines = {name: (etas, rows) for name, rows in reached.items()}
panels = {
    "forms": {name: lines[name] for name in list(forms)[:4]},
    "placebos": {
        name: lines[name] for name in ("plain", "weights", "permuted", "inverted")
    },
}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.curves(panels, "step size", "matching loss", "xy", level=1.0),
    "Matching loss of a student on the balanced initial set against its step size: "
    "weights come closest to the expert, and wrong priors stay further off than none. "
    "Bands are one standard deviation over the seeds.",
    "Two panels of valleys over a logarithmic axis. On the left the valleys of the forms "
    "with a prior are deeper than that of plain; on the right the permuted and the "
    "inverted prior lie above it.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
best = {name: torch.tensor(rows).amin(dim=1) for name, rows in reached.items()}
assert (best["weights"] < best["plain"]).all()
wrong = torch.minimum(best["permuted"], best["inverted"])
assert (best["plain"] < wrong).all() and (wrong > 1).all()
table = pd.DataFrame({name: values.tolist() for name, values in best.items()}, index=seeds)
table = table.rename("seed {}".format).T
notebook.table(table, "The least matching loss of each form", digits=2)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    explorables.step_sizes(
        {name: torch.tensor(rows) for name, rows in reached.items()}, etas, etas.index(0.02)
    ),
    "Move the step size: how close a student gets under each form of its loss (dot: mean "
    "of the seeds, line: all of them), and how close at its own best step size (ring).",
    "A slider above six rows of dots. For small steps all dots lie near one; the dots of "
    "the true prior come furthest down, those of the wrong priors stay above.",
)

# %% [markdown]
# On every seed the true prior brings the student closer than plain cross-entropy does, which hardly gets closer at all.
# With a wrong prior the student ends further away than it began, at every step size tried; still smaller steps would only leave it where it began, at 1.
# So the *right* bias helps, not reweighting as such.
# Note that no image has been learned yet: under plain cross-entropy, the images would have to close this gap.
#
# ## What the student takes over
#
# Expert and student start from the same snapshot.
# After their steps the bias has left two traces: in the lengths of the classifier's rows (chapter 03), and in how often each class is predicted on the balanced test set.

# %%
target = [experts[n].snapshot(0, start + cfg.first.epochs) for n in range(len(seeds))]
walkers = {"expert": target}
for name in ("plain", "weights", "offset"):
    lr = etas[torch.tensor(reached[name]).mean(dim=0).argmin()]
    walkers[f"student, {name}"] = [end(n, forms[name], lr) for n in range(len(seeds))]
first = [experts[n].snapshot(0, start) for n in range(len(seeds))]


def norms(w):  # of the classifier's rows, [C]
    return layout.split(w)["classifier.weight"].norm(dim=1)


def share(w):  # mean probability of each class on the test images, [C]
    return network(w, preprocess(data.test_images)).softmax(dim=1).mean(dim=0).detach()


# %% jupyter={"source_hidden": true} tags=["hide-input"]
grown = {
    name: torch.stack([norms(w) - norms(w0) for w, w0 in zip(ws, first, strict=True)])
    for name, ws in walkers.items()
}
quantity = "change of the classifier row's norm"
figure(
    plots.class_profiles(grown, data.counts, data.class_names, quantity),
    "Change of each class's row in the classifier over the matched steps, of the "
    "expert and of students with three losses. Whiskers span the seeds.",
    "Ten rows of digits with four dots. The expert lengthens the rows of frequent digits "
    "most, and students with weights follow it. Those with the offset lengthen the rarest "
    "rows too; plain ones hardly change any.",
)

# %%
shares = {name: torch.stack([share(w) for w in ws]) for name, ws in walkers.items()}
quantity = "mean predicted probability"

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.class_profiles(shares, data.counts, data.class_names, quantity),
    "Mean predicted probability of each class on the balanced test images. With weights "
    "or offset a student predicts the classes about as often as the expert does.",
    "Ten rows of digits with four dots. The expert's dots fall from frequent to rare; "
    "those of students with weights lie nearest to them.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
gap = {
    name: (rows - shares["expert"]).abs().sum(dim=1) / 2 for name, rows in shares.items()
}
assert (gap["student, weights"] < gap["student, plain"]).all()
gap = {name: rows.tolist() for name, rows in gap.items()}
gap = pd.DataFrame(gap, index=[f"seed {s}" for s in seeds]).T
notebook.table(gap, "Distance of predicted class shares from the expert's", digits=2)

# %% [markdown]
# The distance of the table is the share of predicted probability that would have to go to another class (the total variation distance).
# With weights or the offset the student predicts like the biased expert, although it trains on the same number of images from every class.
# But their rows differ: the weights lengthen the same rows as the expert, while the offset lengthens the rows of the most frequent classes less, and those of the rarest more.
# These are two ways to similar predictions, and only one of them is the expert's.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
notebook.checked()

# %% [markdown]
# ## What we saw
#
# - The long tail's bias is a shift of the logits by $\log \pi$.
#   Subtracting it inside the loss, or weighting classes by $\pi$, makes training on balanced data lead to parameters with the expert's bias.
# - Weights give the long-tailed gradient at every snapshot; the offset has only the optimum in common with it.
# - Weights and offset together count the prior twice.
# - Weights that sum to one make the inner steps $C$ times shorter.
# - At its best step size, the true prior brings a student on the unchanged initial set closer to the expert than plain cross-entropy does, on all three seeds; with a wrong prior, no step size tried does.
#
# Matching needs the student to imitate the bias, but a user of the distilled set does not want that: students that are scored train with plain cross-entropy.
# Chapter 07 measures the gain in accuracy, takes finished sets apart, and finds that the gain is not in the images alone.

# %%
print(notebook.versions())

# %% [markdown]
# ## Check yourself
#
# <details><summary>Who uses DAM's loss: the student inside the matching, or the one that is scored?</summary>
#
# Only the one inside the matching. Students that are scored train with plain cross-entropy on what came out.
#
# </details>
#
# <details><summary>Balanced Softmax adds the logarithm of the prior to the logits. Why does DAM subtract it?</summary>
#
# They go opposite ways: Balanced Softmax trains an unbiased network on biased data, DAM a biased network on balanced data.
#
# </details>
#
# <details><summary>What do weights that sum to 1 change besides the balance of classes?</summary>
#
# The length of every step: it becomes $C$ times shorter than with weights of mean 1.
#
# </details>
#
# ## Exercises
#
# > **1.** The expert's representation was trained with Balanced Softmax instead of plain cross-entropy.
# > Which $\lambda$ should its students have?
#
# <details><summary>Answer</summary>
#
# Its raw logits are already those of the balanced posterior, so none: $\lambda = 0$ and no weights.
# DAM compensates for a difference between the two posteriors, and here the expert's loss has removed it.
#
# </details>
#
# > **2.** Under the released weights at IF 100, how much larger is the contribution of an image of the most frequent class to the student's gradient than that of an image of the rarest class?
# > What does this mean for how much is *learned* in the images?
#
# <details><summary>Answer</summary>
#
# With hard labels, a hundred times larger: the weights are in the ratio of the counts.
# The matching gradient reaches an image through its contribution to the student's steps, so this phase hardly changes images of rare classes.
# They stay close to the initial set, unless soft labels or the second phase change them.
#
# </details>
#
# > **3.** The release starts at step size 0.01.
# > On CIFAR-100-LT, which step size gives its student steps as long as those of plain cross-entropy on the long tail with step size 0.01?
#
# <details><summary>Answer</summary>
#
# With 100 classes and weights that sum to one, the step size must be 1.0.
# It is learned, so it can grow; until it has, the student hardly moves and the matching loss stays close to 1.
#
# </details>
#
# > **4.** Why is $\mathrm{softmax}(z) \propto \pi\, q$ the optimum of the weighted loss for *each* image, although the weights multiply classes and not images?
#
# <details><summary>Answer</summary>
#
# With targets $q$ the loss at one image is $-\sum_c \pi_c q_c \log \mathrm{softmax}(z)_c$, a cross-entropy with the unnormalised target $\pi_c q_c$.
# It is smallest where the softmax is that target divided by its sum.
# The sum, $\sum_c \pi_c q_c$, only determines how much the image counts.
#
# </details>
#
# > **5.** You have the biased experts and the images they were trained on, but you do not know the class counts.
# > How can you estimate $\pi$?
# > (`ltdd run damed_digits --set method.dam.prior=estimated` does it.)
#
# <details><summary>Answer</summary>
#
# Average the expert's softmax over the images.
# The gradient of the cross-entropy for the bias of class $c$ is $\frac{1}{N}\sum_i (p_{ic} - y_{ic})$.
# For an expert that was trained to convergence it is zero, so its mean prediction is $\frac{1}{N}\sum_i y_{ic} = \pi_c$, however often it errs on single images.
# This needs no labels.
# Experts that stop early, or train with augmentation, predict roughly these shares; the control in chapter 14 shows whether that is enough.
#
# </details>
#
# **Next:** chapter 06 takes the other half of paper 1: which expert serves for what.
