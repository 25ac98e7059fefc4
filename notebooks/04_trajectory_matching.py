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
# # Trajectory matching: exact and constant-memory gradients
#
# *Builds on chapter 03.*
#
# **Question.** An expert went from one snapshot to another on hundreds of real images.
# How must a hundred synthetic images change so that a student trained on *them* takes the same path, and what does it cost to find out?
#
# **Claim.**
# The gradient of the matching loss can be computed exactly with the activations of only one student step in memory at a time, however many steps the student takes.
# A few iterations with it bring the student visibly closer to the expert.
# Cells below check both, the second on three seeds.
#
# > **After this chapter you can**
# >
# > - write down the matching loss and say what 0 and 1 mean;
# > - derive its exact gradient with the memory of a single student step;
# > - say what TESLA leaves out, and when that matters.
#
# > **In one minute.**
# > Start a student at an expert's snapshot, let it take $N$ steps on the synthetic images, and measure how much of the way to a later snapshot is left.
# > The images are changed to make that remainder smaller.
# > Backpropagation through all $N$ steps would need the activations of all of them.
# > Walking *backwards* along the stored weights gives the same gradient with one step in memory: a vector $a$, the *adjoint*, carries back from step to step how the loss depends on the weights.
# > TESLA, the shortcut of the released code, holds $a$ fixed, which is cheaper and no longer exact.

# %% tags=["colab", "remove-cell"]
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    home = "git+https://github.com/address--not-set/long-tailed-distillation-book"
    source = os.environ.get("LTDD_SOURCE", home)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

# %% tags=["parameters"]
seeds: tuple = (0, 1, 2)  # each has an expert, an initial set and a distillation of its own
iterations: int = 60  # of the first seed's distillation, which is filmed
few: int = 10  # of the other seeds'

# %% tags=["remove-input"]
from ltdd_utils import notebook

figure = notebook.Figures("04")
figure.picture("paper_1")

# %% [markdown]
# ## The loss
#
# An expert's **snapshot** $w$ is its weights after an epoch, as one vector of $D$ numbers.
# Take two snapshots of one expert: the start $w_0$ and the target $w^*$, two epochs later.
# A student begins at $w_0$ and takes $N$ plain gradient steps on the synthetic images $x$, with step size $\eta$.
# Its loss $\ell$ is the cross-entropy with soft labels, which are the softmax of learned label logits $y$:
#
# $$ w_{i+1} = w_i - \eta\, g_i, \qquad i = 0, \dots, N - 1, $$
#
# $$ g_i = \nabla_w \ell(w_i; x, y). $$
#
# The **matching loss** is the squared distance that remains to the target, as a fraction of the squared initial distance (MTT, [arXiv 2203.11932](https://arxiv.org/abs/2203.11932)):
#
# $$ L = \frac{\|P(w_N - w^*)\|^2}{\|P(w_0 - w^*)\|^2}. $$
#
# $P$ keeps the parameters that are compared and sets the others to 0: in MTT and DATM it keeps all of them, in paper 1 the backbone or the classifier.
# The division makes the number comparable: 1 means that the student is no closer than at the start, 0 that it has arrived.
# A common shift or scale of the three vectors changes nothing.

# %%
from ltdd_utils import notebook, plots
from ltdd_utils.methods.trajectory import matching

notebook.source(matching.distance)

# %% [markdown]
# The experiments of this chapter have one expert and one initial set per seed, on Digits-LT.
# The recipe is `datm_digits`, made quicker: a narrower network, a single expert and few iterations.
# A large step size for the images lets these few iterations have a visible effect.
# The **initial set** consists of ten real images per class that the expert classifies correctly, with the expert's own outputs as soft labels.
# A class without any correctly classified image starts from noise.

# %%
from ltdd_utils import recipes
from ltdd_utils.methods.trajectory.training import train_experts
from ltdd_utils.runs import distil, start

changes = {
    "method.experts.count": "1",
    "method.experts.network.width": "16",
    "method.iterations": str(iterations),
    "method.lr_images": "100",
}
recipe = recipes.with_overrides(recipes.recipe("datm_digits"), changes)
untouched = recipes.with_overrides(recipe, {"method.iterations": "0"})
cfg, context = recipe.method, notebook.context()
works = [start(recipe, seed, context) for seed in seeds]
data, preprocess = works[0].data, works[0].preprocess

