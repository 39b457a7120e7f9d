"""Which confounds can be analysed: what each is made of, and which are missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from painprint.arrays import Codes, Matrix, Vector
from painprint.bins import Bins
from painprint.decode.bin_gram import KINDS, BinGram
from painprint.decode.refit import Columns
from painprint.evidence.case import Case
from painprint.evidence.permutations import session_levels
from painprint.runs import DVARS, FD, MOTION_NAMES, Frames


@dataclass(frozen=True, eq=False)
class Confound:
    """Something that the signature must not be; exactly one way to get its values is given.

    Attributes
    ----------
    family : str
        p-values of a family are corrected together (Holm).
    of_frames : callable, optional
        Values of every kept frame of a run, by variable.
    of_groups : callable, optional
        Values of every group, given the groups that train: (bin_gram, training) to an array of
        shape (n_groups, n_variables).
    of_ratings : bool
        Whether the values come from the ratings: then no permutation of these can test it.
    """

    name: str
    family: str
    of_frames: Callable[[Frames], Mapping[str, Vector]] | None = None
    of_groups: Callable[[BinGram, Codes], Matrix] | None = None
    of_ratings: bool = False

    def columns(self, bin_grams: Sequence[BinGram]) -> Columns:
        """Its values for every row of a bin_gram, given the groups that train."""
        if self.of_frames is not None:
            fixed = [_frame_columns(self.of_frames, bin_gram) for bin_gram in bin_grams]
            return lambda bin_gram, training: fixed[bin_grams.index(bin_gram)]
        of_groups = self.of_groups
        assert of_groups is not None  # one of the two is given
        return lambda bin_gram, training: of_groups(bin_gram, training)[
            np.concatenate([bin_gram.groups(kind) for kind in KINDS])
        ]


def _frame_columns(
    of_frames: Callable[[Frames], Mapping[str, Vector]], bin_gram: BinGram
) -> Matrix:
    """Per variable, the mean of the row's group and the row's distance from it.

    Two columns, for what goes along within sessions may go against between them.
    """
    groups = np.concatenate([bin_gram.groups(kind) for kind in KINDS])
    values = [of_frames(one) for one in bin_gram.frames]
    columns = []
    for name in values[0]:
        of_run = [v[name] for v in values]
        rows = np.concatenate([bin_means(of_run, bin_gram.bins[kind]) for kind in KINDS])
        levels = bin_gram.scales.of_group @ np.array([np.nanmean(v) for v in of_run])
        columns += [levels[groups], rows - levels[groups]]
    return np.column_stack(columns)


def bin_means(of_run: Sequence[Vector], bins: Bins) -> Vector:
    """Mean over the frames of each bin; frames without a value do not count."""
    return np.array(
        [np.nanmean(of_run[r][frames]) for r, frames in zip(bins.run, bins.frames, strict=True)]
    )


def find_confounds(case: Case) -> tuple[list[Confound], list[str]]:
    """Confounds that the data allow, and why the others are not possible."""
    bin_gram, unit = case.bin_grams[0], case.settings.leave_out
    found, not_done = confounds_of_motion(case.bin_grams)
    found += [
        Confound("global signal", "global signal", of_frames=_global_signal),
        Confound("time in run", "time", of_frames=_time_in_run),
        Confound(f"{unit} number", "time", of_groups=_place_in_order),
        Confound(f"previous {unit}'s mean", "level", of_groups=previous_means, of_ratings=True),
    ]
    covariates = [c for c in case.sessions.columns if c not in ("session", "days")]
    if not covariates:
        not_done.append(
            "No confound for session covariates, such as medication: sessions.tsv has no numeric "
            "column."
        )
    for name in covariates:
        values = case.of_groups(name)
        n_known, n_groups = int(np.isfinite(values).sum()), bin_gram.n_groups
        if n_known < n_groups:
            not_done.append(
                f"No confound for {name}: it is known in {n_known} of {n_groups} {unit}s."
            )
        elif np.ptp(values) == 0:
            not_done.append(f"No confound for {name}: it is the same in every {unit}.")
        else:
            found.append(Confound(name, "covariates", of_groups=_fixed(values[:, None])))
    return found, not_done


def confounds_of_motion(bin_grams: Sequence[BinGram]) -> tuple[list[Confound], list[str]]:
    """Confounds of motion that every run allows, and why the others are not possible."""
    found, not_done = [], []
    for name, variables in (
        ("framewise displacement", (FD,)),
        ("motion parameters", MOTION_NAMES),
        ("DVARS", (DVARS,)),
    ):
        if reason := next(filter(None, (_missing(variables, k) for k in bin_grams)), None):
            not_done.append(f"No confound for {name}: {reason}")
        else:
            found.append(Confound(name, "motion", of_frames=_confounds(variables)))
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


def _place_in_order(bin_gram: BinGram, training: Codes) -> Matrix:
    """A parabola over the order of groups: 2 degrees of freedom."""
    place = np.linspace(-1, 1, bin_gram.n_groups)
    return np.column_stack([place, place**2])


def _fixed(values: Matrix) -> Callable[[BinGram, Codes], Matrix]:
    return lambda bin_gram, training: values


def previous_means(bin_gram: BinGram, training: Codes) -> Matrix:
    """Mean rating of the last training group before each; before the first one, of them all.

    Groups that do not train are skipped, so no rating of theirs reaches a training row.
    """
    means = session_levels(bin_gram)
    before = [training[training < g] for g in range(bin_gram.n_groups)]
    overall = means[training].mean()
    return np.array([[means[b[-1]] if len(b) else overall] for b in before])


def _missing(variables: Sequence[str], bin_gram: BinGram) -> str | None:
    """Why a confound of frames is not possible, if so."""
    frames = bin_gram.frames
    without = [str(one.key) for one in frames if not set(variables) <= set(one.confounds)]
    if without:
        return f"{len(without)} of {len(frames)} runs have none (first: {without[0]})."
    for bins in bin_gram.bins.values():
        for r, members in zip(bins.run, bins.frames, strict=True):
            if any(np.isnan(frames[r].confounds[v][members]).all() for v in variables):
                return f"{frames[r].key} has a bin without a value."
    if all(np.ptp(np.concatenate([f.confounds[v] for f in frames])) == 0 for v in variables):
        return "it never varies."
    return None
