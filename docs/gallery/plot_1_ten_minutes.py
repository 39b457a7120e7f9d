"""
Ten minutes: from simulated runs to numbers and figures
=======================================================

In this example, a person is simulated and decoded, and the results are read. Everything is
**simulated**: the ratings, the brain signals, and the relation between them. With your own data,
the first step is replaced by your BIDS dataset and its derivatives (:doc:`/howto_xcpd`,
:doc:`/howto_fmriprep`).

In a terminal the two commands are::

    painprint simulate people --sessions 12 --n-regions 60
    painprint run people results participant --task-id rating

In Python, ``main`` takes the same arguments.
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
# The files of one session:

for path in sorted(people.glob("**/ses-01/**/*run-1*")):
    print(path.relative_to(people))

# %%
# Check the inputs
# ----------------
# ``--dry-run`` lists what would be used and what would be excluded, with the reason, and stops.
# Here are three sessions:

main(
    ["run", str(people), str(results_dir), "participant", "--dry-run"]
    + ["--task-id", "rating", "--session-label", "01", "02", "03"]
)

# %%
# Decode
# ------
# For every session, a model (ridge regression on half-minute bins) is trained on all others,
# including the selection of its penalty, and predicts the held-out one.
# To save time, permutations and draws are few here and some stages are skipped; omit these options
# in a study. Warnings concern single runs (:doc:`what they mean </troubleshooting>`).

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
# Two numbers were fixed in advance, both at 1 minute. **Session-centred r** shows whether the
# prediction rises and falls with the rating *within* sessions: the mean of each session is
# subtracted from both. **Skill** shows how much smaller the squared error is than that of always
# predicting the mean of the training sessions: 1 is perfect, 0 is no better, below 0 is worse.
# More is in :doc:`/interpreting`.

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
# Figures are functions that take results and return matplotlib axes. Gaps in a curve are the ends
# of runs.

plt.rcParams.update(figures.STYLE)

by_scale = dict(tuple(results.predictions.groupby("scale")))
_, ax = plt.subplots(figsize=(7.2, 2.4), layout="constrained")
figures.plot_timeline(by_scale["1min"], ax=ax)

# %%
# Each point on the left is a minute, and each colour a session. Points near the dotted line are
# right in size; points that rise with the rating, but far from the line, are right in direction
# only: this gives a high r, but a low skill.

_, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3), layout="constrained")
figures.plot_observed_predicted(by_scale["1min"], minute, ax=left)
figures.plot_roc(results.roc, minute, ax=right)

# %%
# Calibration
# -----------
# The line is the least-squares line of the rating on the held-out prediction. With a slope of 1, a
# difference between two predictions is as large as the corresponding difference in rating;
# below 1 predictions are over-dispersed, above 1 under-dispersed.

_, ax = plt.subplots(figsize=(3.6, 3.6), layout="constrained")
figures.plot_calibration(by_scale["1min"], results.per_session, minute, ax=ax)
low, high = minute["slope_ci"]
print(f"slope: {minute['slope']:.2f} (95 % interval {low:.2f} to {high:.2f})")

# %%
# Is it chance?
# -------------
# The null repeats the whole pipeline with permuted ratings. *Within*: time courses of sessions are
# permuted and shifted, and session means are kept. *Between*: session means are put in another
# order. These are two questions, and their answers may differ.

null = results.stage_tables["null"]
_, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.4), layout="constrained")
figures.plot_null(null, "within", "1min", "centred_r", ax=left)
figures.plot_null(null, "between", "session", "r", ax=right)

# %%
# Because the null repeats the whole pipeline, the observed session-centred r in the figure on the
# left is the primary number itself.

level = results.metrics["scales"]["session"]
print(f"p within  (centred r, 1 min): {minute['p_within']:.3f}")
print(f"p between (r, session):       {level['p_between']:.3f}")

# %%
# Is it anything but pain?
# ------------------------
# Each confound alone predicts the rating of held-out sessions (``alone``), and the decoding is
# repeated with the confound partialled out (``removed``). A confound with r above 0 and a small p
# may explain the prediction. Many confounds are tested, so the page flags one only after correction
# for their number.

confounds = results.stage_tables["confounds"]
at_minute = confounds[confounds["scale"] == "1min"].drop(columns="scale")
at_minute.set_index(["confound", "analysis"]).round(3)

# %%
# How much data are needed?
# -------------------------
# Models of fewer sessions, drawn at random, are tested on held-out sessions; the band contains
# 95 % of the draws.

_, ax = plt.subplots(figsize=(3.6, 2.4), layout="constrained")
figures.plot_learning_curve(results.stage_tables["learningcurve"], ax=ax)

# %%
# If the curve still rises at its right end, more sessions would help; how much is not known.
#
# Next: :doc:`figures for a paper <plot_2_figures_for_a_paper>`, :doc:`your own arrays
# <plot_3_own_arrays>`, and :doc:`how to read these numbers </interpreting>`.

folder.cleanup()