# %%
all_epochs = range(cfg.experts.train.epochs + 1)
experts = [train_experts(cfg.experts, work, all_epochs) for work in works]
before = [distil(untouched, work).set for work in works]
layout = experts[0].layout
print(f"{layout.size} parameters, {layout.backbone} of them in the backbone; {cfg.first}")

# %% [markdown]
# One question to a student is a `Problem`: from which snapshot to which, compared in which part of the weights, with which steps and which loss.
# A step's augmentation is drawn once and replayed, so that a problem has the same value every time it is evaluated.

# %%
from ltdd_utils.augment import draw
from ltdd_utils.core.seeds import generator
from ltdd_utils.training import soft_cross_entropy

network = layout.apply(works[0].template(cfg.experts.network))
strategy, parts, size = cfg.experts.augment.strategy, layout.part("all"), data.image_size
rng = generator(seeds[0], "chapter")
walk = [matching.Step(None, draw(strategy, len(before[0]), size, rng)) for _ in range(10)]


def problem(expert, epoch, steps=walk):  # from an epoch to the one `first.epochs` later
    ends = expert.snapshot(0, epoch), expert.snapshot(0, epoch + cfg.first.epochs)
    return matching.Problem(network, *ends, parts, steps, soft_cross_entropy)


# %% [markdown]
# Three properties of the loss, checked on real snapshots: it is 1 at the start and 0 at the target; halfway there it is $0.5^2 = 0.25$; a common shift and scale change nothing.

# %%
import torch

one = problem(experts[0], 2)
shift, scale = torch.randn(layout.size, generator=rng), 7.0
moved = matching.Problem(
    network, one.start * scale + shift, one.target * scale + shift, parts, walk, one.loss
)
between = one.start + 0.5 * (one.target - one.start)
torch.testing.assert_close(matching.distance(one.start, one).item(), 1.0)
assert matching.distance(one.target, one) == 0
torch.testing.assert_close(matching.distance(between, one).item(), 0.25)
torch.testing.assert_close(matching.distance(between * scale + shift, moved).item(), 0.25)

# %% [markdown]
# How far does a student on the *initial* set get?
# That depends on the step size: if it is too small, the student hardly moves; if it is too large, the student overshoots.
# This is why $\eta$ is learned together with the images.

# %%
from ltdd_utils.distilled import pixels


def synthetic(distilled, lr=None, dtype=torch.float32):
    eta = torch.tensor(distilled.lr if lr is None else lr, dtype=dtype)
    images = pixels(distilled, data, preprocess).to(dtype)
    return matching.Synthetic(images, distilled.targets.to(dtype), eta)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
etas, shown = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15), (0, 4, 8)
lines = {}
for epoch in shown:
    task = problem(experts[0], epoch)
    ends = [matching.student_weights(synthetic(before[0], lr), task)[-1] for lr in etas]
    lines[f"start epoch {epoch}"] = (etas, [matching.distance(w, task) for w in ends])
figure(
    plots.curves({"": lines}, "step size of the student", "matching loss", "x", level=1.0),
    "Matching loss of a student on the initial set against its step size, for three "
    "start epochs. Above the dashed line the student ends further from the expert "
    "than it began.",
    "Three lines over a logarithmic axis. Each falls below one at moderate step sizes "
    "and rises steeply where the steps are too large.",
)

