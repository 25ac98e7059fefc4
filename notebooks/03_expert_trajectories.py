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
# # Expert trajectories: biased and decoupled
#
# *Builds on chapter 01.*
#
# **Question.** Paper 1 makes its set from the training of networks on the long tail, its *experts*.
# What does such an expert know about the head and the tail?
# Where in its weights is the bias, and what do experts without it cost?
#
# **Claim.**
# An expert trained on the long tail is sure of head images and unsure of tail images.
# Train its *last layer alone* again, on the same images but every class equally often, and it becomes surer of the tail: the features were better than the classifier's use of them.
# A cell below checks this on three seeds.
#
# > **After this chapter you can**
# >
# > - say what an expert trajectory is, and what of it a distillation reads;
# > - show where in an expert's weights the bias of the long tail sits;
# > - train and store both kinds of experts, and tell what the second stage costs.
#
# > **In one minute.**
# > Paper 1 does not compare images with images but *training runs* with training runs.
# > An expert is a network trained on the real long tail; its weights after every epoch, $\theta_0, \theta_1, \dots$, are its trajectory.
# > On a long tail the expert's last layer favours frequent classes, while its features remain useful for all of them.
# > So *expert decoupling* adds a second, cheap stage: freeze the features and train the last layer again on re-balanced batches.

# %% tags=["colab", "remove-cell"]
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    home = "git+https://github.com/address--not-set/long-tailed-distillation-book"
    source = os.environ.get("LTDD_SOURCE", home)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)
# %% tags=["parameters"]
seeds: tuple = (0, 1, 2)  # one expert each

# %% tags=["remove-input"]
from ltdd_utils import notebook

figure = notebook.Figures("03")
figure.picture("paper_1")

# %% [markdown]
# ## A trajectory is a list of weight vectors
#
# Put all parameters of a network into one vector $\theta \in \mathbb{R}^D$.
# Training for $E$ epochs visits
#
# $$ \theta_0, \theta_1, \dots, \theta_E, $$
#
# one **snapshot** before training and one after each epoch.
# The list is the expert's **trajectory**.
# The distillation needs the real images only once more, for the start of the distilled set (chapter 06).
# After that it reads two snapshots, $\theta_e$ and $\theta_{e+2}$, and looks for images on which a student moves from the first to the second (chapter 04).
#
# Paper 1 cuts the vector in two: $\theta = (b, W)$, the **backbone** $b$, whose output is the feature vector $f_b(x)$, and the **classifier** $W$, one linear layer on top.
# The position of the cut is not typed in: `Layout` reads it from the network:

# %%
from ltdd_utils import notebook, plots, recipes
from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.trajectory.training import train_experts
from ltdd_utils.networks import Layout
from ltdd_utils.runs import start

recipe, context = recipes.recipe("damed_digits"), notebook.context()
runs = [start(recipe, seed, context) for seed in seeds]
data, cfg = runs[0].data, recipe.method.experts
network = runs[0].template(cfg.network)
layout = Layout.of(network)
parts = {part: layout.part(part) for part in ("all", "backbone", "classifier")}
print(
    *(f"{name}: weights {s.start:,} to {s.stop:,}" for name, s in parts.items()), sep="\n"
)

# %% [markdown]
# ## Stage 1: representation experts
#
# A **representation expert** is trained on the long tail as it is: cross-entropy with integer labels, the augmentation DSA (chapter 02), every image once per epoch.
# In one epoch here the head class comes 120 times and the last class 6 times.
# MTT and DATM, the two older methods that chapter 04 explains, use only experts of this kind.

# %%
from ltdd_utils.methods.trajectory import experts as stages

notebook.source(stages.representation_expert)

# %% [markdown]
# Three lines are the method: `label_objective`, cross-entropy on augmented images; `Snapshots`, which keeps the weights of an epoch; `train`, the loop.
# The rest draws the random start, and lets an interrupted run go on.
#
# Many experts are trained so that a distilled set does not learn the peculiarities of one.
# Each has its own random initial weights and its own batches.
# Here we train one for each seed, through both stages, and keep *every* epoch, which a recipe would not need.

