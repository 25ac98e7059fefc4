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
# # Ablations and controls
#
# **Question.** Both papers add parts one at a time and print what each part gives.
# But a part can only be credited with what a *control* without it lacks, and nothing that we read of either paper shows the plainest controls: the set before its first iteration, random images under the same labels, a wrong class prior.
# **Step by step, from the plainest control to the full method: which steps can be seen?**
#
# This chapter trains nothing.
# It reads records: one JSON file per run, made by `ltdd run`, with settings, scores, seconds and the commit that computed them.
# A control that was not run stands in its table with the command that runs it.

# %% tags=["colab", "remove-cell"]
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    home = "git+https://github.com/your-name/long-tailed-distillation-book"
    source = os.environ.get("LTDD_SOURCE", home)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

# %% [markdown]
# ## What is read
#
# Runs on CIFAR-10-LT (IF 100, ten images per class, scale `cpu`; chapters 07 and 12 say what is reduced) and, where there are any, on **Digits-LT** (IF 20, ten images per class, scale `tiny`), where three whole pipelines of a control take minutes.
# Digits are easier and small: they show whether a control matters *at all*, not by how much it would on the papers' data.
#
# A run is a recipe, judged by an evaluator (the protocol, its teacher, and the width of the students in brackets; chapter 13), with some settings changed.
# A **control** changes one thing.

# %%
import pandas as pd
from ltdd_utils import analysis, notebook, plots, recipes, records
from ltdd_utils.analysis import contrasts, variants
from ltdd_utils.data import DATASETS, longtail
from ltdd_utils.data import long_tailed as images
from ltdd_utils.records import targets

pd.set_option("display.max_colwidth", None)
where = records.default_records_dir()
recorded = records.load(where, allow_mixed=True, committed_only=True)
cell = analysis.select_cell(recorded, "cifar10", 100, 10)
rows = analysis.scores_by_evaluator(cell)
small = analysis.select_cell(recorded, "digits", 20, 10, "tiny")
small = analysis.scores_by_evaluator(small)
print(f"CIFAR-10-LT: {len(cell)} records, {len(rows)} settings; Digits-LT: {len(small)}")

# %%
as_named = "as the recipe"
stored, plain = "dsa-stored (32)", "online-teacher/plain (32)"
debiased = "online-teacher/debiased (32)"
score = {(r.method, r.evaluator, r.changed): r.pipelines for r in rows.itertuples()}
digits = {(r.method, r.evaluator, r.changed): r.pipelines for r in small.itertuples()}


def scores(method, judge, changed=as_named):
    return score.get((method, judge, changed), [])


def mean(*run):
    values = scores(*run)
    return analysis.percent(values)


# %% [markdown]
# Two more helpers: a table of controls on both data sets, and a ladder of steps.
# (Chapter 00 says when a difference counts as *resolved*.
# Where nothing was run twice under an evaluator, the spread is that of the whole cell.)


# %%
waiting = {}  # controls that were not run, and their commands


def controls_of(asked):
    large = analysis.control_table(rows, asked, "cifar10", "cpu")
    tiny = analysis.control_table(small, asked, "digits", "tiny")
    return pd.concat({"CIFAR-10-LT": large, "Digits-LT": tiny})


# %%
def table_of(asked):
    table = controls_of(asked)
    left = table.command[table.command != ""].items()
    waiting.update({(data, ", ".join(name)): command for (data, *name), command in left})
    return analysis.for_display(table[table.command == ""].drop(columns="command"))


def climb(ladder, among=score):
    return {name: among.get(tuple(run), []) for name, *run in ladder}


# %%
def both(ladder):
    large = analysis.stepwise(climb(ladder))
    tiny = analysis.stepwise(climb(ladder, digits))
    return pd.concat({"CIFAR-10-LT": large, "Digits-LT": tiny})


def draw(ladder):
    walk = climb(ladder)
    found = analysis.stepwise(walk)
    flags = found.verdict == "resolved"
    return plots.waterfall(list(walk), list(walk.values()), list(found.points), flags)


# %% [markdown]
# ## Paper 1, step by step
#
# From random real images with hard labels to the full method.
# The first two steps are made before any matching: choosing the images and labelling them with experts is part of the *initial set*.
#
# A bar goes from the score before a step to the score after it.
# It is filled where the difference is resolved, and hollow where it is not.
# The number beside it is the difference of the table below, on the seeds that both rows have; the bar runs between the means of all, so it can be a little longer or shorter.
# Whiskers are one standard deviation over pipelines.
# The figures are of CIFAR-10-LT.