# %% [markdown]
# ## The gradient, line by line
#
# How does $L$ change with the images $x$, the label logits $y$ and the step size $\eta$?
# It depends on $x$ in many places, because every step uses the images.
# Call $a_i = dL / dw_i$ the **adjoint**: how much the loss would change if the weights before step $i$ were perturbed and the steps from $i$ on were taken again.
# The chain rule, used three times, gives everything.
#
# 1. *At the end*, $w_N$ enters $L$ directly: $a_N = 2\, P(w_N - w^*) \,/\, \|P(w_0 - w^*)\|^2$.
# 2. *One step back.* $w_{i+1} = w_i - \eta\, g_i(w_i)$ has the Jacobian $I - \eta H_i$, with $H_i = \nabla_w^2 \ell(w_i)$.
#    A Hessian is symmetric, so $a_i = (I - \eta H_i)^\top a_{i+1}$, which is $a_{i+1} - \eta\, H_i a_{i+1}$.
# 3. *What step $i$ adds.* For fixed $w_i$, a change of the images moves $w_{i+1}$ by $-\eta\, \partial_x g_i$, a change of the label logits by $-\eta\, \partial_y g_i$, and a change of the step size by $-g_i$.
#
# Summed over all steps,
#
# $$ \frac{dL}{dx} = -\eta \sum_i \partial_x (g_i \cdot a_{i+1}), $$
#
# $$ \frac{dL}{dy} = -\eta \sum_i \partial_y (g_i \cdot a_{i+1}), $$
#
# $$ \frac{dL}{d\eta} = -\sum_i g_i \cdot a_{i+1}. $$
#
# Here $a_{i+1}$ is treated as a constant.
# The same holds for $H_i a_{i+1} = \partial_w (g_i \cdot a_{i+1})$, the term of the recursion.
# One scalar per step, $g_i \cdot a_{i+1}$, therefore gives everything: its value gives $dL/d\eta$, its derivatives give the other three.
# Each step needs *one* double backward pass, after which its activations are no longer needed.
# Only the weights $w_0, \dots, w_N$ must be kept.
#
# This is the loop backwards: `adjoint` is $a$, `directional` is the sum of $g_i \cdot a_{i+1}$, and `through_weights` chooses between the recursion and TESLA (below).

# %%
notebook.source(matching._adjoint)

# %% [markdown]
# The straightforward way is to let automatic differentiation record all $N$ steps and go back through them at once.
# It needs no mathematics and all the memory:

# %%
notebook.source(matching.unroll)

# %% [markdown]
# ## Exact means exact
#
# Both ways compute the same sum in a different order.
# In double precision they must agree up to rounding, for any number of steps.
# Here each step sees a mini-batch of 20 images:

# %%
wide = synthetic(before[0], 0.05, torch.float64)
batches = torch.randperm(len(before[0]), generator=rng).repeat(2)[: 8 * 20].split(20)
steps = [matching.Step(rows, draw("none", len(rows), size, rng)) for rows in batches]


def in_double(count):  # the problem of seed 0 from epoch 2, with that many steps
    ends = one.start.double(), one.target.double()
    return matching.Problem(network, *ends, parts, steps[:count], soft_cross_entropy)


def apart(a, b, name):  # relative error of a against b
    a, b = getattr(a, name), getattr(b, name)
    return ((a - b).norm() / b.norm()).item()


# %%
import pandas as pd

rows = {}
for count in range(1, 7):
    slow, fast = (
        matching.match(wide, in_double(count), way) for way in ("unroll", "exact")
    )
    rows[count] = {name: apart(fast, slow, name) for name in ("images", "logits", "lr")}
errors = pd.DataFrame(rows).T.rename_axis("steps")
assert errors.to_numpy().max() < 1e-9
errors = errors.map("{:.0e}".format).replace("0e+00", "0")
heads = {"logits": "label logits", "lr": "step size"}
caption = "Relative distance of the exact gradient from the unrolled one"
notebook.table(errors, caption, names=heads)

# %% [markdown]
# ## TESLA: the adjoint held still
#
# TESLA ([arXiv 2211.10586](https://arxiv.org/abs/2211.10586)) writes $w_N = w_0 - \eta \sum_i g_i$ and treats each $w_i$ inside $g_i$ as a constant.
# In the recursion this means $a_i = a_{i+1}$: the Hessian term is dropped, and $a_N$ is used for every step.
# The released code of paper 1 does the same.
# The exact adjoint of step $i$ differs from it by
#
# $$ a_{i+1} - a_N = -\eta \sum_{j = i+1}^{N-1} H_j\, a_{j+1}. $$
#
# For a single step this sum is empty, and TESLA is exact.
# Every further step adds a term, of a relative size of up to $\eta\, \|H\|$.