# %%
keep = range(cfg.train.epochs + 1), range(cfg.classifier_epochs + 1)
trained = [train_experts(cfg, run, *keep, only=[0]) for run in runs]
last = [experts.snapshot(0, cfg.train.epochs) for experts in trained]
print(
    f"{len(last)} experts, {len(keep[0])} snapshots of each, of {last[0].numel():,} weights"
)

# %% [markdown]
# So a trajectory is a curve in a space of as many dimensions as there are weights.
# To see three of them, move their random starts to one point and look at the plane in which they spread the most (the first two principal components; the title says how much of the spread lies in it):

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import torch

walks = {
    f"expert of seed {s}": torch.stack([e.snapshot(0, epoch) for epoch in keep[0]])
    for s, e in zip(seeds, trained, strict=True)
}
figure(
    plots.paths({"": {name: walk - walk[0] for name, walk in walks.items()}}),
    "Three representation experts on their way from their own starts, in the plane of "
    "the first two principal components. A dot is an epoch, a full mark the last one.",
    "Three curves from one point in three directions. Their first epochs are the longest "
    "steps, the last ones lie close together.",
)

# %% [markdown]
# ## What it knows about the head and the tail
#
# Give each expert the test images, and look at the probability that it assigns to the true class: its **confidence**.
# All ten classes have equally many test images.

# %%
import torch
from ltdd_utils.data import rank_thirds
from ltdd_utils.methods.trajectory.initial import answers

images = runs[0].test_images()
labels, apply = data.test_labels, layout.apply(network.to(context.device))


def probabilities(flat):
    return answers(apply, flat.to(context.device), images).softmax(dim=1).cpu()


biased = [probabilities(flat) for flat in last]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
thirds = {name: torch.tensor(group) for name, group in rank_thirds(data.counts).items()}


def by_third(outputs):
    sure = torch.stack([p.gather(1, labels[:, None])[:, 0] for p in outputs])
    rows = {name: torch.isin(labels, thirds[name]) for name in ("head", "tail")}
    return {name: sure[:, inside].flatten() for name, inside in rows.items()}


# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.confidence({"": by_third(biased)}),
    "How sure the representation experts are of the true class of test images, after "
    "the last epoch: nearly always sure in the head, often wrong in the tail.",
    "A histogram. The head third piles up at probability one; the tail third is "
    "spread over all probabilities, with many images near zero.",
)

# %% [markdown]
# A summary of the paper gives 0.97 for head and 0.38 for tail images of its experts on CIFAR-10-LT (we have these two numbers from the summary, not from the paper's own text).
# Digits-LT shows the same order, with another network and other data.
# (These experts train for fewer epochs than the networks of chapter 01, and know even less of the tail.)
#
# ## Where the bias is
#
# The classifier gives class $c$ the logit $z_c = w_c \cdot f + \beta_c$: $f$ are the features of an image, $w_c$ is the class's row of $W$, $\beta_c$ its bias.
# With $p = \mathrm{softmax}(z)$ and the label $y$, cross-entropy has the gradient
#
# $$ \frac{\partial \ell}{\partial w_c} = (p_c - [y = c])\, f . $$
#
# ($[y = c]$ is 1 if the image is of class $c$, and 0 otherwise.)
# So an image pulls the row of its own class towards its features, by $1 - p_y$, and pushes all other rows away from them, by $p_c$.
# Of $N$ images, $n_c$ are of class $c$.
# Over an epoch row $c$ is pulled in proportion to this share, $\pi_c = n_c / N$, and pushed in proportion to $1 - \pi_c$.
# For very small steps, with $t$ the time of training and $\mathbb{E}$ the mean over the images, the length of the row changes by
#
# $$ \tfrac12 \frac{d}{dt} \|w_c\|^2 = -\, w_c \cdot \mathbb{E}\, \frac{\partial \ell}{\partial w_c} = \mathbb{E}\big[ ([y = c] - p_c)\, w_c \cdot f \big], $$
#
# and weight decay shrinks all rows alike.
# Where $w_c \cdot f > 0$, the term with $[y = c]$ lengthens the row; a rare class gets little of it, so its row hardly grows.
# In a long training, weight decay shortens it as well.
# This is a tendency and not a theorem, but the lengths can be measured:


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def norms(flat):
    return layout.split(flat)["classifier.weight"].norm(dim=1)