# %%
start = "iterations=0"
ladder_1 = [
    ("random real images, hard labels", "random", stored, as_named),
    ("chosen and labelled by biased experts", "datm", stored, start),
    ("by experts with a re-balanced classifier", "damed", stored, start),
    ("+ matching, both kinds of experts", "ed_only", stored, as_named),
    ("+ DAM (the full method)", "damed", stored, as_named),
]
draw(ladder_1)

# %%
steps_1 = both(ladder_1)
analysis.for_display(steps_1)

# %% [markdown]
# A step is held against the last row that was run; chapter 00 explains the columns.
# (Random images have a pipeline per draw, the others one per distillation; on CIFAR-10-LT all distillations share four expert pairs.)
#
# Labels from biased experts are *worse* than no experts at all: they find no image of the rarest classes that they get right, so those classes start as noise.
# To re-balance the classifier that chooses and labels is the largest step of the ladder, because the one before it went down.
# From random images to the full method, the two together are most of the way, matching is a little and DAM a little more.
# On Digits-LT they have opposite signs: without DAM the matching takes a good part of the start away again, and with it next to nothing is lost.
#
# The order of the steps is a choice.
# The paper's own order begins at DATM:

# %%
good_start = "initial.experts=classifier"
ladder_2 = [
    ("DATM", "datm", stored, as_named),
    ("DATM from the good initial set", "datm", stored, good_start),
    ("decoupled experts in the matching too", "ed_only", stored, as_named),
    ("+ DAM (the full method)", "damed", stored, as_named),
]
draw(ladder_2)

# %% [markdown]
# On this path the good start earns next to nothing, because matching biased experts on all parameters takes it away again (chapter 07), and the same decoupling is worth the most when it comes into the matching.
#
# Or DAM comes first, and decoupled experts into the matching last.
# All four sets below begin with the same images and labels, those of the good start:

# %%
grid = {
    ("biased", "no DAM"): ("datm", stored, good_start),
    ("biased", "DAM"): ("dam_only", stored, good_start),
    ("decoupled", "no DAM"): ("ed_only", stored, as_named),
    ("decoupled", "DAM"): ("damed", stored, as_named),
}
four = pd.Series({name: mean(*run) for name, run in grid.items()}).unstack()
four.rename_axis("experts matched").round(1)[["no DAM", "DAM"]]

# %%
one_alone = {
    "DAM, biased experts": ("biased", "DAM", "biased", "no DAM"),
    "decoupled experts, no DAM": ("decoupled", "no DAM", "biased", "no DAM"),
    "DAM alone - decoupled experts alone": ("biased", "DAM", "decoupled", "no DAM"),
    "both - DAM alone": ("decoupled", "DAM", "biased", "DAM"),
    "both - decoupled experts alone": ("decoupled", "DAM", "decoupled", "no DAM"),
}
pairs = {k: (scores(*grid[v[:2]]), scores(*grid[v[2:]])) for k, v in one_alone.items()}
from_good = contrasts(pairs)
analysis.for_display(from_good)

# %% [markdown]
# From that start either part alone does most of what both do: each keeps the matching from teaching the tail's absence.
# The parts do not have a worth of their own; they have one *given what is there already*.
#
# ## Paper 2, step by step
#
# From random real images under a plain teacher to the full method.
# Only its first step changes what the student is told; the later ones change images alone.

# %%
ladder_3 = [
    ("random real images, plain teacher", "random", plain, as_named),
    ("debiased teacher", "random", debiased, as_named),
    ("confident crops", "unilevel_no_recovery", debiased, as_named),
    ("+ recovery, running statistics", "unilevel_no_calibration", debiased, as_named),
    ("calibrated statistics (the full method)", "unilevel", debiased, as_named),
]
draw(ladder_3)

# %%
steps_3 = both(ladder_3)
analysis.for_display(steps_3)

# %% [markdown]
# On Digits-LT the first step is not there: a plain teacher of digits knows most of the tail already (chapter 09).
# The other steps are a point or so, too.
# So the ladder's one large step belongs to data on which a plain teacher loses the tail.
#
# ## How much exists before the first iteration, and what do the iterations add?
#
# Hollow dots are initial sets, full dots what the iterations made of them, judged by the same students with the same labels.

# %%
started = {}
optimised = cell[(cell.scale == "cpu") & ~cell.whole_set]
for protocol in ("dsa-stored", "online-teacher/debiased"):
    for row in variants(optimised[optimised.protocol == protocol]).to_dict("records"):
        whole = row["changed"] == as_named and row["method"] not in (
            "rded",
            "unilevel_no_recovery",
        )
        if whole and any(value is not None for value in row["before"]):
            started[f"{row['method']}, {protocol}"] = row