# %%
counts, lines = (1, 2, 4, 8), {}
for lr in (0.01, 0.03, 0.1):
    own = synthetic(before[0], lr, torch.float64)
    found = [
        [matching.match(own, in_double(n), way) for way in ("tesla", "exact")]
        for n in counts
    ]
    lines[f"step size {lr}"] = (counts, [100 * apart(*pair, "images") for pair in found])
errors = torch.tensor([values for _, values in lines.values()])
assert (errors[:, 0] < 1e-9).all() and (errors[:, -1] > errors[:, 1]).all()
assert (errors[1:, 1:] > errors[:-1, 1:]).all()

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.curves({"": lines}, "student steps N", "error of TESLA's image gradient, %", "x"),
    "Relative error of TESLA's image gradient against the number of student steps: "
    "none for a single step, more with every further step and with the step size.",
    "Three rising lines from zero at one step; the largest step size has the highest line.",
)

# %% [markdown]
# Whether an error of this size matters for the distilled set is another question; the recipes of this book use the exact gradient except at scale `paper`, where they follow the release.
#
# ## Memory
#
# Automatic differentiation keeps tensors for the backward pass.
# PyTorch lets us observe this: the hooks below count how many are alive at once.

# %%
import weakref
from functools import partial

alive, most = weakref.WeakSet(), []


def keep(tensor):  # called for each tensor that autograd saves
    box = partial(lambda saved: saved, tensor)  # forgotten when autograd lets go of it
    alive.add(box)
    most[-1] = max(most[-1], len(alive))
    return box


# %%
lines, small = {}, synthetic(before[0], 0.05)
for way in ("unroll", "exact", "tesla"):
    most = []
    for count in counts:
        most.append(0)
        task = problem(experts[0], 2, steps[:count])
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda box: box()):
            matching.match(small, task, way)
    lines[way] = (counts, most)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.curves({"": lines}, "student steps N", "tensors kept by autograd at once", "xy"),
    "Tensors that automatic differentiation keeps at once. Unrolling keeps more with "
    "every step; the exact recursion and TESLA keep as many for eight steps as for "
    "one.",
    "One line that rises in proportion to the steps, and two that lie on each other "
    "and stay flat.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
kept = {name: values for name, (_, values) in lines.items()}
assert kept["exact"][-1] == kept["exact"][0] and kept["tesla"][-1] == kept["tesla"][0]
assert kept["unroll"][-1] > 5 * kept["unroll"][0]

# %% [markdown]
# The lines of `exact` and `tesla` coincide.
# The recursion does keep the $N + 1$ weight vectors, which at the paper's size is little:

# %%
from ltdd_utils.networks import Layout, build

paper = recipes.recipe("damed_cifar10", scale="paper").method
full = Layout.of(build(paper.experts.network, 10, 32, 3, generator(0, "shape")))
vectors = (paper.first.steps + 1) * full.size * 4 / 2**20
print(f"{paper.first.steps} steps, {full.size} parameters: {vectors:.0f} MiB of weights")

# %% [markdown]
# `benchmarks/matching.py` measures all of this at the paper's width, 128, with 100 images.
# Its recorded numbers follow.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
from ltdd_utils import records

measured = pd.read_csv(records.default_records_dir() / "benchmarks" / "matching.csv")
usual = measured[(measured.images == 100) & (measured.steps >= 10)]
lines = {
    name: (part.steps.tolist(), part["GiB"].tolist())
    for name, part in usual.groupby("gradient")
    if name in ("exact", "tesla", "unroll")
}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.curves({"": lines}, "student steps", "peak memory, GiB", log="xy"),
    "Recorded peak memory of one gradient on a ConvNet, from the benchmark. The exact "
    "recursion needs little more than TESLA, and unrolling many times both.",
    "Three lines over the number of steps: unrolling rises in proportion to it, exact "
    "and TESLA stay nearly flat.",
)