before = torch.stack([norms(flat) for flat in last])
fresh = torch.stack([norms(e.snapshot(0, 0)) for e in trained])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.class_profiles(
        {"before training": fresh, "last epoch": before},
        data.counts,
        data.class_names,
        "length of the class's row",
    ),
    "Length of each class's row in the classifier, before training and after the last "
    "epoch. Training lengthens the rows of frequent classes most. Whiskers span the "
    "seeds.",
    "Ten rows of digits with two dots each. Before training all are equal; after it "
    "the rows of frequent digits are longer, and those of the rarest hardly changed.",
)

# %% [markdown]
# ## Stage 2: classifier experts
#
# A **classifier expert** starts from the last snapshot of a representation expert.
# Its backbone is frozen, and only $W$ is trained, on the same long tail in a **class-aware order**:
#
# - classes come in cycles, shuffled anew each time;
# - each draw takes four images of the class;
# - the images of a class come in such cycles too.
#
# In recognition this recipe is known as re-training the classifier ([arXiv 1910.09217](https://arxiv.org/abs/1910.09217)).

# %%
from ltdd_utils.methods.trajectory import sampling

notebook.source(sampling.class_aware_order)

# %%
length = max(data.counts) * data.classes  # of an epoch, as released
order = sampling.class_aware_order(data.train_labels, cfg.samples_per_class, length)
shown = order(generator(0, "look"))
of_image = shown.bincount(minlength=len(data.train_labels))
times = [of_image[data.train_labels == c] for c in range(data.classes)]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd

drawn = {
    "in a natural epoch": data.counts,
    "in a class-aware one": [int(t.sum()) for t in times],
    "times each image": [f"{t.min()} to {t.max()}" for t in times],
}
drawn = pd.DataFrame(drawn, index=pd.Index(data.class_names, name="digit"))
notebook.table(drawn, "How often images of a digit are drawn")

# %% [markdown]
# Every class is shown equally often.
# The last column has the price: the few images of the tail come again and again.
# Only one layer is left to learn them with, so there is little room to memorise them (exercise 4 looks for it).
# This is the source of that stage, which uses SGD without momentum or weight decay; `requires_grad_` freezes the network and then frees its classifier:

# %%
notebook.source(stages.classifier_expert)