started = pd.DataFrame.from_dict(started, orient="index")
plots.before_after(started.index, started.before, started.after)

# %% [markdown]
# A share of a score would say little: random images alone have most of it.
# So count from random images under the same judge.
# How far above them (or below) is each set before its first iteration, and after its last?

# %%
gained = analysis.gains(started)
judge_of = {"dsa-stored": stored, "online-teacher/debiased": debiased}
base = [mean("random", judge_of[name.partition(", ")[2]]) for name in started.index]
above = pd.DataFrame({"start": gained.before - base, "end": gained.after - base})
above["added by iterations"] = gained.gain
above["share of the end"] = (above.start / above.end).where(above.min(axis=1) > 0)
analysis.for_display(above, 2)

# %% [markdown]
# EDC and "no crops" begin with random real images, so their start is scored by another recipe, `random`, on other draws.
# (SRe2L begins with noise, which has nothing to teach.)

# %%
pairs = {
    "edc - random, plain teacher": (scores("edc", plain), scores("random", plain)),
    "edc - random, debiased teacher": (scores("edc", debiased), scores("random", debiased)),
    "no crops - random, debiased teacher": (
        scores("unilevel_no_init", debiased),
        scores("random", debiased),
    ),
}
analysis.for_display(contrasts(pairs))

# %% [markdown]
# ## Does DAM need the true prior?
#
# DAM weights the classes of the student's inner loss with the class prior of the long tail, because the expert was trained under it.
# A **placebo** is the same loss under another prior: uniform, which is no re-weighting at all; the true numbers given to the wrong classes ("permuted"); the rare classes made frequent ("inverted").
#
# Where the class counts are **unknown**, the prior can be estimated: a network trained with cross-entropy answers, on average over its training images, with the class shares of its training set.
# "Estimated" reads those answers, and no label.
#
# With weights of mean 1, `damed` under a uniform prior *is* `ed_only`, so the difference between those two recipes is that placebo, too.
# Weights of sum 1 are those of the released code: they make every step $C$ times as short, so they have a control with steps as short and no prior.

# %%
prior = {
    "estimated prior": ("damed", stored, "dam.prior=estimated"),
    "uniform prior": ("damed", stored, "dam.prior=uniform"),
    "permuted prior": ("damed", stored, "dam.prior=permuted"),
    "inverted prior": ("damed", stored, "dam.prior=inverted"),
    "weights of sum 1": ("damed", stored, "dam.weights=sum"),
    "the same, no prior": (
        "ed_only",
        stored,
        "dam.weights=sum, dam.prior=uniform",
    ),
}
table_of(prior)

# %% [markdown]
# For scale, each of them against random real images with hard labels.
# (On CIFAR-10-LT the uniform prior is `ed_only`.)

# %%
tried = {"true prior": ("damed", stored, as_named)}
tried |= {n: key for n, key in prior.items() if n.endswith("prior") and "prior=" in key[2]}
pairs = {}
for name, among in (("CIFAR-10-LT", score), ("Digits-LT", digits)):
    base = among["random", stored, as_named]
    pairs |= {(name, n): (among.get(key, []), base) for n, key in tried.items()}
none = scores("ed_only", stored), scores("random", stored)
pairs["CIFAR-10-LT", "uniform prior"] = none
beside_random = contrasts(pairs)
analysis.for_display(beside_random[beside_random.verdict != "not run"])

# %% [markdown]
# The uniform placebo as a contrast, and DAM with biased experts, where there is nothing else to lean on:

# %%
pairs = {
    "DAM - uniform, decoupled experts": (
        scores("damed", stored),
        scores("ed_only", stored),
    ),
    "DAM - uniform, biased experts": (scores("dam_only", stored), scores("datm", stored)),
}
dam_gain = contrasts(pairs)
analysis.for_display(dam_gain)

# %% [markdown]
# Chapter 05 has these placebos on a smaller question: there the true prior brings the student closer to the expert than plain cross-entropy on every seed, and wrong priors keep it away.
# Whether that distance turns into accuracy is what the rows above are for.
#
# ## Does the logit term matter?
#
# A summary of paper 1 gives DAM two factors: class weights, and a shift of the logits by $-\lambda \log \pi$.
# The released configurations have the weights alone ($\lambda = 0$), and so have our recipes.
# Chapter 05 shows that each alone imitates the long tail and both together count the prior twice.

# %%
offset = {
    "shift alone (lambda 1)": ("damed", stored, "dam.weights=none, dam.offset=1*"),
    "weights and shift": ("damed", stored, "dam.offset=1*"),
}
shifts = table_of(offset)
shifts

# %% [markdown]
# On CIFAR-10-LT, the shift alone against no DAM at all (`ed_only`), and the weights against it, on the same seed:

# %%
key = next(c for (m, j, c) in score if m == "damed" and j == stored and "offset" in c)
shift_alone = scores("damed", stored, key)
pairs = {
    "shift alone - no DAM": (shift_alone, scores("ed_only", stored)),
    "weights - no DAM": (scores("damed", stored), scores("ed_only", stored)),
}
shift_gain = contrasts(pairs)
analysis.for_display(shift_gain)

# %% [markdown]
# ## Exact or TESLA gradient?
#
# The images' gradient through all student steps can be had exactly, or without the part that goes through later steps (TESLA, as released).
# What it costs in time and memory was measured once on a ConvNet of width 128, for 10, 20 and 40 student steps (`unroll` keeps the whole graph):

# %%
timing = pd.read_csv(where / "benchmarks" / "matching.csv")
timing = timing[timing.gradient.isin(["exact", "tesla", "unroll"]) & (timing.images == 100)]
timing = timing[timing.steps.isin([10, 20, 40])]
timing.pivot_table(["seconds per step", "GiB"], "gradient", "steps").round(2)

# %%
gradient = {
    "damed, TESLA gradient": ("damed", stored, "gradient=tesla"),
    "datm, TESLA gradient": ("datm", stored, "gradient=tesla"),
}
gradients = table_of(gradient)
gradients

# %% [markdown]
# ## Is debiasing after training infeasible?
#
# A public summary of paper 2, not a sentence of the paper itself that we could point to, gives this as its reason to leave trajectory matching: debiasing the experts changes the trajectory, and debiasing afterwards is infeasible.
# Three attempts: calibrate the labels of a finished set (ADSA, one number $\tau$), train the experts with a logit-adjusted loss, or calibrate a plain teacher's answers.

# %%
adsa_to = "evaluate.adsa.largest={}, evaluate.adsa.step=0.01".format
after = {
    "datm, labels calibrated by ADSA": ("datm", stored, adsa_to("3.0")),
    "the same, tau at most 1": ("datm", stored, adsa_to("1")),
    "the same, tau at most 0.5": ("datm", stored, adsa_to("0.5")),
    "datm, logit-adjusted experts": ("datm", stored, "experts.logit_adjustment=1"),
}
table_of(after)

# %% [markdown]
# And the $\tau$ that was chosen, with the accuracy of each class, from the most frequent to the rarest:

# %%
kept = recorded[recorded.recipe.isin(["datm_cifar10", "datm_digits"])]
kept = kept[kept.protocol == "dsa-stored"]
rows_of = {}
for path in kept.path:
    run = records.load_record(path)
    settings, first = run["config"]["evaluate"].get("adsa"), run["students"][0]
    if settings is not None:
        name = run["recipe"], f"at most {settings['largest']:g}", f"seed {run['seed']}"
        shares = [round(100 * value) for value in first["per_class"]]
        rows_of[name] = [round(first["adsa_tau"], 2), *shares]
columns = ["tau", *(f"rank {rank}" for rank in range(1, 11))]
names = pd.MultiIndex.from_tuples(rows_of, names=["recipe", "search", "pipeline"])
pd.DataFrame(list(rows_of.values()), names, columns)

# %% [markdown]
# ADSA's rule makes the classes equally confident on their own distilled images.
# In a set of DATM the images of the rarest classes carry labels from experts that got none of them right, so their confidence stays low however the rest is shifted, and the rule goes on to shift: far beyond $\tau = 1$, which would take the prior out once.
# With a bound at 1 (the theory's own value, and half of it as a second point; set when the rule had been seen to go too far, and not chosen by a score) the same shift helps, but look at the ranks: it is the middle classes that gain.
# Images that began as noise cannot be cured by a shift of labels.
# Against random real images under the same students:

# %%
pairs = {}
for name, among in (("CIFAR-10-LT", score), ("Digits-LT", digits)):
    base = among["random", stored, as_named]
    for what, (m, judge, c) in after.items():
        pairs[name, what] = (among.get((m, judge, c), []), base)
against = contrasts({k: pair for k, pair in pairs.items() if pair[0]})
analysis.for_display(against)

# %% [markdown]
# The last attempt comes before the training and not after it: experts with a logit-adjusted loss.
# How far does that one number carry, beside the two stages of expert decoupling?

# %%
pairs = {}
for name, among in (("CIFAR-10-LT", score), ("Digits-LT", digits)):
    mine = among.get(("datm", stored, "experts.logit_adjustment=1"), [])
    for label, other in (("ED alone", "ed_only"), ("DAM + ED", "damed")):
        pairs[name, f"datm, such experts - {label}"] = mine, among[other, stored, as_named]
    begun = among.get(("datm", stored, "experts.logit_adjustment=1, iterations=0"), [])
    pairs[name, "and what its matching adds"] = mine, begun
