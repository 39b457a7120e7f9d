"""Sensitivity analyses: other regions, a buffer between sessions, the first run only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.decode.errors import NotEnoughData
from painprint.decode.metrics import Rows, rows_by_scale
from painprint.decode.prepare import Prepared
from painprint.decode.refit import refit
from painprint.evidence.case import Case, make_bin_grams
from painprint.evidence.permuted_ratings import run_positions
from painprint.evidence.scores import Scores, main_scores, score_rows
from painprint.evidence.stage import StageResult
from painprint.progress import OnStep, count_steps
from painprint.regions import Regions
from painprint.stats.bootstrap import block_length
from painprint.wording import plural

Variant = tuple[str, int, Callable[[], Mapping[str, Rows]]]
"""Name, number of regions, and the analysis, which returns held-out predictions by scale."""
Planned = Iterator[Variant | str]
"""Variants that are possible, and sentences on what is not."""

MAIN = "main analysis"
FEWEST_REGIONS = 4
FEWEST_FIRST_RUNS = 3
OTHER_AREAS = ", areas of "
"""Part of the name of variants with an individual parcellation of some sessions, or of all."""
FEWEST_OF_HALF = 4
"""Fewest groups that are decoded with a parcellation made from other sessions."""


def sensitivity_analyses(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Repeat the main analysis with changes.

    Returns
    -------
    result : StageResult
        Table ``sensitivity``: r, centred r and skill of the main analysis, then of each variant,
        at every scale, with session-block intervals.

    References
    ----------
    docs/methods.md
    """
    plans = (_first_run, _farther_sessions, _other_regions, _other_areas)
    planned = [variant for plan in plans for variant in plan(case)]
    not_done = [variant for variant in planned if isinstance(variant, str)]
    variants = [variant for variant in planned if not isinstance(variant, str)]
    step = count_steps(on_step, len(variants))
    scored = {MAIN: (len(case.decoding.regions.names), main_scores(case.decoding))}
    for name, n_regions, analyse in variants:
        try:
            scored[name] = n_regions, _score(case, analyse())
        except NotEnoughData as error:
            not_done.append(f"No analysis of {name!r}: {error}")
        step()
    rows = [
        {"variant": name, "n_regions": n_regions, "scale": scale, **scores}
        for name, (n_regions, by_scale) in scored.items()
        for scale, scores in by_scale.items()
    ]
    return StageResult({"sensitivity": pd.DataFrame(rows)}, {}, tuple(not_done))


def _score(case: Case, held_out: Mapping[str, Rows]) -> dict[str, Scores]:
    """Scores by scale; variants of as many groups share their resamples."""
    n_bootstraps = case.settings.n_bootstraps
    return {
        scale: score_rows(rows, n_bootstraps=n_bootstraps, rng=case.stream("sensitivity"))
        for scale, rows in held_out.items()
    }


def _first_run(case: Case) -> Planned:
    """The existing predictions of each session's first run, without retraining."""
    position = run_positions([run.key for run in case.decoding.frames])
    n_sessions = len({run.key.session for run in case.decoding.frames})
    first = np.flatnonzero(position == 0)
    if position.max() == 0:
        yield "No analysis of the first run only: every session has one run."
        return
    if len(first) < FEWEST_FIRST_RUNS:
        yield f"No analysis of the first run only: {len(first)} sessions have it."
        return
    if missing := n_sessions - len(first):
        yield f"First run only: {missing} of {n_sessions} sessions lack it."
    predictions = case.decoding.predictions
    chosen = predictions[predictions["run_code"].isin(first)]
    # the mean of a held-out group is then that of its first run
    levels = chosen[chosen["scale"] == "run"].assign(scale="session")
    table = pd.concat([chosen[chosen["scale"] != "session"], levels], ignore_index=True)
    yield "first run only", len(case.decoding.regions.names), partial(rows_by_scale, table)


def _farther_sessions(case: Case) -> Planned:
    """Neighbouring groups excluded from training: as a buffer, or held out together."""
    unit, n_groups = case.settings.leave_out, len(case.decoding.groups)
    n_regions, buffer = len(case.decoding.regions.names), case.settings.buffer_sessions
    if n_groups < 3 + 4 * buffer:
        yield (
            f"No analysis with a buffer of {plural(buffer, unit)} on either side: "
            f"{3 + 4 * buffer} {unit}s are needed, and there are {n_groups}."
        )
    else:
        again = partial(_refit, case, buffer=buffer)
        yield f"buffer of {buffer} on either side", n_regions, again
    length = block_length(n_groups)
    blocks = np.arange(n_groups) // length
    if length < 2 or blocks.max() < 2:
        yield (
            f"No analysis with blocks of neighbouring {unit}s held out together: {n_groups} "
            f"{unit}s make fewer than 3 blocks."
        )
    else:
        again = partial(_refit, case, fold_of_group=blocks)
        yield f"blocks of {length} left out together", n_regions, again


def _refit(
    case: Case, *, buffer: int = 0, fold_of_group: NDArray[np.int64] | None = None
) -> Mapping[str, Rows]:
    return refit(
        case.bin_grams,
        case.settings.rules,
        buffer=buffer,
        fold_of_group=fold_of_group,
        n_jobs=case.n_jobs,
    ).rows()


