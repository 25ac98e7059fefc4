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
# # How to read this book
#
# **Question.** Some classes of a data set have thousands of images, others a handful.
# Can a few images per class, chosen or made for the purpose, train a network that still knows *every* class?
#
# This chapter shows the problem and a first answer, live, in a minute or two.
# Then it says how the other chapters are built.
# You need to know PyTorch and what a classifier is; everything else is explained when it is needed.
#
# > **After this chapter you can**
# >
# > - say what a long tail does to a network, and what a small balanced set changes;
# > - read every table of differences: the difference, its margin behind ±, `n`, resolved or not;
# > - run a chapter, and one cell of a published table, yourself.
#
# > **In one minute.**
# > A network trained on a long tail answers with the frequent classes too often.
# > Train it on a few images of *each* class instead, and it knows the rare ones again, but less about the frequent ones, since most images were thrown away.
# > *Dataset distillation* looks for a few images per class that teach more than the same number of real ones.
# > This book asks how far that goes when the data have a long tail, with every number next to the cell that shows it.

# %% tags=["colab", "remove-cell"]
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    home = "git+https://github.com/address--not-set/long-tailed-distillation-book"
    source = os.environ.get("LTDD_SOURCE", home)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

# %% tags=["parameters"]
seeds: tuple = (0, 1, 2)  # one network of each kind per seed
epochs: int = 100  # over the whole long tail; the small set has the 300 of its recipe

# %% [markdown]
# ## The problem, on real images
#
# *Digits-LT* is made of scikit-learn's scanned handwritten digits, so it needs no download.
# The training set is cut to a **long tail**: 120 zeros, fewer ones, and so on down to six nines.
# The test set stays balanced, 50 images of each digit.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ltdd_utils import notebook, plots, recipes
from ltdd_utils.data import DataConfig, load
from ltdd_utils.runs import run

figure = notebook.Figures("00")
data = load(DataConfig("digits", imbalance_factor=20))
of_digit = [data.train_images[data.train_labels == c] for c in range(data.classes)]
rows = {f"image {i + 1}": [images[i] for images in of_digit] for i in range(3)}
figure(
    plots.image_rows(rows, over=[f"{c}\n{len(own)}" for c, own in enumerate(of_digit)]),
    "Three training images of each digit in Digits-LT; above them, how many there are.",
    "Three rows of the handwritten digits zero to nine, with the numbers from 120 for "
    "zero down to six for nine.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.class_counts({"20": data.counts}, data.class_names, log=False),
    "The training images of each digit in Digits-LT: from class to class the number "
    "falls by the same factor, to a twentieth at the end.",
    "Ten rows, zero to nine. The number of images falls in a curve, steeply at first, "
    "from 120 zeros to six nines.",
)

# %% [markdown]
# The ratio of the largest to the smallest class, here $120 / 6 = 20$, is the **imbalance factor** (IF).
# CIFAR-10-LT with IF 100, a setting that both papers report, goes from 5,000 airplanes down to 50 trucks.
#
# ## What the tail does to a network
#
# Train one small convolutional network on all of Digits-LT and another on six random images of each digit, then look at each class of the balanced test set.
# Both are trained for a few hundred steps.

# %%
whole = recipes.with_overrides(
    recipes.recipe("full_digits"), {"evaluate.train.epochs": str(epochs)}
)
small, context = recipes.recipe("random_digits", ipc=6), notebook.context()
whole_set = [run(whole, seed=seed, students=1, context=context) for seed in seeds]
small_set = [run(small, seed=seed, students=1, context=context) for seed in seeds]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
per_class = {
    f"whole long-tailed set, {sum(data.counts)} images": [
        run.metrics.per_class for run in whole_set
    ],
    "6 random images per class, 60 images": [run.metrics.per_class for run in small_set],
}
figure(
    plots.per_class_accuracy(per_class, data.counts, data.class_names),
    "Accuracy by class after training on the whole long tail, and on six images of "
    "each digit. A bar is a mean over networks, a dot one network.",
    "Two panels of bars. With the whole long tail the frequent digits are nearly all "
    "right and the rarest ones fall off; with six images of each digit the bars are "
    "lower, and no longer ordered by frequency.",
)