# %% [markdown]
# In paper 1 an iteration has two phases: the first compares backbones, as here, and the second compares classifiers on a frozen backbone (chapter 06).
# The next table has the gradient of each phase, computed in several ways; its caption names the machine.
#
# - *Exact*, *TESLA* and *unrolled* are the three ways of this chapter.
# - *Closed form* is this book's way for the second phase (chapter 06).
# - *Release's scheme* is written from the description of the released code: two passes, the first with a graph that is discarded.
#   It stands there twice, on this book's norm and pooling layers, which have a closed form for their second derivatives, and on PyTorch's, as in the release.

# %%
ways = {
    "exact": "first phase: exact",
    "tesla": "first phase: TESLA",
    "unroll": "first phase: unrolled",
    "released": "first phase: release's scheme",
    "released native": "first phase: release's scheme, PyTorch's layers",
    "closed form": "second phase: closed form",
    "released second": "second phase: release's scheme",
    "released second native": "second phase: release's scheme, PyTorch's layers",
}
table = usual[usual.steps == 20].set_index("gradient")[["seconds", "GiB"]]
caption = f"One gradient of 20 student steps ({usual.device.iloc[0]})"
notebook.table(table.loc[list(ways)].rename(index=ways), caption, digits=2)

# %% [markdown]
# An iteration takes the sum of its two phases.
# How many times as long as ours does an iteration of the release's scheme take, if our first phase is exact, and if it is TESLA's?

# %% jupyter={"source_hidden": true} tags=["hide-input"]
seconds = table.seconds.groupby(level=0).median()
ours = {kind: seconds[kind] + seconds["closed form"] for kind in ("exact", "tesla")}
theirs = {
    kind: seconds[kind] + seconds[kind.replace("released", "released second")]
    for kind in ("released", "released native")
}
ratios = {k: {mine: t / s for mine, s in ours.items()} for k, t in theirs.items()}
ratios = pd.DataFrame(ratios).T
assert seconds["released"] < seconds["exact"] < seconds["released native"]
assert seconds["released native"] - seconds["exact"] < 0.1 * seconds["exact"]
names = {"released": "release's scheme", "released native": "release's, PyTorch's layers"}
caption = "The release's iteration, times as long as ours"
notebook.table(ratios.rename(index=names), caption, digits=2)

# %% [markdown]
# What the exact gradient costs beside TESLA's at each number of steps, in percent (each measured once):

# %% jupyter={"source_hidden": true} tags=["hide-input"]
at = usual[usual.gradient.isin(["exact", "tesla"])].pivot(index="steps", columns="gradient")
more = {n: 100 * (at[n].exact / at[n].tesla - 1) for n in ("seconds per step", "GiB")}
more = pd.DataFrame(more)
assert more["seconds per step"].min() > 0 and more["seconds per step"].max() < 20
assert more.GiB.min() < 0 < more.GiB.max() < 20
heads = {name: f"{name}, % more" for name in more} | {"steps": "student steps"}
notebook.table(more, "What the exact gradient costs beside TESLA's", names=heads, digits=0)

# %% [markdown]
# An exact step takes somewhat more time than a TESLA step.
# Its memory is between a little less and a sixth more; that it can come out lower shows how coarsely one run measures a peak.
# The memory of neither grows with the steps as that of `unroll` does.
#
# What makes a whole iteration of ours faster than the release's is the second phase, by its closed form.
# In the first phase the exact gradient takes longer than the release's scheme on the same layers, and hardly less than that scheme on PyTorch's.
#
# ## The learned step size, and its guard
#
# The step size gets its own gradient, $dL/d\eta = -\sum_i g_i \cdot a_{i+1}$, and is updated beside images and labels.
# A central difference, $(L(\eta + \delta) - L(\eta - \delta)) / 2\delta$, agrees with it:


# %%
def loss_at(lr):
    task = in_double(6)
    return matching.distance(
        matching.student_weights(synthetic(before[0], lr, torch.float64), task)[-1], task
    )


step = 1e-6
slope = (loss_at(0.05 + step) - loss_at(0.05 - step)) / (2 * step)
torch.testing.assert_close(
    slope, matching.exact(wide, in_double(6)).lr, rtol=1e-5, atol=1e-7
)