# %% [markdown]
# Snapshot 0 of the second stage *is* the last snapshot of the first.
# After that only the classifier moves, so the first and last snapshots of stage 2 differ only there:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
experts = trained[0]
begin, end = (experts.classifier_snapshot(0, e) for e in (0, cfg.classifier_epochs))
assert torch.equal(begin, last[0])
parts = ("backbone", "classifier")
moved = {part: (end - begin)[layout.part(part)].norm().item() for part in parts}
moved = pd.Series(moved, name="distance")
notebook.table(moved, "From the first to the last snapshot of stage 2", digits=3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
stage_norms = {
    "stage 1": (keep[0], torch.stack([norms(experts.snapshot(0, e)) for e in keep[0]])),
    "stage 2": (
        keep[1],
        torch.stack([norms(experts.classifier_snapshot(0, e)) for e in keep[1]]),
    ),
}
figure(
    plots.classes_over_epochs(stage_norms, data.counts, "length of the class's row"),
    "Length of each class's row over the epochs of both stages, one line per class, for "
    "the first seed. Stage 1 spreads the rows by frequency; stage 2, on balanced draws, "
    "lets the short ones catch up.",
    "Two panels of ten lines. In stage 1 they fan out, head above tail; in stage 2 "
    "all rise and come closer together.",
)

# %% [markdown]
# In stage 1 the lengths of the rows spread by class size.
# In stage 2 every class contributes equally many images: all rows grow, and the short ones grow by the largest factor, so the ratio shrinks:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
final = [e.classifier_snapshot(0, cfg.classifier_epochs) for e in trained]
after = torch.stack([norms(flat) for flat in final])
stages = {"after stage 1": before, "after stage 2": after}
ratio = {n: (rows.amax(1) / rows.amin(1)).tolist() for n, rows in stages.items()}
ratio = pd.DataFrame(ratio, index=[f"seed {seed}" for seed in seeds])
notebook.table(ratio, "Longest row of the classifier over the shortest", digits=2)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
decoupled = [probabilities(flat) for flat in final]
figure(
    plots.confidence(
        {
            "representation experts": by_third(biased),
            "classifier experts": by_third(decoupled),
        }
    ),
    "Confidence in the true class before and after stage 2. The tail third moves to "
    "the right, the head third loses a little.",
    "Two histograms side by side. On the left the tail third has a pile near zero; on "
    "the right the pile is gone, and the means of head and tail lie closer.",
)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def class_accuracy(p):
    right = (p.argmax(dim=1) == labels).double()
    return [right[labels == c].mean().item() for c in range(data.classes)]


# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.per_class_accuracy(
        {
            "representation experts": [class_accuracy(p) for p in biased],
            "classifier experts": [class_accuracy(p) for p in decoupled],
        },
        data.counts,
        data.class_names,
    ),
    "Accuracy of the experts by class, before and after stage 2; a dot is a seed. The "
    "rarest digits gain most.",
    "Two panels of bars. Those of the last digits are short on the left and longer on "
    "the right; the others are near one hundred in both.",
)

# %% [markdown]
# ## The claim, on three seeds
#
# The mean confidence of each expert, before and after stage 2; a cell checks the order on every seed:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
rows = {}
for seed, one, two in zip(seeds, biased, decoupled, strict=True):
    sure, sure_after = by_third([one]), by_third([two])
    rows[f"seed {seed}"] = {
        "head": sure["head"].mean().item(),
        "tail": sure["tail"].mean().item(),
        "head, stage 2": sure_after["head"].mean().item(),
        "tail, stage 2": sure_after["tail"].mean().item(),
    }
table = pd.DataFrame(rows).T
assert (table["head"] > table["tail"]).all()
assert (table["tail, stage 2"] > table["tail"]).all()
longer = before[:, thirds["head"]].mean(dim=1) > before[:, thirds["tail"]].mean(dim=1)
assert bool(longer.all())  # the head's rows are the longer ones

# %% jupyter={"source_hidden": true} tags=["hide-input"]
heads = {"head": "head, stage 1", "tail": "tail, stage 1"}
notebook.table(table, "Confidence in the true class", names=heads, digits=2)

# %% [markdown]
# The head loses a little confidence while the tail gains.
# The tail stays behind the head.
# Stage 2 is short, and the tail's features were learned from few images; chapter 06 measures the features themselves.
#
# ## GSAM: how the released experts are trained
#
# The released experts are not trained with plain gradients, but with **GSAM**, which prefers flat regions of the loss.
# It goes a short step uphill and takes the gradient there.
# From that it subtracts a multiple of the part of the old gradient that is orthogonal to the new one.
# Every step costs two forward and two backward passes.
# Scale `paper` uses it in both stages (`method.experts.gsam`); the small scales do not.

# %%
from ltdd_utils.methods.trajectory import gsam

notebook.source(gsam.gsam_backward)

# %% [markdown]
# ## What is kept on disk
#
# The release stores every snapshot of both stages in full precision, for 100 experts, and the frozen backbone again with every snapshot of stage 2.
# The recipe below reads much less: the epochs from which a student may start or at which it may aim (chapter 04), the last one, and the classifier of stage 2 at three epochs.
# The sizes follow from the network and the recipe:

# %%
from ltdd_utils.networks import build