# %% [markdown]
# Each bar is the mean of three networks, one per seed, and each dot one of them.
# For the small set, a new seed also draws different images.
#
# The network trained on the whole set misses the rarest digits far more often than the others.
# A *balanced* set, a fraction of the size, favours no digit for being frequent: the accuracy on a digit depends on how hard that digit is.
# It leaves out most of the head, and is still the better training set for the tail.
# (Of the nines, the rarest digit, it has no more than the whole set: the same six images.)
# The table shows that, and its cell checks it on every seed: the page is not built if it fails.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd

tail = {
    name: [round(run.metrics.tail.mean, 3) for run in runs]
    for name, runs in (("whole", whole_set), ("balanced", small_set))
}
assert all(
    balanced > whole
    for balanced, whole in zip(tail["balanced"], tail["whole"], strict=True)
)  # on every seed
rows = pd.DataFrame(tail, index=[f"seed {seed}" for seed in seeds]).T
notebook.table(100 * rows, "Accuracy on the rarest third of the digits, %")

# %% [markdown]
# **Dataset distillation** asks for more than a random balanced choice: a set of the same small size whose images (and labels) are *optimised* so that a network trained on it comes close to one trained on everything.
# **Long-tailed** dataset distillation starts from a long-tailed set and looks for a tiny, balanced set that serves every class.
# This book examines two papers:
#
# | | paper 1: *Distilling Long-tailed Datasets* (CVPR 2025) | paper 2: *Rethinking Long-tailed Dataset Distillation* (AAAI 2026) |
# |---|---|---|
# | idea | the student's training on the small set should follow the path that **experts** took on the real set | a trained network should measure the same **statistics** on the small set as on real images |
# | against the tail | **DAM**: weight the student's loss so that it imitates the biased expert. **ED**: two experts, one for features, one for the classifier | train the network without the bias, count every class alike in its statistics |
# | labels | one learned **soft label** (a distribution over the classes) per image | a **teacher** labels every augmented view of an image (a random crop, mirrored or not) |
#
# Paper 2 was read in full.
# Paper 1 was not: we know it from its published tables, public summaries and released code, and say "a summary of the paper" where one of these is the source.
# The source of each printed number is on the [reproduction page](../book/reproduction.md#where-the-published-numbers-were-read).
#
# ## When does a difference count?
#
# A score moves with the seed, so a difference of two scores may be luck.
# Every table of differences in this book has the same columns; here they are for the tail above:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ltdd_utils import analysis
from ltdd_utils.analysis import contrasts

runs = {name: analysis.Scores(scores, seeds) for name, scores in tail.items()}
pairs = {"balanced - whole": (runs["balanced"], runs["whole"])}
notebook.table(
    contrasts(pairs), "The tail after training on the balanced set and on the whole one"
)

# %% [markdown]
# - First stands the **difference**, in percentage points.
#   Runs with the same seed share what the seed decides (in later chapters, experts and teachers), so they are compared in **pairs**; other runs are compared by their means.
# - Behind ± stands the **margin**, which the difference must exceed to be **resolved**: two standard errors, or more where there are few runs, by the 95 % interval of the t distribution.
#   The sign says whether it does: ● resolved, ○ not.
#   "Not resolved" contradicts nothing: these runs cannot tell.
# - n counts the pairs, or the runs on either side.
#   In later chapters a run is a *pipeline*: experts, distilled set and teacher of one seed, with the mean of its students.
#
# [How we count](../book/counting.md) has the formulas, a difference worked out, what stands in where there are fewer than three runs, and what no repeat in this book shows.
#
# ## How a chapter works
#
# 1. A question, then the mathematics, one step at a time.
# 2. The *real* source of the function that does it, printed from the package: what you read is what runs.
# 3. An experiment on real data, a minute or two on two processor cores.
# 4. What was recorded in long runs, read from `results/`.
#    A number that was never measured says "not run".
# 5. A summary of what we saw, and exercises with folded answers.
#
# Every claim is next to a cell that shows it.
# Numbers in the text of a chapter come from the papers or from arithmetic; measured numbers are printed by a cell, never typed in.
#
# This is how a chapter shows a function:

# %%
from ltdd_utils.data import class_counts

notebook.source(class_counts)

# %% [markdown]
# ## Words
#
# | word | meaning |
# |---|---|
# | imbalance factor (IF) | images of the largest class over images of the smallest, at least 1 |
# | images per class (IPC) | size of the distilled set: IPC 10 on ten classes is 100 images |
# | expert | a network trained on the real, long-tailed data |
# | student | a fresh network trained on the distilled set; its test accuracy is the score |
# | teacher, observer | experts of the second paper: one labels, one supplies the statistics |
# | class prior | the share of each class in the long-tailed set, $\pi_c = n_c / N$ |
# | head, middle, tail | the classes in three equal groups by their number of images |
# | protocol | exactly how a student is trained and which labels it may see; part of every number |
#
# ## Run it yourself
#
# - **In JupyterLab:** `make lab`, in a clone; it makes the environment if it is not there.
#   The `.py` files are the sources; `make sync` writes the `.ipynb`.
# - **In Colab:** the rocket at the top of the page, which is there once the repository's address is set.
#   The first cell, hidden in the book, installs the package there.
# - **Headless:** `papermill notebooks/00_how_to_read.ipynb out.ipynb -p epochs 50`.
#   Papermill only warns of a parameter that a chapter does not have and runs it with the usual ones; `python tools/run_notebooks.py 00 -p epochs 50` refuses it.
# - **One table cell:** `ltdd show random_cifar10` prints the settings, the published number and the cost; `ltdd run random_cifar10` runs it, resumes after an interruption, and writes one JSON record.

# %%
print(notebook.versions())

# %% jupyter={"source_hidden": true} tags=["hide-input"]
notebook.checked()

# %% [markdown]
# ## What we saw
#
# - A long tail makes a network miss its rare classes, although it does have images to learn them from.
# - A small balanced set repairs the tail and pays for it at the head.
#   Closing that gap is what distillation is for.
#
# ## Check yourself
#
# <details><summary>Why does the test set of a long-tailed benchmark stay balanced?</summary>
#
# So that every class counts the same. On a long-tailed test set a network that never answers with a rare class would lose almost nothing.
#
# </details>
#
# <details><summary>A table says: +1.2 ± 1.6 ○. What may you conclude?</summary>
#
# That these pipelines cannot tell the two apart. It is *not* shown that they are equal: a true difference of a point would look like this often enough.
#
# </details>
#
# <details><summary>Student, expert, teacher: which of them sees real images?</summary>
#
# The expert and the teacher. A student sees the distilled set alone, and its test accuracy is the score of that set.
#
# </details>
#
# ## Exercises
#
# > **1.** With IF 20 and a largest class of 120 images, how many images does the smallest class have, and how many would it have at IF 100?
#
# <details><summary>Answer</summary>
#
# $120 / 20 = 6$, and $120 / 100 = 1.2$, rounded down to 1.
# At IF 200 no image would be left, and `class_counts` raises an error.
#
# </details>
#
# > **2.** The balanced set has 60 images, the whole set several hundred.
# > Why is it unfair to call the small one "better"?
#
# <details><summary>Answer</summary>
#
# It is better for the tail and worse for the head.
# Which one wins overall depends on how the test set weighs the classes; here, as in both papers, every class counts the same.
# And the fair competitor is a network trained on the whole set with a loss that removes the bias (chapter 01): nobody has to train naively on long-tailed data.
#
# </details>
#
# > **3.** Change `seeds` to `(3, 4, 5)` at the top and run the chapter again.
# > Which statements should still hold, and which numbers move?
#
# <details><summary>Answer</summary>
#
# The order of the two tails should hold; single bars of the tail move by several points, since each is measured on only 50 test images and the rarest classes are learned from six.
# The long-tailed subset does not change, since it has its own seed (`subset_seed`); the images drawn from it do.
#
# </details>
#
# **Next:** chapter 01 takes the long tail itself apart: which images it contains, how classes are grouped, how pixels are prepared.