# %% [markdown]
# Nothing in the mathematics keeps $\eta$ positive, and a student with a negative step size goes uphill.
# This book has two guards:
#
# - a step size that falls below `smallest_lr` is set back to it, its momentum is cleared, and the iteration is counted as *clamped*;
# - an iteration with a matching loss above `largest_loss` changes nothing and is counted as *skipped* (DATM's guard).
#
# Neither is in paper 1's release; the second is off in its recipes here.

# %%
from ltdd_utils.methods.trajectory import distil as loop

notebook.source(loop._update)

# %% [markdown]
# To see both at work, start with a step size that is far too long, and learn it far too fast:

# %%
rash = {"method.lr": "0.2", "method.lr_lr": "0.02", "method.iterations": "2"}
rows = {}
for rule, limit in (("smallest_lr alone", "null"), ("largest_loss = 1 as well", "1.0")):
    risky = recipes.with_overrides(recipe, rash | {"method.largest_loss": limit})
    found = distil(risky, works[0]).history
    rows[rule] = {name: found[name] for name in ("clamped", "skipped")}
    rows[rule] |= {
        f"after iteration {i + 1}": f"{lr:.2g}"
        for i, lr in enumerate(found["curves"]["lr"])
    }
caption = "Iterations clamped and skipped, and the step size after each"
notebook.table(pd.DataFrame(rows).T, caption)

# %% [markdown]
# With the first guard alone the run continues, and the next update makes the step size too large again.
# With the second guard both iterations are dropped.
#
# ## Which part of the path: DATM's window
#
# From which epochs does a student start?
# DATM ([arXiv 2310.05773](https://arxiv.org/abs/2310.05773)) draws the start epoch from $T^-$ up to a bound that grows from $T$ to $T^+$ during the distillation.
# An expert learns easy patterns early, so these are matched first; small sets are matched to early epochs only.
# In the files of paper 1's release (LTDD) only some cells let the bound grow; the others draw up to $T^+$ from the start.

# %%
notebook.source(loop.last_start_epoch)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
grown = recipes.recipe("datm_cifar10", imbalance_factor=10, scale="paper").method
at = range(0, 2001, 100)
bounds = {"bound of the start epoch": (at, [loop.last_start_epoch(grown, i) for i in at])}
name = f"window {list(grown.window)}, as released for IF 10"
figure(
    plots.curves({name: bounds}, "iteration", "bound of the start epoch"),
    "Start epochs are drawn from below this bound; how it grows, with the released "
    "window for CIFAR-10-LT at IF 10: early epochs first, later ones as the bound "
    "grows.",
    "A line that rises evenly and then stays at its upper bound.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
starts = range(cfg.window[0], cfg.window[2])
ways = [[problem(expert, epoch) for epoch in starts] for expert in experts]
lengths = [[(p.start - p.target).norm().item() for p in row] for row in ways]
lines = {"length": (starts, lengths)}
figure(
    plots.curves({"": lines}, "start epoch", "distance in two epochs"),
    "How far an expert's weights move in two epochs, by where these begin. Mean of "
    "the experts, in a band of one standard deviation.",
    "A falling line: late in the training the expert moves less.",
)

# %% [markdown]
# The distance that an expert covers in two epochs shrinks during training, which is why the loss is divided by its square: without that, late starts would count less.
#
# ## Matching, live
#
# Every iteration draws an expert and a start epoch, takes the student's steps, and updates images, label logits and step size by gradient descent with momentum.

# %% [markdown]
# The first seed takes more iterations than the others.
# All its states are kept for a film, as `ltdd run --keep-images` does:

# %%
from dataclasses import replace

from ltdd_utils.distilled import kept_states

filmed = replace(works[0], context=replace(context, keep_images=iterations + 1))
shorter = recipes.with_overrides(recipe, {"method.iterations": str(few)})
runs = [distil(recipe, filmed), *(distil(shorter, work) for work in works[1:])]
after = [run.set for run in runs]
states = {at: pixels / 255 for at, pixels in kept_states(filmed)[1].items()}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
per_class = len(after[0]) // data.classes
shown = [state[::per_class] for state in states.values()]  # one image of each class
rows = {"images": shown, "change, 3 times": [0.5 + 3 * (one - shown[0]) for one in shown]}
told = [f"after {at} iterations" if at else "the initial set" for at in states]
losses = [*runs[0].history["curves"]["first"], float("nan")]  # each before its update
over = [f"{n}\n{c}" for n, c in zip(data.class_names, data.counts, strict=True)]
assert len(told) == len(losses) == iterations + 1

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    notebook.film(rows, told, ("matching loss of the next iteration", losses), over=over),
    "One image of each class on its way through the matching; above it, how many real "
    "images its class has. Below, what has changed since the start, times three (grey: "
    "nothing).",
    "Two rows of ten digits and a jagged curve that falls. The digits stay readable and "
    "gain dark edges; on the last two, which began as noise, strokes appear.",
)