beside_ed = contrasts({k: pair for k, pair in pairs.items() if all(pair)})
analysis.for_display(beside_ed)

# %% [markdown]
# One term in the loss, and no second kind of expert: on CIFAR-10-LT that carries DATM as far as decoupled experts alone do, as far as one pipeline can tell, and on Digits-LT farther.
# Its matching adds to where it starts, which biased experts do only from a bad start.
# DAM + ED stays ahead of it on both.
#
# Calibrating the answers of a plain *teacher* is another matter:

# %%
pairs = {
    "edc with ADSA - edc": (scores("edc_adsa", plain), scores("edc", plain)),
    "sre2l with ADSA - sre2l": (scores("sre2l_adsa", plain), scores("sre2l", plain)),
    "edc with ADSA - edc, debiased teacher": (
        scores("edc_adsa", plain),
        scores("edc", debiased),
    ),
    "edc with ADSA - uni-level": (scores("edc_adsa", plain), scores("unilevel", debiased)),
}
on_digits = digits["edc_adsa", plain, as_named], digits["edc", plain, as_named]
adsa = contrasts({**pairs, "Digits-LT: edc with ADSA - edc": on_digits})
analysis.for_display(adsa)

# %% [markdown]
# On Digits-LT, whose tail the plain teacher knows, there is no bias of the kind to take out, and the rule shifts all the same.

# %% [markdown]
# The last row is a comparison across two papers: EDC with a plain teacher and one number chosen after training, against the uni-level method with its debiased teacher.
# The ADSA paper prints a higher number for the first than paper 2 does for the second:

# %%
printed = targets()
pair = {"jiang2025adsa": "edc_adsa", "cui2026rethinking": "unilevel"}
cell_of = ("cifar10", 100, 10)
{
    method: analysis.published_score(printed, paper, method, *cell_of)
    for paper, method in pair.items()
}

# %% [markdown]
# ## Which part of the uni-level gain?
#
# The full method minus itself without one part, under the debiased teacher.
# The first row takes the teacher away, and with it the labels.

# %%
full = scores("unilevel", debiased)
plain_observer = "observer.network.second_head=false, observer.network.projection=0, "
plain_observer += "observer.kind=plain"
parts = {
    "debiased teacher": scores("unilevel", plain),
    "debiased teacher, observer and crops": scores("unilevel_no_debiasing", plain),
    "debiased observer": scores("unilevel", debiased, plain_observer),
    "calibration": scores("unilevel_no_calibration", debiased),
    "confident crops": scores("unilevel_no_init", debiased),
    "recovery": scores("unilevel_no_recovery", debiased),
}
pairs = {name: (full, without) for name, without in parts.items()}
part_of = contrasts(pairs)
known = part_of.dropna(subset="points")
plots.differences(list(known.index), list(known.points), list(known.needed))

# %%
analysis.for_display(part_of)

# %% [markdown]
# What inside the debiasing does it is in chapter 12.
#
# ## Rarity or class?
#
# In CIFAR-10-LT the frequent classes are always the same ones: airplanes are common and trucks rare.
# So "the tail" and "trucks" are one thing in both papers.
# `class_order=reversed` gives the trucks the 5,000 images and the airplanes the 50; nothing else changes.
# The sets of paper 1 are judged with stored labels, those of paper 2 with the teacher of their recipe.

# %%
reversed_order = "data.class_order=reversed"
runs = [("datm", stored), ("damed", stored)]
runs += [("unilevel_no_debiasing", plain), ("unilevel", debiased)]
table_of({m: (m, judge, reversed_order) for m, judge in runs})

# %% [markdown]
# Do the headline differences keep their sign?

# %%
pairs = {}
for name, among in (("CIFAR-10-LT", score), ("Digits-LT", digits)):
    for (a, at), (b, under) in ((runs[1], runs[0]), (runs[3], runs[2])):
        for said, order in (("as named", as_named), ("reversed", reversed_order)):
            keys = (a, at, order), (b, under, order)
            pairs[name, f"{a} - {b}", said] = tuple(among.get(key, []) for key in keys)
turned = contrasts(pairs)
analysis.for_display(turned[turned.verdict != "not run"])

# %% [markdown]
# ## When a class has fewer images than IPC
#
# On CIFAR-10-LT at IF 100 the rarest class has 50 images, and a set of ten per class never runs out.
# Elsewhere it does.
# Digits-LT (scale `tiny`) at IF 20 and 60, real images of the rarest classes, and how many of its ten places each cannot fill with different ones:

# %%
places = {}
for factor in (5, 20, 60):
    data = recipes.recipe("damed_digits", imbalance_factor=factor).data
    counts = longtail.class_counts(images.load(data).counts[0], factor, 10)
    places[f"IF {factor}"] = [*counts[-4:], sum(max(10 - count, 0) for count in counts)]
names = ["4th rarest", "3rd", "2nd", "rarest", "places repeated"]
pd.DataFrame.from_dict(places, orient="index", columns=names)

# %%
short = recorded[(recorded.dataset == "digits") & (recorded.scale == "tiny")]
short = short[(short.ipc == 10) & (short.protocol == "dsa-stored")]
short = short[short.method.isin(["random", "datm", "damed"])]
thirds = 100 * short.pivot_table(["overall", "tail"], "method", "imbalance_factor")
analysis.for_display(thirds)

# %%
cells = [(factor, 10) for factor in (5, 20, 60)]
found = analysis.accuracy_over_cells(recorded, "digits", cells, stored, "tiny", like=small)
by_factor = {(r.method, r.imbalance_factor): r.scores for r in found.itertuples()}
pairs = {
    (f"{method} - random", f"IF {factor:g}"): (values, by_factor["random", factor])
    for (method, factor), values in by_factor.items()
    if method in ("damed", "datm")
}
analysis.for_display(contrasts(pairs).sort_index())

# %% [markdown]
# (The spread at IF 5 and 60 is that of IF 20 where a method was run once.)
# A class that has run out is filled up with copies.
# The matching can make the copies differ afterwards; random images with hard labels stay what they are.
# But a random set then holds *all* images of the rarest classes, so nothing is lost there by choosing: what it loses from IF 5 to 60 is lost with the images.
# DATM loses the tail for another reason, and with enough images too: its biased experts get none of those images right, and it starts from noise.
#
# In the published tables the same case is a dash: the selections of RDED and EDC, as paper 2 ran them, need as many images as places.
# How many classes are short there:

# %%
grid = [("cifar100", 500, 20, 50), ("cifar100", 500, 50, 20), ("cifar100", 500, 50, 50)]
grid += [("tiny", 500, 100, 10), ("tiny", 500, 100, 20)]
wanting = {}
for name, most, factor, ipc in grid:
    counts = longtail.class_counts(most, factor, DATASETS[name].classes)
    wanting[f"{name}, IF {factor}, IPC {ipc}"] = (
        sum(count < ipc for count in counts),
        len(counts),
    )
pd.DataFrame.from_dict(wanting, orient="index", columns=["classes short", "of"])

# %% [markdown]
# ## Every recorded change
#
# All runs with a changed setting in these cells, beside the recipe itself on the same seeds; new records appear here by themselves.

# %%
import re

changed = pd.concat([rows, small])[["method", "evaluator", "changed"]]
changed = changed[changed.changed != as_named].drop_duplicates()
everything = table_of({r: r for r in changed.itertuples(index=False, name=None)})
heads = r"observer\.network\.\w+=\w+, |evaluate\.|data\.|teacher\.debias\."  # for width
everything.index = pd.MultiIndex.from_tuples(
    [
        (f"{method}: {re.sub(heads, '', what)}", where_, judge)
        for where_, method, judge, what in everything.index
    ],
    names=["recipe: change", "data set", "judge"],
)
everything.reset_index(["data set", "judge"]).sort_index().drop(columns="recipe itself")

# %% [markdown]
# ## Controls that wait for a run
#
# (A uniform prior on CIFAR-10-LT is `ed_only`, which was run.)

# %%
asked = pd.Series({" · ".join(name): line for name, line in waiting.items()})
asked = asked[~asked.str.fullmatch(r".* damed_cifar10 .*prior=uniform")].drop_duplicates()
asked.rename_axis("control").to_frame("command")

# %% [markdown]
# ## What we saw
#
# Of the pipelines recorded so far, at this scale; the tables say how many there are and which differences are resolved.
# These sentences are checked here:

# %%
step_1, step_3 = (steps.loc["CIFAR-10-LT"].points for steps in (steps_1, steps_3))
assert step_1.iloc[2] == step_1.max()  # choosing and labelling, before matching
assert step_1.iloc[1] < 0 < step_1.iloc[3:].min()
down, up = steps_1.loc["Digits-LT"].iloc[3:].itertuples()
assert down.verdict == up.verdict == "resolved" and down.points < -5 < 5 < up.points
assert step_3.iloc[1] > 2 * step_3.iloc[2:].abs().sum()
on_digits = steps_3.loc["Digits-LT"]
assert on_digits.verdict["debiased teacher"] == "not resolved"
assert on_digits.points.iloc[1:].abs().max() < 2
share = above["share of the end"]
assert share[["damed, dsa-stored", "ed_only, dsa-stored"]].min() > 0.6
assert above.start[["datm, dsa-stored", "dam_only, dsa-stored"]].max() < 0
assert above.start["unilevel, online-teacher/debiased"] < 0
assert above["added by iterations"].min() > 0

