"""
The decoders in scikit-learn
============================

:class:`~painprint.estimators.NestedRidge` and :class:`~painprint.estimators.NestedLassoPCR` are
scikit-learn estimators: they work in pipelines, in cross-validation, and beside other models.
Rows of one session are similar, so sessions must be kept together at every level: this example
shows how, and what happens otherwise. The data are **simulated**.
"""

import numpy as np
import pandas as pd
import sklearn
from sklearn.dummy import DummyRegressor
from sklearn.feature_selection import VarianceThreshold
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import (
    KFold,
    LeaveOneGroupOut,
    cross_val_predict,
    cross_val_score,
    permutation_test_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVR

from painprint import NestedLassoPCR, NestedRidge, RidgeDecoder, Settings, bin_edges
from painprint.bins import equal_time_bins
from painprint.decode.prepare import prepare_runs
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

# %%
# Rows, ratings and sessions
# --------------------------
# ``prepare_runs`` pairs each run's ratings with the BOLD that follows them and excludes what cannot
# be used. A row holds the edges of about one minute.

person = Person(n_sessions=10, world=World(n_regions=30))
truth, simulated = simulate_person(person, seed=(5, 1))
prepared = prepare_runs([as_run(one, person, truth) for one in simulated], Settings())

features, ratings, sessions = [], [], []
for (frames,) in prepared.runs:
    n_bins = round(frames.kept_s / 60)
    bin_of_frame = equal_time_bins(len(frames), n_bins)
    features.append(bin_edges(frames.signals, bin_of_frame))
    ratings += [frames.rating[bin_of_frame == b].mean() for b in range(n_bins)]
    sessions += [frames.key.session] * n_bins
X, y, groups = np.concatenate(features), np.array(ratings), np.array(sessions)
print(f"{X.shape[0]} rows × {X.shape[1]} edges, {len(set(sessions))} sessions")

# %%
# Groups reach the estimator by metadata routing
# ----------------------------------------------
# The splitter needs the sessions to hold them out, and ``fit`` needs them to choose the penalty.
# Without routing, scikit-learn passes them to the splitter alone. (``config_context`` limits the
# setting to a block of code.)

sklearn.set_config(enable_metadata_routing=True)
ridge = NestedRidge().set_fit_request(groups=True)
within = make_scorer(lambda rating, predicted: np.corrcoef(rating, predicted)[0, 1])
given = {"params": {"groups": groups}, "cv": LeaveOneGroupOut()}
scores = cross_val_score(ridge, X, y, scoring=within, **given)
print("r within each held-out session:", scores.round(2))

# %%
# Several models on the same folds
# --------------------------------
# In a pipeline, the request is made of the estimator inside. Steps before the estimator are fitted
# on all rows of the outer training fold, so use only steps that do not look at the rating.

models = {
    "mean of the training data": DummyRegressor(),
    "NestedRidge": ridge,
    "NestedRidge after a filter": make_pipeline(VarianceThreshold(1e-3), ridge),
    "NestedLassoPCR": NestedLassoPCR().set_fit_request(groups=True),
    "linear SVR, C = 0.01": SVR(kernel="linear", C=0.01),
}
rows = {}
for name, model in models.items():
    predicted = cross_val_predict(model, X, y, **given)
    centred = [
        values - pd.Series(values).groupby(groups).transform("mean") for values in (y, predicted)
    ]
    varies = np.ptp(centred[1]) > 1e-9  # the mean of the training data does not, within a session
    rows[name] = {
        "session-centred r": np.corrcoef(*centred)[0, 1] if varies else np.nan,
        "mean absolute error": np.abs(predicted - y).mean(),
    }
pd.DataFrame(rows).T.round(3)

# %%
# What happens if sessions are split
# ----------------------------------
# With shuffled folds, minutes of the same session train and test. What a session's minutes have in
# common then helps the prediction, but will not help it in a new session. This error is frequent
# and large.

splitters = {
    "sessions split between training and test": KFold(10, shuffle=True, random_state=0),
    "sessions held out": LeaveOneGroupOut(),
}
for name, cv in splitters.items():
    predicted = cross_val_predict(ridge, X, y, params={"groups": groups}, cv=cv)
    print(f"R² over all rows, {name}: {r2_score(y, predicted):.2f}")

# %%
# Permutation
# -----------
# ``permutation_test_score`` trains as many models as there are permutations. Here the penalty is
# fixed, in units of the mean eigenvalue, to save time; ``fit`` then needs no sessions, and without
# routing scikit-learn exchanges the ratings within each session. Neighbouring minutes are similar,
# but exchanged ratings are not, so this p is too small; it is only a first look. The permutation
# null of painprint (``run_stage(case, "null")``) shifts whole time courses and so keeps their
# autocorrelation (:doc:`plot_3_own_arrays`).

with sklearn.config_context(enable_metadata_routing=False):
    score, permuted, p = permutation_test_score(
        RidgeDecoder(alpha=1.0),
        X,
        y,
        groups=groups,
        cv=LeaveOneGroupOut(),
        scoring=within,
        n_permutations=99,
        random_state=0,
    )
print(f"r within sessions {score:.2f}; permuted at most {permuted.max():.2f}; p = {p:.3f}")

# %%
# Leave-one-session-out, already done
# -----------------------------------
# ``NestedRidge`` predicts every row without its session while it is fitted. scikit-learn's own
# cross-validation gives the same predictions.

fitted = NestedRidge().fit(X, y, groups=groups)
again = cross_val_predict(ridge, X, y, params={"groups": groups}, cv=LeaveOneGroupOut())
print("same predictions:", np.allclose(again, fitted.cv_predictions_))
sklearn.set_config(enable_metadata_routing=False)