paper = recipes.recipe("damed_cifar10", imbalance_factor=100, ipc=10, scale="paper").method
whole = Layout.of(build(paper.experts.network, 10, 32, 3, generator(0, "shape")))
head = whole.size - whole.backbone
epochs, second = paper.experts.train.epochs, paper.experts.classifier_epochs
released = whole.size * (epochs + 1 + second + 1)
needed = whole.size * len(paper.snapshots) + head * len(paper.classifier_snapshots)
print(f"{whole.size:,} weights, {head:,} of them the classifier's")
read, later = len(paper.snapshots), paper.classifier_snapshots
print(f"stage 1: {read} of {epochs + 1} snapshots are read; stage 2: {list(later)}")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
sizes = {
    "all snapshots, float32 (released)": 4 * released,
    "those that are read, float32": 4 * needed,
    "those that are read, bfloat16": 2 * needed,
}
total = {n: b * paper.experts.count / 1e9 for n, b in sizes.items()}
share = {n: 100 * b / (4 * released) for n, b in sizes.items()}
sizes = pd.DataFrame({"GB for all experts": total, "share, %": share})
notebook.table(sizes, "What trajectories take", digits={"GB for all experts": 2})

# %% [markdown]
# An expert is one memory-mapped file, a row per kept epoch; a request for an epoch that was not kept raises an error that names the command to make it.
#
# ## What stage 2 costs
#
# A summary of the paper says that decoupling doubles the computational cost.
# For the experts this can be measured on this page, and counted at the settings of two larger scales, `paper` and `cpu`.
# The unit of the count is one forward pass of one image.
# A backward pass counts twice as much, and a frozen backbone needs none.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
seconds = [run.ledger.seconds for run in runs]
seconds = pd.DataFrame(seconds, index=[f"seed {s}" for s in seeds])
seconds = seconds[["experts", "classifier experts"]]
seconds["stage 2 / stage 1"] = seconds.iloc[:, 1] / seconds.iloc[:, 0]
heads = {"experts": "stage 1, s", "classifier experts": "stage 2, s"}
notebook.table(seconds, "Seconds of both stages", names=heads, digits=2)

# %%
from ltdd_utils.data import class_counts

counts = class_counts(5000, 100, 10)
rows = {}
for scale in ("paper", "cpu"):
    cell = {"imbalance_factor": 100, "ipc": 10, "scale": scale}
    of_scale = recipes.recipe("damed_cifar10", **cell).method.experts
    epochs = of_scale.train.epochs, of_scale.classifier_epochs
    images_1, images_2 = epochs[0] * sum(counts), epochs[1] * max(counts) * len(counts)
    twice = 2 if of_scale.gsam else 1  # gradients per step
    passes = twice * images_1 * 3, twice * images_2
    rows[scale] = (*epochs, *passes, passes[1] / passes[0])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
columns = ["epochs, stage 1", "stage 2", "forward passes, stage 1", "of stage 2", "ratio"]
costs = pd.DataFrame(rows, index=columns).T
assert costs.ratio["paper"] < 0.2 < 2 * costs.ratio["paper"] < costs.ratio["cpu"]
assert costs["stage 2"].nunique() == 1  # stage 1 alone was cut
costs = costs.astype({name: int for name in columns[:4]})
heads = {"stage 2": "epochs, stage 2", "of stage 2": "forward passes, stage 2"}
caption = "What stage 2 adds, at two scales"
notebook.table(costs, caption, names=heads, digits={"ratio": 3})

# %% [markdown]
# So for the experts decoupling does not double the cost: at the paper's settings stage 2 adds less than a fifth.
# It is short, and it needs no backward pass through the backbone.
# At scale `cpu` it adds more, for a reason that is ours alone: there stage 1 was cut and stage 2 was not.
# (Seconds say the same of the recorded experts: chapters 07 and 17.)
# The other half of decoupling is the second phase of matching: chapter 04 has its seconds beside those of the first, and chapter 06 explains it.
#
# > **Where the released code differs.**
# > Its settings for stage 2 contain a bound of 0.1 on the length of the classifier's rows (MaxNorm), but its expert script never applies it.
# > Here `method.experts.max_norm` is 0 (no bound), as for the released experts.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
notebook.checked()