# %%
assert (dam_gain.points > 0).all() and (dam_gain.verdict == "resolved").all()
begun = mean("damed", stored, start)
assert abs(mean("damed", stored, "dam.weights=sum") - begun) < 1
small_set, large_set = beside_random.loc["Digits-LT"], beside_random.loc["CIFAR-10-LT"]
wrong = small_set.loc[["uniform prior", "permuted prior", "inverted prior"]]
assert (wrong.verdict == "resolved").all() and wrong.points.max() < -5
for found in (small_set, large_set):
    assert found.verdict["true prior"] == "resolved" and found.points["true prior"] > 0
assert large_set.verdict["uniform prior"] == "resolved"
assert large_set.points["uniform prior"] > 5
assert large_set.verdict["inverted prior"] == "not resolved"

# %%
placebo = controls_of({"inverted": prior["inverted prior"]}).loc["CIFAR-10-LT"]
assert placebo.verdict.item() == "resolved" and placebo.points.item() < -8
estimated = digits["damed", stored, "dam.prior=estimated"]
true_prior = digits["damed", stored, as_named]
assert not analysis.contrast(estimated, true_prior).resolved

# %%
changes_of = {key[2]: values for key, values in digits.items() if key[0] == "datm"}
stays = changes_of.pop(as_named)
shifted = {c: analysis.contrast(v, stays) for c, v in changes_of.items()}
signs = {"largest=3.0": -1, "largest=1,": 1, "largest=0.5": 1, "experts.logit": 1}
for what, sign in signs.items():
    found = next(c for name, c in shifted.items() if what in name)
    assert found.resolved and found.difference * sign > 0
bounded = analysis.contrast(scores("datm", stored, adsa_to("1")), scores("datm", stored))
assert bounded.resolved and bounded.difference > 0

# %%
before = "datm, logit-adjusted experts"
on_cifar = against.loc["CIFAR-10-LT"].points
assert on_cifar.drop(before).max() < 3 and on_cifar[before] > 10
assert against.loc["Digits-LT"].points.max() < 0
like_ed = beside_ed.xs("datm, such experts - ED alone", level=1)
assert like_ed.verdict["CIFAR-10-LT"] == "not resolved" and like_ed.points["Digits-LT"] > 3
below_both = beside_ed.xs("datm, such experts - DAM + ED", level=1)
assert (below_both.verdict == "resolved").all() and (below_both.points < 0).all()
adds = beside_ed.loc["CIFAR-10-LT", "and what its matching adds"]
assert adds.verdict == "resolved" and adds.points > 0

# %%
gains = adsa.loc[["edc with ADSA - edc", "sre2l with ADSA - sre2l"]]
assert (gains.verdict == "resolved").all() and gains.points.min() > 5
assert (adsa.drop(gains.index).verdict == "resolved").all()
assert adsa.drop(gains.index).points.max() < -5  # that on Digits-LT among them
assert part_of.verdict["recovery"] == part_of.verdict["confident crops"] == "resolved"
assert part_of.points["recovery"] > 0 > part_of.points["confident crops"]
assert (part_of.verdict[["calibration", "debiased observer"]] == "not resolved").all()
sign = turned.xs("reversed", level=2).dropna(subset="points")
assert (sign.points > 0).all() and (sign.verdict == "resolved").all()

# %%
shift = shifts.loc["Digits-LT"]
assert shift.verdict["shift alone (lambda 1)"] == "not resolved"
assert shift.verdict["weights and shift"] == "resolved"
assert shift.points["weights and shift"] < 0
assert 0 < shift_gain.points.iloc[0] < shift_gain.points.iloc[1]
assert gradients.loc["Digits-LT", "damed, TESLA gradient"].verdict == "not resolved"
exact_gain = gradients.loc["CIFAR-10-LT", "damed, TESLA gradient"]
assert exact_gain.verdict == "resolved" and exact_gain.points < -1
seconds = timing.pivot_table("seconds per step", "steps", "gradient")
assert (seconds.exact / seconds.tesla).max() < 1.25

