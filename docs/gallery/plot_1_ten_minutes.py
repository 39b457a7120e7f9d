"""
Ten minutes: from simulated runs to numbers and figures
=======================================================

A person is simulated, decoded, and read. Everything here is **simulated**: the ratings, the brain
signals, and the link between them. With your own data, the first step is replaced by your BIDS
dataset and its derivatives (:doc:`/howto_xcpd`, :doc:`/howto_fmriprep`).

In a terminal the two commands are::

    painprint simulate people --sessions 12 --n-regions 60
    painprint run people results participant --task-id rating

From Python, ``main`` takes the same words.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import pandas as pd

from painprint.cli import main
from painprint.report import figures
from painprint.report.words import headline
from painprint.results.read import find_results, read_results

# %%
# Simulate a person
# -----------------
# Twelve sessions of three rated runs and a resting run, 60 regions. Files are named as in BIDS
# and as XCP-D names its regional time series.

folder = TemporaryDirectory()
people, results_dir = Path(folder.name, "people"), Path(folder.name, "results")
main(["simulate", str(people), "--sessions", "12", "--n-regions", "60"])

# %%
# What is there, for one session:

for path in sorted(people.glob("**/ses-01/**/*run-1*")):
    print(path.relative_to(people))

# %%
# Look before you decode
# ----------------------
# ``--dry-run`` says what would be used, what would be left out and why, and stops. Here, of three
# sessions:

main(
    ["run", str(people), str(results_dir), "participant", "--dry-run"]
    + ["--task-id", "rating", "--session-label", "01", "02", "03"]
)

# %%
# Decode
# ------
# For every session, a model (ridge regression on half-minute bins) is trained on all others, its
# penalty included, and predicts the one that it has not seen.
# To save time, permutations and draws are few here and some stages are left out; for a study,
# leave these options away. A warning names runs that a reader should know of
# (:doc:`what it means </troubleshooting>`).

main(
    ["run", str(people), str(results_dir), "participant", "--task-id", "rating"]
    + ["--n-permutations", "199", "--n-bootstraps", "1000", "--n-curve-draws", "5"]
    + ["--skip", "sensitivity", "prospective", "importance", "rest", "baselines"]
    + ["univariate", "qcfc"]
)

# %%
# ``results/sub-01.html`` is the page of this person. Here the same results are read in Python.

(files,) = find_results(results_dir)
results = read_results(files)
print(headline(results))

# %%
# The primary numbers
# -------------------
# Two numbers were fixed in advance, both at 1 minute. **Session-centred r** asks whether the
# prediction rises and falls with the rating *within* sessions: the mean of each session is taken
# out of both. **Skill** asks how much smaller the squared error is than that of always predicting
# the mean of the training sessions: 1 is perfect, 0 is no better, below 0 is worse.
# :doc:`/interpreting` says more.

minute = results.metrics["scales"]["1min"]
for name in ("centred_r", "skill"):
    low, high = minute[f"{name}_ci"]
    print(f"{name}: {minute[name]:.2f} (95 % interval {low:.2f} to {high:.2f})")

# %%
# The other numbers, at four scales. ``r`` is over all sessions at once; ``auc`` is the area under
# the curve for ratings above the median.

scales = pd.DataFrame(results.metrics["scales"]).T
scales[["n", "r", "centred_r", "skill", "mae", "auc"]].astype(float).round(2).astype({"n": int})

# %%
# Rating and prediction
# ---------------------
# Figures are functions: results in, matplotlib axes out. A curve that breaks shows where a run
# ends.

plt.rcParams.update(figures.STYLE)

by_scale = dict(tuple(results.predictions.groupby("scale")))
_, ax = plt.subplots(figsize=(7.2, 2.4), layout="constrained")
figures.plot_timeline(by_scale["1min"], ax=ax)

# %%
# Each point on the left is a minute, and each colour a session. Points near the dotted line are
# right in size; points that rise with the rating, but far from the line, are right in direction
# alone: that gives r, and costs skill.

_, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3), layout="constrained")
figures.plot_observed_predicted(by_scale["1min"], minute, ax=left)
figures.plot_roc(results.roc, minute, ax=right)

# %%
# Calibration
# -----------
# The line is the least-squares line of the rating on the held-out prediction. With a slope of 1, a
# difference between two predictions is as large as the difference in rating that goes with it;
# below 1 predictions are over-dispersed, above 1 under-dispersed.

_, ax = plt.subplots(figsize=(3.6, 3.6), layout="constrained")
figures.plot_calibration(by_scale["1min"], results.per_session, minute, ax=ax)
low, high = minute["slope_ci"]
print(f"slope: {minute['slope']:.2f} (95 % interval {low:.2f} to {high:.2f})")

# %%
# Is it chance?
# -------------
# The null repeats the whole pipeline with ratings that the brain cannot know. *Within*: traces of
# sessions are swapped and shifted, session means stay. *Between*: session means are put in
# another order. They answer two questions, and one may be answered with yes and the other with
# no.

null = results.stage_tables["null"]
_, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.4), layout="constrained")
figures.plot_null(null, "within", "1min", "centred_r", ax=left)
figures.plot_null(null, "between", "session", "r", ax=right)

# %%
# The null repeats the whole pipeline, so the observed number in these figures is the primary one
# itself.

level = results.metrics["scales"]["session"]
print(f"p within  (centred r, 1 min): {minute['p_within']:.3f}")
print(f"p between (r, session):       {level['p_between']:.3f}")

# %%
# Is it anything but pain?
# ------------------------
# Each confound alone predicts the rating of held-out sessions (``alone``), and the decoding is
# repeated with the confound partialled out (``removed``). A confound with r above 0 and a small p
# may carry what looks like pain; many are tested, so the page flags one after correction for
# that.

confounds = results.stage_tables["confounds"]
at_minute = confounds[confounds["scale"] == "1min"].drop(columns="scale")
at_minute.set_index(["confound", "analysis"]).round(3)

# %%
# How much data does it take?
# ---------------------------
# Models of fewer sessions, drawn at random, tested on sessions that none of them has seen; the
# band holds 95 % of the draws.

_, ax = plt.subplots(figsize=(3.6, 2.4), layout="constrained")
figures.plot_learning_curve(results.stage_tables["learningcurve"], ax=ax)

# %%
# A curve that still rises at its right end says that more sessions would help; what it would
# reach is not known from here.
#
# Next: :doc:`figures for a paper <plot_2_figures_for_a_paper>`, :doc:`your own arrays
# <plot_3_own_arrays>`, and :doc:`how to read these numbers </interpreting>`.

folder.cleanup()
