"""Is it motion, time, level, or medicine? Each control alone, beside the prediction, and removed.

alone     predicts the rating from the control by least squares, on the same folds, trained and
          tested on 1-min time bins; its p-value comes from the permutations of the null.
beside    its correlation with rating and prediction, at four scales.
removed   it is partialled out of ratings and edges, with coefficients from training rows in
          every fold, and the nested fit is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.bins import Bins, make_time_bins
from painprint.decode.crossval import OnStep, count_steps
from painprint.decode.kernel import KINDS, Kernel
from painprint.decode.metrics import SCALES, agreement, area_under_curve, correlation
from painprint.decode.refit import Columns, refit
from painprint.decode.residuals import predict_from_confounds
from painprint.explain.case import Case, Finding
from painprint.explain.null import (
    FEWEST_SESSIONS_TO_REORDER,
    Permutations,
    draw_permutations,
    p_above,
    permute_ratings,
    split_means,
)
from painprint.runs import DVARS, FD, MOTION_NAMES, Frames

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]

SIGNIFICANT = 0.05


@dataclass(frozen=True, eq=False)
class Control:
    """Something that the signature must not be; exactly one way to get its values is given.

    Attributes
    ----------
    name : str
    family : str
        p-values of a family are corrected together (Holm).
    of_frames : callable, optional
        Values of every kept frame of a run, by variable.
    of_groups : callable, optional
        Values of every group, given the groups that train: (kernel, training) to an array of
        shape (n_groups, n_variables).
    of_ratings : bool
        Whether the values come from the ratings: then no permutation of these can test it.
    """

    name: str
    family: str
    of_frames: Callable[[Frames], Mapping[str, Vector]] | None = None
    of_groups: Callable[[Kernel, Codes], Matrix] | None = None
    of_ratings: bool = False

    @property
    def varies(self) -> str:
        """ "within" sessions, or only "between" them: which null tests it."""
        return "between" if self.of_frames is None else "within"

    def columns(self, kernels: Sequence[Kernel]) -> Columns:
        """Its values for every row of a kernel, given the groups that train."""
        if self.of_frames is not None:
            fixed = [_frame_columns(self.of_frames, kernel) for kernel in kernels]
            return lambda kernel, training: fixed[kernels.index(kernel)]
        of_groups = self.of_groups
        assert of_groups is not None  # one of the two is given
        return lambda kernel, training: of_groups(kernel, training)[
            np.concatenate([kernel.groups(kind) for kind in KINDS])
        ]


def _frame_columns(of_frames: Callable[[Frames], Mapping[str, Vector]], kernel: Kernel) -> Matrix:
    """Means over the frames of every bin: (n_rows, n_variables)."""
    values = [of_frames(one) for one in kernel.frames]
    return np.column_stack(
        [
            np.concatenate([bin_means([v[name] for v in values], kernel.bins[k]) for k in KINDS])
            for name in values[0]
        ]
    )


def bin_means(of_run: Sequence[Vector], bins: Bins) -> Vector:
    """Mean over the frames of each bin; frames without a value do not count."""
    return np.array(
        [np.nanmean(of_run[r][frames]) for r, frames in zip(bins.run, bins.frames, strict=True)]
    )


@dataclass(frozen=True)
class Verdict:
    """What is said of a control; None where it is undefined or untested."""

    family: str
    varies: str
    r_alone: float | None
    p: float | None
    centred_r_removed: float | None
    skill_removed: float | None
    p_corrected: float | None = None
    flagged: bool = False


def control_analyses(case: Case, *, on_step: OnStep | None = None) -> Finding:
    """Every control that the data allow.

    Returns
    -------
    finding : Finding
        Tables ``controls`` (alone and removed) and ``covariates`` (beside rating and
        prediction). Numbers: per control what a :class:`Verdict` holds. A control is flagged
        where, alone, it predicts the rating of held-out sessions beyond its null.

    References
    ----------
    METHODS 7
    """
    controls, not_done = find_controls(case)
    kernels, rules = case.kernels, case.settings.rules
    step = count_steps(on_step, len(controls))
    permutations = draw_permutations(
        kernels[0], case.settings.n_permutations, case.stream("controls")
    )
    ratings = permute_ratings(kernels[0], permutations)
    rows, verdicts = [], {}
    for control in controls:
        columns = control.columns(kernels)
        alone = predict_alone(control, columns, kernels[0], permutations, ratings)
        removed = refit(kernels, rules, columns=columns, n_jobs=case.n_jobs).agreement()
        for scale in SCALES:
            of_scale = {"control": control.name, "scale": scale}
            rows.append({**of_scale, "analysis": "alone", **alone[scale]})
            rows.append({**of_scale, "analysis": "removed", "p": np.nan, **removed[scale]})
        scale, r = ("1min", "centred_r") if control.varies == "within" else ("session", "r")
        verdicts[control.name] = Verdict(
            family=control.family,
            varies=control.varies,
            r_alone=_defined(alone[scale][r]),
            p=_defined(alone[scale]["p"]),
            centred_r_removed=_defined(removed["1min"]["centred_r"]),
            skill_removed=_defined(removed["1min"]["skill"]),
        )
        step()
    order = ["control", "scale", "analysis", "r", "centred_r", "skill", "p"]
    corrected = correct_families(verdicts)
    return Finding(
        {"controls": pd.DataFrame(rows)[order], "covariates": compare(case, controls)},
        {name: asdict(verdict) for name, verdict in corrected.items()},
        tuple(not_done),
    )


def _defined(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def find_controls(case: Case) -> tuple[list[Control], list[str]]:
    """Controls that the data allow, and why the others are not possible."""
    kernel, unit = case.kernels[0], case.settings.leave_out
    found, not_done = motion_controls(kernel)
    found += [
        Control("global signal", "global signal", of_frames=_global_signal),
        Control("time in run", "time", of_frames=_time_in_run),
        Control(f"{unit} number", "time", of_groups=_place_in_order),
        Control(f"previous {unit}'s mean", "level", of_groups=previous_means, of_ratings=True),
    ]
    covariates = [c for c in case.sessions.columns if c not in ("session", "days")]
    if not covariates:
        not_done.append(
            "No control for session covariates, such as medication: sessions.tsv has no numeric "
            "column."
        )
    for name in covariates:
        values = case.of_groups(name)
        n_known, n_groups = int(np.isfinite(values).sum()), kernel.n_groups
        if n_known < n_groups:
            not_done.append(
                f"No control for {name}: it is known in {n_known} of {n_groups} {unit}s."
            )
        elif np.ptp(values) == 0:
            not_done.append(f"No control for {name}: it is the same in every {unit}.")
        else:
            found.append(Control(name, "covariates", of_groups=_fixed(values[:, None])))
    return found, not_done


def motion_controls(kernel: Kernel) -> tuple[list[Control], list[str]]:
    """Controls of motion that every run allows, and why the others are not possible."""
    found, not_done = [], []
    for name, variables in (
        ("framewise displacement", (FD,)),
        ("motion parameters", MOTION_NAMES),
        ("DVARS", (DVARS,)),
    ):
        if reason := _missing(variables, kernel):
            not_done.append(f"No control for {name}: {reason}")
        else:
            found.append(Control(name, "motion", of_frames=_confounds(variables)))
    return found, not_done


def _confounds(variables: Sequence[str]) -> Callable[[Frames], Mapping[str, Vector]]:
    return lambda frames: {name: frames.confounds[name] for name in variables}


def _global_signal(frames: Frames) -> Mapping[str, Vector]:
    """Mean over regions, and its square: edges are products of signals."""
    mean = np.asarray(frames.signals.mean(axis=1), dtype=float)
    return {"global signal": mean, "global signal squared": mean**2}


def _time_in_run(frames: Frames) -> Mapping[str, Vector]:
    time_s = frames.frame.astype(float) * frames.tr_s
    return {"time in run": time_s, "time in run squared": time_s**2}


def _place_in_order(kernel: Kernel, training: Codes) -> Matrix:
    """A parabola over the order of groups: 2 degrees of freedom."""
    place = np.linspace(-1, 1, kernel.n_groups)
    return np.column_stack([place, place**2])


def _fixed(values: Matrix) -> Callable[[Kernel, Codes], Matrix]:
    return lambda kernel, training: values


def previous_means(kernel: Kernel, training: Codes) -> Matrix:
    """Mean rating of the last training group before each; before the first one, of them all.

    Groups that do not train are skipped, so no rating of theirs reaches a training row.
    """
    means, _ = split_means(kernel)
    before = [training[training < g] for g in range(kernel.n_groups)]
    overall = means[training].mean()
    return np.array([[means[b[-1]] if len(b) else overall] for b in before])


def _missing(variables: Sequence[str], kernel: Kernel) -> str | None:
    """Why a control of frames is not possible, if so."""
    frames = kernel.frames
    without = [str(one.key) for one in frames if not set(variables) <= set(one.confounds)]
    if without:
        return f"{len(without)} of {len(frames)} runs have none (first: {without[0]})."
    for bins in kernel.bins.values():
        for r, members in zip(bins.run, bins.frames, strict=True):
            if any(np.isnan(frames[r].confounds[v][members]).all() for v in variables):
                return f"{frames[r].key} has a bin without a value."
    if all(np.ptp(np.concatenate([f.confounds[v] for f in frames])) == 0 for v in variables):
        return "it never varies."
    return None


def predict_alone(
    control: Control,
    columns: Columns,
    kernel: Kernel,
    permutations: Permutations,
    ratings: Matrix,
) -> dict[str, dict[str, float]]:
    """Held-out least-squares prediction from the control, and its p among permuted ratings.

    Parameters
    ----------
    columns : callable
        The control's.
    ratings : ndarray of shape (n_minutes, n_permutations)
        The first column holds the observed ratings.

    Returns
    -------
    found : dict of dicts
        By scale: r, centred_r, skill, and p (NaN where not tested).
    """
    tested = not control.of_ratings and (
        control.varies == "within" or kernel.n_groups >= FEWEST_SESSIONS_TO_REORDER
    )
    Y = ratings[:, (permutations.kind == "observed") | (permutations.kind == control.varies)]
    Y = Y if tested else Y[:, :1]
    group = kernel.groups("1min")
    predicted, mean = np.empty_like(Y), np.empty((kernel.n_groups, Y.shape[1]))
    for k in range(kernel.n_groups):
        train, test = np.flatnonzero(group != k), np.flatnonzero(group == k)
        of_rows = columns(kernel, np.unique(group[train]))[kernel.rows("1min")]
        predicted[test] = predict_from_confounds(of_rows, Y, train, test)
        mean[k] = Y[train].mean(axis=0)
    scales = kernel.scales
    y_at, predicted_at = scales.average_minutes(Y), scales.average_minutes(predicted)
    found = {}
    for scale, groups in scales.groups_of_minutes.items():
        values = agreement(y_at[scale], predicted_at[scale], mean[groups], groups)
        statistic = values["centred_r" if control.varies == "within" else "r"]
        p = p_above(statistic[0], statistic[1:]) if tested else None
        found[scale] = {name: float(v[0]) for name, v in values.items()}
        found[scale]["p"] = np.nan if p is None else p
    return found


def correct_families(verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Holm's correction within each family; flagged are those below .05 with r above 0."""
    corrected = dict(verdicts)
    families: dict[str, list[tuple[float, str]]] = {}
    for name, verdict in verdicts.items():
        if verdict.p is not None:
            families.setdefault(verdict.family, []).append((verdict.p, name))
    for members in families.values():
        largest = 0.0
        for i, (p, name) in enumerate(sorted(members)):
            largest = max(largest, min(1.0, (len(members) - i) * p))
            r = verdicts[name].r_alone
            corrected[name] = replace(
                verdicts[name],
                p_corrected=largest,
                flagged=largest < SIGNIFICANT and r is not None and r > 0,
            )
    return corrected


