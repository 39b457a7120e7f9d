"""
Own arrays
==========

Regional signals and ratings that are arrays already need no files: a :class:`~painprint.runs.Run`
holds one run, :func:`~painprint.decode.decoding.decode_runs` trains and tests, and
:func:`~painprint.evidence.stages.run_stage` computes one further analysis. The runs here
are **simulated**. :doc:`/howto_arrays` says what each argument is.
"""

import matplotlib.pyplot as plt
import numpy as np
import sklearn
from sklearn.metrics import make_scorer
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict, cross_val_score

from painprint import (
    Case,
    NestedRidge,
    Run,
    Settings,
    bin_edges,
    decode_runs,
    edges_to_matrix,
    run_stage,
)
from painprint.bins import equal_time_bins
from painprint.report import figures
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

# %%
# Runs
# ----
# Signals are frames × regions, the rating has a value for every frame (NaN where there is none),
# and ``tr_s`` is the repetition time in seconds. Runs come in the order of time. Here the
# simulator's own arrays are taken: ten sessions of three runs, 40 regions.

person = Person(n_sessions=10, world=World(n_regions=40))
truth, simulated = simulate_person(person, seed=(3, 1))
runs = [as_run(one, person, truth) for one in simulated]

one = runs[0]
print(f"{len(runs)} simulated runs; the first: session {one.session}, run {one.run}")
print(f"signals {one.signals.shape}, rating {one.rating.shape}, TR {one.tr_s} s")

# %%
# The same by hand, from arrays of any origin:

names = {"session": "01", "run": "1"}
by_hand = Run(one.signals, one.rating, tr_s=0.46, censored=one.censored, **names)
print(by_hand.key)

# %%
# Decode
# ------

settings = Settings(n_bootstraps=1000, n_permutations=199)
decoding = decode_runs(runs, settings)
minute = decoding.scales["1min"]
print(f"session-centred r {minute.centred_r:.2f}, skill {minute.skill:.2f}")

# %%
# Every held-out row is in a table: session, run, scale, when, rating and prediction.

sessions = decoding.predictions.query("scale == 'session'")
sessions[["session", "n_frames", "rating", "predicted"]].round(3).head()

# %%
# Runs that were excluded are listed with the reason.

print(decoding.prepared.runs_left_out or "every run was used")

# %%
# Further analyses
# ----------------
# A :class:`~painprint.evidence.case.Case` is a decoded person. The result of a stage contains
# numbers, tables, and sentences that say what could not be computed.

case = Case(decoding)
null = run_stage(case, "null")
print(f"p within {null.numbers['scales']['1min']['p_within']:.3f}")
print(f"p between {null.numbers['scales']['session']['p_between']:.3f}")
print(null.not_done or "all of it could be done")

# %%
# Some stages need more than the frames that were decoded. They say so:

print(*run_stage(case, "rest").not_done)

# %%
# A figure of the permutation null:

plt.rcParams.update(figures.STYLE)
_, ax = plt.subplots(figsize=(3.6, 2.4), layout="constrained")
figures.plot_null(null.tables["null"], "within", "1min", "centred_r", ax=ax)

# %%
# Weights and files
# -----------------
# The weights are a table. ``decoding.save("results", stages={"null": null})`` writes the files of a
# study, with the signature for new runs, and ``decoding.report("report.html")`` its page.

decoding.weights_frame().round(3).head()

# %%
# The edges of the signature
# --------------------------
# For simulated people the ground truth is known. Sums of absolute weights of a region's edges
# should be larger for regions of the signature; ``edges_to_matrix`` makes a matrix of regions from
# weights.

strength = np.abs(edges_to_matrix(decoding.final.weights)).sum(axis=0)
in_signature = truth.loadings != 0
print(f"mean strength of regions of the signature {strength[in_signature].mean():.3f}")
print(f"mean strength of the other regions        {strength[~in_signature].mean():.3f}")

# %%
# The decoder in scikit-learn
# ---------------------------
# :class:`~painprint.estimators.NestedRidge` is the same decoder for features of any kind. Here
# they are the edges of about a minute each; rows of a session are held out together.

features, ratings, sessions = [], [], []
for frames in decoding.frames:
    n_bins = round(frames.kept_s / 60)
    bin_of_frame = equal_time_bins(len(frames), n_bins)
    features.append(bin_edges(frames.signals, bin_of_frame))
    ratings += [frames.rating[bin_of_frame == b].mean() for b in range(n_bins)]
    sessions += [frames.key.session] * n_bins
X, y, sessions = np.concatenate(features), np.array(ratings), np.array(sessions)

nested = NestedRidge().fit(X, y, groups=sessions)
print(f"{X.shape[0]} rows × {X.shape[1]} edges, {len(nested.groups_)} sessions")
print(f"penalty {nested.alpha_:.2g} mean eigenvalues, {nested.dof_:.1f} degrees of freedom")

# %%
# The same in the cross-validation of scikit-learn. Sessions must reach ``fit`` as well as the
# splitter, or the penalty would be chosen with parts of sessions, which requires metadata routing
# (:doc:`plot_5_scikit_learn`).

r_within = make_scorer(lambda rating, predicted: np.corrcoef(rating, predicted)[0, 1])
given = {"X": X, "y": y, "params": {"groups": sessions}, "cv": LeaveOneGroupOut()}
with sklearn.config_context(enable_metadata_routing=True):
    model = NestedRidge().set_fit_request(groups=True)
    scores = cross_val_score(model, **given, scoring=r_within)
    predicted = cross_val_predict(model, **given)
print(f"r within held-out sessions: mean {scores.mean():.2f}")

# %%
# The held-out predictions of the estimator itself are the same:

print(np.allclose(predicted, nested.cv_predictions_))