# %% [markdown]
# The slider moves with the mouse or the arrow keys.
# The start epoch changes from iteration to iteration, so the curve is noisy, and part of it is luck.
# A fair comparison uses the same problems before and after: start epochs from the whole window, with augmentations that the distillation has not seen.
# It also splits the change into parts: the step size alone, then the labels, then the images.


# %%
def left(learned, task):  # matching loss at the end
    return matching.distance(matching.student_weights(learned, task)[-1], task).item()


def reached(learned, expert):  # mean matching loss over start epochs
    tasks = [problem(expert, epoch) for epoch in starts[::3]]
    return sum(left(learned, task) for task in tasks) / len(tasks)


# %%
spent = (iterations, *[few] * (len(seeds) - 1))
named = {s: f"seed {s} ({n} iterations)" for s, n in zip(seeds, spent, strict=True)}
rows = {}
for s, old, new, expert in zip(seeds, before, after, experts, strict=True):
    first, last = synthetic(old), synthetic(new)
    lr_alone = replace(first, lr=last.lr)
    stages = first, lr_alone, replace(lr_alone, logits=last.logits), last
    rows[named[s]] = [reached(learned, expert) for learned in stages]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
names = ["initial set", "+ step size", "+ labels", "+ images"]
table = pd.DataFrame(rows, index=names).T
assert (table["+ images"] < table["initial set"]).all()
notebook.table(table, "Matching loss as parts of the matched set come in", digits=3)

# %% [markdown]
# On every seed the distilled set leads the student closer to the expert than the initial set did.
# From left to right the columns show which part did it.
# The expert is the same one that was matched; only the augmentations are new.
#
# The weights show the same: here is where the students of the first seed walk, beside the expert that they are to follow.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
walks = {
    f"expert of seed {s}": torch.stack([e.snapshot(0, n) for n in all_epochs])
    for s, e in zip(seeds, experts, strict=True)
}
begin = experts[0].snapshot(0, 0)
walks = {name: walk - walk[0] for name, walk in walks.items()}  # each from its own start
task = problem(experts[0], 2)
near = {"expert": torch.stack([experts[0].snapshot(0, n) for n in (2, 3, 4)])}
for name, one in (("initial set", before[0]), ("distilled set", after[0])):
    near[f"student on the {name}"] = torch.stack(
        matching.student_weights(synthetic(one), task)
    )
walks["student on the distilled set"] = near["student on the distilled set"] - begin

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.paths({"three experts, one student": walks, "from epoch 2 to 4": near}),
    "Weights in the plane of their first two principal components. Left: three experts, "
    "each drawn from its own start, and one student, which goes along a short stretch of "
    "the first. Right: that stretch, with the students of both sets.",
    "Left, three curves from one point in three directions, and a short one on the first "
    "of them. Right, the distilled set's student ends nearer to the expert than the other.",
)