def compare(case: Case, controls: Sequence[Control]) -> pd.DataFrame:
    """Every variable of every control against rating and prediction, at four scales.

    Returns
    -------
    covariates : DataFrame
        Columns ``control``, ``variable``, ``scale``, ``n``, ``r_rating``, ``r_predicted``,
        ``auc_predicted`` (of the prediction for the variable above its median).
    """
    predictions = case.decoding.predictions
    rows = []
    for control in controls:
        for variable, by_scale in _variables(case, control):
            for scale, values in by_scale.items():
                of_scale = predictions[predictions["scale"] == scale]
                predicted = of_scale["predicted"].to_numpy(float)
                rows.append(
                    {
                        "control": control.name,
                        "variable": variable,
                        "scale": scale,
                        "n": len(values),
                        "r_rating": correlation(values, of_scale["rating"].to_numpy(float)),
                        "r_predicted": correlation(values, predicted),
                        "auc_predicted": area_under_curve(values, predicted),
                    }
                )
    return pd.DataFrame(rows).astype(
        {name: float for name in ("r_rating", "r_predicted", "auc_predicted")}
    )


def _variables(case: Case, control: Control) -> list[tuple[str, dict[str, Vector]]]:
    """Each variable's values in the rows of the predictions, by scale."""
    kernel, frames = case.kernels[0], case.decoding.frames
    if control.of_frames is None:
        assert control.of_groups is not None  # one of the two is given
        values = control.of_groups(kernel, np.arange(kernel.n_groups))
        names = [control.name, f"{control.name} squared"][: values.shape[1]]
        return [(name, {"session": v}) for name, v in zip(names, values.T, strict=True)]
    of_run = [control.of_frames(one) for one in frames]
    found = []
    for name in of_run[0]:
        values_of_run = [v[name] for v in of_run]
        by_scale = {
            scale: bin_means(values_of_run, make_time_bins(frames, case.settings.rules, scale))
            for scale in ("1min", "2min")
        }
        by_scale["run"] = np.array([np.nanmean(v) for v in values_of_run], dtype=float)
        by_scale["session"] = kernel.scales.of_group @ by_scale["run"]
        found.append((name, by_scale))
    return found