def is_visual(network: str) -> bool:
    """Whether this is a name of the visual network, or of a part of it.

    Examples
    --------
    >>> [is_visual(name) for name in ("VIS", "VisCent", "Visual2", "DMN", "visuomotor")]
    [True, True, True, False, False]
    """
    return network.lower().startswith("vis") and not network.lower().startswith("visuo")


def _other_regions(case: Case) -> Planned:
    """With visual regions, only visual regions, and without each network."""
    used = case.decoding.regions
    unrestricted = case.with_all_regions()
    if not any(unrestricted.regions.networks):
        yield "No analysis with other regions: the regions' networks are unknown."
        return
    if [lags[0].key for lags in unrestricted.runs] != [f.key for f in case.decoding.frames]:
        yield "No analysis with other regions: with all regions, other runs would be used."
        return
    visual = [n for n, w in unrestricted.regions.network_of.items() if is_visual(w)]
    sets: dict[str, list[str]] = {}
    if not visual:
        yield "No analysis for visual regions: no network is called visual."
    else:
        sets["only visual regions"] = visual
    if excluded := set(visual) - set(used.names):
        with_visual = [n for n in unrestricted.regions.names if n in excluded or n in used.names]
        sets["visual regions in"] = with_visual
    variants: list[Variant] = [
        (name, len(regions), partial(_refit_regions, case, unrestricted, regions))
        for name, regions in sets.items()
    ]
    for network in dict.fromkeys(w for w in used.networks if w):
        left_out = [n for n, w in used.network_of.items() if w == network]
        n_left = len(used.names) - len(left_out)
        variants.append((f"without {network}", n_left, partial(_refit_without, case, left_out)))
    for name, n, analyse in variants:
        if n < FEWEST_REGIONS:
            yield f"No analysis {name}: {n} regions are left."
        else:
            yield name, n, analyse


def _refit_without(case: Case, names: Sequence[str]) -> Mapping[str, Rows]:
    """The main analysis without some regions."""
    bin_grams = [bin_gram.without(names, n_jobs=case.n_jobs) for bin_gram in case.bin_grams]
    return refit(bin_grams, case.settings.rules, n_jobs=case.n_jobs).rows()


def _refit_regions(case: Case, unrestricted: Prepared, names: Sequence[str]) -> Mapping[str, Rows]:
    """The main analysis with other regions."""
    networks = tuple(unrestricted.regions.network_of[n] for n in names)
    prepared = replace(
        unrestricted,
        runs=[[run.select(names) for run in lags] for lags in unrestricted.runs],
        regions=Regions(tuple(names), networks),
    )
    return _refit(replace(case, decoding=replace(case.decoding, prepared=prepared)))


def _other_areas(case: Case) -> Planned:
    """Sessions decoded with a parcellation made from other sessions, or from the same ones.

    The parcellations of both halves are based on about as much data, so they differ in whether the
    resting scans of the decoded sessions were used; that of all sessions is based on about twice as
    much. All variants have the same sessions, all regions, and models of these sessions alone.
    """
    keys = [f.key for f in case.decoding.frames]
    sessions = [key.session for key in keys]
    prepared_of = {areas.name: areas.prepare() for areas in case.material.other_areas}
    if prepared_of:
        prepared_of["all"] = case.with_all_regions()
    for name in [n for n, p in prepared_of.items() if [lags[0].key for lags in p.runs] != keys]:
        yield f"No analysis with areas of {name}: other runs would be used."
        del prepared_of[name]
    halves = [areas.sessions for areas in case.material.other_areas]
    if unseen := sorted(set(sessions) - frozenset().union(*halves)) if halves else []:
        yield (
            f"No analysis with areas of halves of the sessions {', '.join(unseen)}: their rest is "
            "in neither half."
        )
    for areas in case.material.other_areas:
        seen = frozenset().union(*halves) - areas.sessions
        chosen = [k for k, session in enumerate(sessions) if session in seen]
        n_groups = len(np.unique(case.decoding.training.group_index[chosen]))
        if n_groups < FEWEST_OF_HALF:
            yield (
                f"No analysis with areas of {areas.name}: {n_groups} {case.settings.leave_out}s "
                f"are of other sessions; at least {FEWEST_OF_HALF} are needed."
            )
            continue
        n_sessions = len({sessions[k] for k in chosen})
        ordered = sorted(
            prepared_of.items(), key=lambda item: (item[0] == "all", item[0] != areas.name)
        )
        for name, prepared in ordered:
            variant = f"{n_sessions} sessions outside {areas.name}{OTHER_AREAS}{name}"
            again = partial(_refit_some, case, prepared, chosen)
            yield variant, len(prepared.regions.names), again


def _refit_some(case: Case, prepared: Prepared, chosen: Sequence[int]) -> Mapping[str, Rows]:
    """The main analysis of a subset of the runs."""
    runs = replace(prepared, runs=[prepared.runs[k] for k in chosen])
    groups = case.decoding.training.group_index[list(chosen)]
    group_index = np.unique(groups, return_inverse=True)[1]
    bin_grams = make_bin_grams(runs, group_index, case.settings, n_jobs=case.n_jobs)
    return refit(bin_grams, case.settings.rules, n_jobs=case.n_jobs).rows()