# %% [markdown]
# ## What we saw
#
# - A trajectory is a list of flat weight vectors, and `Layout` says which part of them is backbone and which is classifier.
# - A representation expert is surer of head than of tail images, and the rows of its classifier are on average longer for the head than for the tail.
# - A few class-aware epochs on the classifier alone recover a good part of the tail.
#   The backbone did not move.
# - Both stages together need a fraction of the disk space of storing everything, and at the paper's settings the second stage costs little compared with the first.

# %%
print(notebook.versions())

# %% [markdown]
# ## Check yourself
#
# <details><summary>Which parameters does a classifier expert change?</summary>
#
# The last linear layer alone, weight and bias. Its backbone is that of the representation expert's last snapshot, bit for bit.
#
# </details>
#
# <details><summary>Why is the length of a classifier's row a sign of bias?</summary>
#
# A longer row gives larger logits for the same angle between features and row, so its class is answered more often. On a long tail the rows of frequent classes get more gradient, and grow longer.
#
# </details>
#
# <details><summary>Must all snapshots be kept?</summary>
#
# No: only those from which a student may start, the targets two epochs later, and the last one.
#
# </details>
#
# ## Exercises
#
# > **1.** An epoch of stage 2 has $n_{\max} C$ images.
# > How often does it show each image of a class with $n_c$ images?
# > What is that number for the rarest class of CIFAR-100-LT at IF 50, and over all ten epochs?
#
# <details><summary>Answer</summary>
#
# Each class gets $n_{\max}$ images, so each of its images comes $n_{\max} / n_c$ times: once for the head, IF times for the rarest class.
# At IF 50 that is 50 times an epoch, 500 times in ten epochs (with another augmentation each time).
#
# </details>
#
# > **2.** Show that multiplying all rows of $W$ and all biases by the same factor $a > 1$ changes no prediction.
# > Does it change the confidence?
# > Why does the table of this chapter then look at the *ratio* of row lengths?
#
# <details><summary>Answer</summary>
#
# All logits are multiplied by $a$, so their order stays, and the softmax becomes sharper: the probability of the predicted class rises.
# So the confidence, here that of the true class, rises on every correctly classified image, and eventually falls to 0 on the others.
# The common length acts as a temperature; only differences between rows favour classes.
# The ratio does not depend on the common factor.
#
# </details>
#
# > **3.** Which snapshots must be kept for a recipe with the window $T^- = 0$, $T^+ = 40$, two epochs between start and target, and experts of 100 epochs?
#
# <details><summary>Answer</summary>
#
# Start epochs are drawn from 0 to 39 and targets lie two epochs later, so epochs 0 to 41 are needed, and epoch 100, from which stage 2 starts and the initial labels come: 43 of 101.
# `recipe.method.snapshots` is this list.
#
# </details>
#
# > **4.** Stage 2 shows tail images many times.
# > Set `method.experts.classifier_epochs` to 50 with `recipes.with_overrides` and draw the confidence on *training* and on test images of the tail, epoch by epoch.
# > What would tell you that stage 2 has become too long?
#
# <details><summary>Answer</summary>
#
# A gap that widens: confidence on the tail's training images keeps rising while that on its test images stops or falls.
# Then the classifier fits the few available images, and labels made by it (chapter 06) say more about these images than about their class.
#
# </details>
#
# > **5.** Reverse the class order (`data.class_order=reversed`) and look at the row lengths.
# > What would you expect, and what would it mean if digit 0 had the longest row again?
#
# <details><summary>Answer</summary>
#
# The order of the lengths should be reversed with the counts.
# If digit 0 kept the longest row, the length would reflect the digit (its ink, its distance from the others) and not its frequency.
#
# </details>
#
# **Next:** chapter 04 lets a student on synthetic images follow such a path, and computes how the images must change.
