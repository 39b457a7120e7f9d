"""Confounds: their values, and which of them the data allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.bins import Bins
from painprint.decode.bin_gram import BinGram
from painprint.decode.refit import Columns
from painprint.evidence.case import Case
from painprint.evidence.permuted_ratings import session_levels
from painprint.runs import DVARS, FD, MOTION_NAMES, Frames


@short_repr
@dataclass(frozen=True, eq=False)
class Confound:
    """An alternative explanation of the prediction. Exactly one source of values is given.

    Attributes
    ----------
    family : str
        p-values within a family are corrected together (Holm).
    frame_values : callable, optional
        Returns the values of every kept frame of a run, by variable.
    group_values : callable, optional
        Returns the values of every group, given the training groups: (bin_gram, training) to an
        array of shape (n_groups, n_variables).
    from_ratings : bool
        Whether the values are computed from the ratings; permuting these is then no test.
    """

    name: str
    family: str
    frame_values: Callable[[Frames], Mapping[str, Vector]] | None = None
    group_values: Callable[[BinGram, Codes], Matrix] | None = None
    from_ratings: bool = False

    def values_by_run(self, runs: Sequence[Frames]) -> dict[str, list[Vector]]:
        """Values of the kept frames of each run, by variable; empty without values of frames."""
        if self.frame_values is None:
            return {}
        values = [self.frame_values(run) for run in runs]
        return {name: [of_run[name] for of_run in values] for name in values[0]}

    def columns(self, bin_grams: Sequence[BinGram]) -> Columns:
        """Values for every row of a Gram matrix, given the training groups."""
        if self.frame_values is not None:
            fixed = [_frame_columns(self, bin_gram) for bin_gram in bin_grams]
            return lambda bin_gram, training: fixed[bin_grams.index(bin_gram)]
        group_values = self.group_values
        assert group_values is not None  # one of the two is given
        return lambda bin_gram, training: group_values(bin_gram, training)[
            np.concatenate([bin_gram.groups(kind) for kind in bin_gram.kinds])
        ]


def _frame_columns(confound: Confound, bin_gram: BinGram) -> Matrix:
    """Two columns per variable: the mean of the row's group, and the row's deviation from it.

    They are separate because associations within and between sessions may differ in sign.
    """
    groups = np.concatenate([bin_gram.groups(kind) for kind in bin_gram.kinds])
    columns = []
    for values_by_run in confound.values_by_run(bin_gram.frames).values():
        rows = np.concatenate(
            [bin_means(values_by_run, bin_gram.bins[kind]) for kind in bin_gram.kinds]
        )
        levels = bin_gram.scales.of_group @ np.array([np.nanmean(v) for v in values_by_run])
        columns += [levels[groups], rows - levels[groups]]
    return np.column_stack(columns)


def bin_means(values_by_run: Sequence[Vector], bins: Bins) -> Vector:
    """Mean over the frames of each bin; frames without a value do not count."""
    return np.array(
        [
            np.nanmean(values_by_run[r][frames])
            for r, frames in zip(bins.run, bins.frames, strict=True)
        ]
    )


def find_confounds(case: Case) -> tuple[list[Confound], list[str]]:
    """Confounds that can be analysed, and why others cannot."""
    bin_gram, unit = case.bin_grams[0], case.settings.leave_out
    confounds, not_done = confounds_of_motion(case.bin_grams)
    confounds += [
        Confound("global signal", "global signal", frame_values=_global_signal),
        Confound("time in run", "time", frame_values=_time_in_run),
        Confound(f"{unit} number", "time", group_values=_place_in_order),
        Confound(
            f"previous {unit}'s mean", "level", group_values=previous_means, from_ratings=True
        ),
    ]
    covariates = [c for c in case.sessions.columns if c not in ("session", "days")]
    if not covariates:
        not_done.append(
            "No confound analysis of session covariates, such as medication: sessions have no "
            "numeric column (sessions.tsv, or sessions= in Python)"
            f"{' but those of --not-a-covariate' * bool(case.settings.not_a_covariate)}."
        )
    for name in covariates:
        values = case.group_values(name)
        n_known, n_groups = int(np.isfinite(values).sum()), bin_gram.n_groups
        if n_known < n_groups:
            not_done.append(
                f"No confound analysis of {name}: it is known in {n_known} of {n_groups} {unit}s."
            )
        elif np.ptp(values) == 0:
            not_done.append(f"No confound analysis of {name}: it is the same in every {unit}.")
        else:
            confounds.append(Confound(name, "covariates", group_values=_fixed(values[:, None])))
    return confounds, not_done


def confounds_of_motion(bin_grams: Sequence[BinGram]) -> tuple[list[Confound], list[str]]:
    """Confounds of motion that are known in every run, and why others cannot be analysed."""
    confounds, not_done = [], []
    for name, variables in (
        ("framewise displacement", (FD,)),
        ("motion parameters", MOTION_NAMES),
        ("DVARS", (DVARS,)),
    ):
        if reason := next(
            filter(None, (_missing(variables, bin_gram) for bin_gram in bin_grams)), None
        ):
            not_done.append(f"No confound analysis of {name}: {reason}")
        else:
            confounds.append(Confound(name, "motion", frame_values=_confounds(variables)))
    return confounds, not_done


def _confounds(variables: Sequence[str]) -> Callable[[Frames], Mapping[str, Vector]]:
    return lambda frames: {name: frames.confounds[name] for name in variables}


def _global_signal(frames: Frames) -> Mapping[str, Vector]:
    """Mean over regions, and its square, because edges are products of signals."""
    mean = np.asarray(frames.signals.mean(axis=1), dtype=float)
    return {"global signal": mean, "global signal squared": mean**2}


def _time_in_run(frames: Frames) -> Mapping[str, Vector]:
    time_s = frames.frame.astype(float) * frames.tr_s
    return {"time in run": time_s, "time in run squared": time_s**2}


def _place_in_order(bin_gram: BinGram, training: Codes) -> Matrix:
    """Linear and quadratic trend over the order of groups: 2 degrees of freedom."""
    place = np.linspace(-1, 1, bin_gram.n_groups)
    return np.column_stack([place, place**2])


def _fixed(values: Matrix) -> Callable[[BinGram, Codes], Matrix]:
    return lambda bin_gram, training: values


def previous_means(bin_gram: BinGram, training: Codes) -> Matrix:
    """Mean rating of the last training group before each group; of all, before the first.

    Held-out groups are skipped, so that none of their ratings enters a training row.
    """
    means = session_levels(bin_gram)
    before = [training[training < g] for g in range(bin_gram.n_groups)]
    overall = means[training].mean()
    return np.array([[means[b[-1]] if len(b) else overall] for b in before])


def _missing(variables: Sequence[str], bin_gram: BinGram) -> str | None:
    """Why a confound with values of frames cannot be analysed; None if it can."""
    frames = bin_gram.frames
    without = [str(run.key) for run in frames if not set(variables) <= set(run.confounds)]
    if without:
        return f"{len(without)} of {len(frames)} runs have no values (first: {without[0]})."
    for bins in bin_gram.bins.values():
        for r, members in zip(bins.run, bins.frames, strict=True):
            if any(np.isnan(frames[r].confounds[v][members]).all() for v in variables):
                return f"{frames[r].key} has a bin without a value."
    if all(np.ptp(np.concatenate([f.confounds[v] for f in frames])) == 0 for v in variables):
        return "it never varies."
    return None