# %% [markdown]
# - **In paper 1 most of what is won over random images is won before the first iteration**, on CIFAR-10-LT, by choosing and labelling real images with re-balanced experts.
#   On Digits-LT little is won at all: the start is about as good as random images, DAM keeps it, and matching without DAM loses it.
#   Where experts are biased, and in the uni-level method, the set *starts below* random images, and whatever it adds the iterations add.
# - **In paper 2 one step carries the ladder, and it is no optimisation:** the debiased teacher.
#   On digits, whose tail a plain teacher knows, no step is large.
# - **The parts have no worth of their own.** A good start under biased matching is lost; the same decoupling inside the matching is worth a lot.
#   Another order of steps gives other numbers.
# - **DAM adds, to decoupled experts and to biased ones.** With weights that sum to 1 the set hardly leaves its start at this budget.
#   Short steps are the likely reason, since the control without a prior is lower still; a step $C$ times as long would tell.
# - **The prior must be the right one, and need not be told.** An inverted prior costs many points on both data sets, and takes the set below where the matching began.
#   No prior (a uniform one) is worse than the true one on both; on Digits-LT that already ends far below random images, on CIFAR-10-LT still far above them.
#   A prior that is read off the experts' answers does as well as the true one on Digits-LT, as far as can be seen.
# - **The logit term can stand in for the weights, and should not be added to them.** On Digits-LT the shift alone does as well as the weights alone; both together count the prior twice, and the set gets worse.
#   On CIFAR-10-LT the one distillation with the shift alone lies between no DAM and the weights.
# - **The exact gradient is the better one.** On CIFAR-10-LT a DAM + ED set that was matched with TESLA's scores more than a point less, on every seed; on Digits-LT no difference can be seen.
#   The exact one costs little more time and no more memory; what costs memory is to keep the whole graph.
# - **Debiasing after training is neither infeasible nor enough for a trajectory set.
#   Debiasing the experts' loss does most of what expert decoupling does.**
#   ADSA's own rule shifts much too far there; bounded, the shift lifts DATM on both data sets, and the rarest classes stay lost.
#   A logit-adjusted loss for the experts lifts it by far more: to where ED alone is on CIFAR-10-LT, above ED on Digits-LT (one pipeline each).
#   DAM + ED stays ahead, and on Digits-LT random images do, too.
# - **For a biased teacher it is worth a lot**: on CIFAR-10-LT one number chosen after training lifts EDC and SRe2L by many points.
#   It does not reach what a debiased teacher gives, nor the uni-level method.
#   So what the ADSA paper prints above paper 2 is not above it here.
#   On Digits-LT, where the plain teacher knows the tail, the same rule does great harm.
# - **Of the uni-level parts, the teacher is what counts** on CIFAR-10-LT.
#   Recovery adds a little, the confident crops cost a little, and of calibration and of the debiased observer no effect can be seen with these pipelines.
# - **The headlines are not about trucks.** With the classes in reversed order they keep their sign, as far as that was run.
#
# **Not shown here:** what the tables call "not run"; interactions of more than one change; every part at the papers' own scale.

# %%
print(notebook.versions())

# %% [markdown]
# ## Exercises
#
# > **1.** Two ladders lead from DATM to DAM + ED.
# > In one the good initial set is worth a lot, in the other nearly nothing.
# > Which one is right?
#
# <details><summary>Answer</summary>
#
# Both.
# A step is the difference between two runs, and the runs on either side of "good initial set" are not the same ones: in the first ladder nothing is matched yet, in the second biased experts are matched afterwards.
# If parts interact, their worth depends on the order; one could average over all orders (Shapley values), which needs a run for every subset of parts.
#
# </details>
#
# > **2.** Why is "weights of sum 1 under a uniform prior" a control for "weights of sum 1", although nobody would use it?
#
# <details><summary>Answer</summary>
#
# Weights that sum to 1 change two things: which classes count more, and the length of every inner step, which becomes $C$ times shorter.
# The uniform prior keeps the second and leaves out the first.
# What is left between the two is the prior's alone.
#
# </details>
#
# > **3.** A permuted prior scores as well as the true one in somebody's run.
# > Name two explanations, and a run that tells them apart.
#
# <details><summary>Answer</summary>
#
# The prior may not matter, only that classes are weighted unevenly or that steps have another length; or the spread over distillations hides the difference.
# More distillations of both tell whether a difference can be seen at all; an inverted prior, the worst placebo there is, tells whether *any* prior can be seen to matter.
#
# </details>
#
# > **4.** ADSA can be put on a set that was labelled by a debiased teacher.
# > What should it do there, and what does chapter 12 show that it does?
#
# <details><summary>Answer</summary>
#
# If the teacher were free of the prior, the best $\tau$ would be 0 and nothing would change.
# It finds a small $\tau$ above 0, from differences of difficulty rather than of frequency, and costs a little.
#
# </details>