# %% [markdown]
# ## Who receives a gradient
#
# The images of each class receive a gradient at every iteration.
# Its norm says how strongly matching works on that class, and its standard deviation over the iterations how steadily.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
facts = [run.history["class_gradient"] for run in runs]
profiles = {
    "mean over the iterations": [f["mean"] for f in facts],
    "standard deviation over the iterations": [f["std"] for f in facts],
}
figure(
    plots.class_profiles(
        profiles, data.counts, data.class_names, "norm of the image gradient"
    ),
    "Norm of the gradient that the images of a class receive: its mean and its standard "
    "deviation over the iterations. Whiskers span the seeds.",
    "Ten rows of digits with two dots each. The frequent digits receive several times "
    "the gradient of the rarest.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ltdd_utils.data import rank_thirds

thirds = rank_thirds(data.counts)
means = torch.tensor(profiles["mean over the iterations"])
head, tail = (means[:, thirds[name]].mean(dim=1) for name in ("head", "tail"))
assert (head > tail).all()
ratio = pd.Series((head / tail).tolist(), list(named.values()), name="ratio")
notebook.table(ratio, "Gradient norm of the head third over the tail third's", digits=1)

# %% [markdown]
# The set is balanced, and yet the images of frequent classes get the larger gradients.
# Part of this is due to the start: most of the tail third here is noise with a uniform label.
# But the norms also fall among the classes that start from real images.
# A biased expert's path is mostly about the frequent classes, so its student is asked to imitate mostly these.
# The next chapter asks whether a student on balanced data can follow that path at all.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
notebook.checked()

# %% [markdown]
# ## What we saw
#
# - The matching loss is 1 for a student that stays and 0 for one that arrives, and does not depend on the scale of the weights.
# - The adjoint recursion gives the exact gradient with one double backward pass per step; it agrees with the full unroll up to rounding.
# - Its activation memory does not grow with the number of steps; only the stored weight vectors do.
# - TESLA drops the Hessian term.
#   Its error is zero for a single step, and grows with the number of steps and with the step size.
# - A learned step size needs a guard.
# - On digits, ten to sixty iterations bring the student closer to the expert on all three seeds, and the images of frequent classes get the larger share of the gradient.
#
# Scores of students after many iterations are the subject of chapter 07.

# %%
print(notebook.versions())

# %% [markdown]
# ## Check yourself
#
# <details><summary>The matching loss of a student is 1.3. What happened?</summary>
#
# It ended further from the target than it began: its steps were too long, or led elsewhere.
#
# </details>
#
# <details><summary>What grows with the number of student steps under the adjoint recursion?</summary>
#
# The stored weight vectors, one per step, and the time. Activations of one step at a time are all that is in memory.
#
# </details>
#
# <details><summary>Why must the learned step size be guarded?</summary>
#
# It is learned by gradient descent like the images. Below zero the student climbs; far above, it diverges, and its gradient explodes with it.
#
# </details>
#
# ## Exercises
#
# > **1.** Show from the recursion that TESLA's gradient is exact for $N = 1$, for the images, the labels *and* the step size.
#
# <details><summary>Answer</summary>
#
# With one step, only $a_1 = a_N$ is used, which is the same in both.
# The Hessian enters for the first time in $a_0$, which would be needed only if the start $w_0$ were learned too.
#
# </details>
#
# > **2.** Let $\ell$ be quadratic with a fixed Hessian $H$.
# > What is $a_0$, and for which step sizes does it explode?
# > What happens to the student at the same time?
#
# <details><summary>Answer</summary>
#
# $a_0 = (I - \eta H)^N a_N$.
# Along an eigenvector with eigenvalue $h$ it grows when $|1 - \eta h| > 1$: for $h > 0$ that is $\eta > 2 / h$, for $h < 0$ any $\eta > 0$.
# The student's error along this direction is multiplied by the same factor at every step: the gradient explodes exactly when the student diverges.
#
# </details>
#
# > **3.** The recursion evaluates each $g_i$ twice: once on the way forward, once with a graph.
# > Why not keep the graph of the first evaluation?
#
# <details><summary>Answer</summary>
#
# A graph holds the activations of its step.
# Keeping all $N$ of them is the full unroll.
# The second evaluation is the price of constant memory: one more forward and backward pass per step.
#
# </details>
#
# > **4.** A matching loss of 0.5: has the student covered half of the distance?
#
# <details><summary>Answer</summary>
#
# No.
# The loss is a squared distance: on the straight line to the target, half of the distance gives 0.25, and 0.5 means $1 - \sqrt{0.5} \approx 29\,\%$ of it.
# Off the line there is no such reading: a student that moves sideways moves a lot without getting any closer.
#
# </details>
#
# **Next:** chapter 05 looks at the student's own loss: with balanced images it cannot follow a biased expert, unless the loss is biased too.
