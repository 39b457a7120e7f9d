"""Select the usable frames, runs, regions and groups of a person, before any fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from painprint.arrays import Codes
from painprint.decode.copies import SAME_RATING, check_copies, note_same_ratings
from painprint.decode.prior import Prior, match_prior
from painprint.excluded import list_excluded
from painprint.quality import BoldQuality, quality_of
from painprint.regions import Regions, RegionsLike
from painprint.runs import (
    FD,
    ExcludedRun,
    Frames,
    Run,
    RunKey,
    count_frames,
    keep_common_events,
    pair_frames,
)  # fmt: skip
from painprint.settings import Settings
from painprint.wording import plural

SAME_TR = 1e-3
"""Relative difference of repetition times that is rounding: headers hold float32."""

LITTLE_OF_RANGE = 0.1
"""Share of the possible range; ratings that use less of it may have another unit."""
UNWANTED = "excluded by name or network"
"""Reason of regions that options exclude."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """Usable runs with a common set of regions.

    Attributes
    ----------
    runs : list of lists of Frames
        Frames of each run at each lag of the settings.
    regions_left_out : dict
        Reason by name of the excluded region.
    notes : tuple of str
        What is unusual about several runs at once.
    prior : Prior or None
        Prior of the models, with these regions.
    quality : dict
        Quality of the BOLD of each run that was given, as far as its frames tell.
    """

    runs: list[list[Frames]]
    regions: Regions
    regions_left_out: dict[str, str]
    runs_left_out: tuple[ExcludedRun, ...]
    notes: tuple[str, ...] = ()
    prior: Prior | None = None
    quality: Mapping[RunKey, BoldQuality] = field(default_factory=dict)

    def __repr__(self) -> str:
        n_sessions = len({lags[0].key.session for lags in self.runs})
        return (
            f"Prepared({plural(len(self.runs), 'run')} in {plural(n_sessions, 'session')}, "
            f"{plural(len(self.regions.names), 'region')}; excluded: "
            f"{plural(len(self.runs_left_out), 'run')}, "
            f"{plural(len(self.regions_left_out), 'region')})"
        )

    def groups(self, leave_out: str) -> tuple[Codes, tuple[str, ...]]:
        """Group of each run, numbered in order of appearance, and the groups' names.

        Raises
        ------
        ValueError
            If there are fewer than 3.
        """
        labels = [group_of(lags[0].key, leave_out) for lags in self.runs]
        groups = tuple(dict.fromkeys(labels))
        if len(groups) < 3:
            raise ValueError(self._too_few(len(groups), leave_out))
        return np.array([groups.index(label) for label in labels]), groups

    def _too_few(self, n_groups: int, leave_out: str) -> str:
        unit = f"{leave_out}{'s' * (n_groups != 1)}"
        advice = " More data are needed." if self.runs and not self.runs_left_out else ""
        if leave_out == "session" and len(self.runs) >= 3:
            advice = (
                f" There are {len(self.runs)} usable runs: leave out runs instead "
                "(leave_out='run', --leave-out run)."
            )
        n_runs = len(self.runs) + len(self.runs_left_out)
        lost = "".join(f"\n  excluded {line}" for line in list_excluded(self.runs_left_out, n_runs))
        return (
            f"{n_groups} usable {unit}, but nested leave-one-{leave_out}-out needs at least 3."
            f"{advice}{lost}"
        )


def prepare_runs(
    runs: Iterable[Run],
    settings: Settings,
    *,
    regions: RegionsLike | None = None,
    prior: Prior | None = None,
) -> Prepared:
    """Pair frames, exclude unusable runs, and fix the set of regions over all runs.

    The set of regions is the only choice made outside cross-validation: it depends on coverage in
    all runs, never on ratings.

    Parameters
    ----------
    runs : iterable of Run
        In the order of time; read one at a time.
    regions : Regions, mapping of str to str, or sequence of str, optional
        Networks of the regions, or of each by its name, matched by name; or their names. The last
        two name regions that have only numbers, in order.
    prior : Prior, optional
        Prior of the models, matched by the names of regions.

    Raises
    ------
    ValueError
        If names are those of no region, a run is given twice, ratings are outside the possible
        range, runs of different groups have the same signals, or fewer than 2 regions have a signal
        in every run.

    References
    ----------
    docs/methods.md
    """
    paired, too_short, quality = _pair_runs(runs, settings)
    table = None if regions is None else Regions.of(regions)
    if table is not None and not isinstance(regions, Regions):
        paired = _name_regions(paired, table)
    prepared = _fix_regions(paired, settings, table, too_short)
    usable = [lags[0] for lags in prepared.runs]
    groups = [group_of(frames.key, settings.leave_out) for frames in usable]
    check_copies(usable, groups)
    notes = (
        *_note_times(usable),
        *_check_range(usable, settings.rating_range),
        *note_same_ratings(usable, groups),
    )
    if prior is not None:
        prior, of_prior = match_prior(prior, prepared.regions.names, settings)
        notes = (*notes, *of_prior)
    return replace(prepared, notes=notes, quality=quality, prior=prior)


def _name_regions(paired: list[list[Frames]], table: Regions) -> list[list[Frames]]:
    """The frames with these names where regions have only numbers; as they are if names match."""
    of_runs = dict.fromkeys(name for lags in paired for name in lags[0].regions)
    if not of_runs or of_runs.keys() & set(table.names):
        return paired
    if list(of_runs) != [str(i + 1) for i in range(len(of_runs))]:
        first, theirs = table.names[0], next(iter(of_runs))
        raise ValueError(
            f"regions= has none of the runs' regions: its first is {first!r}, theirs {theirs!r}. "
            "Give the names that the runs have."
        )
    if {len(lags[0].regions) for lags in paired} != {len(table.names)}:
        raise ValueError(
            f"regions= has {len(table.names)} names, but the runs have {len(of_runs)} regions. "
            "Give one name for each column of the signals."
        )
    return [[replace(frames, regions=table.names) for frames in lags] for lags in paired]


def _note_times(runs: Sequence[Frames]) -> tuple[str, ...]:
    """A note where runs have different repetition times."""
    times_s = sorted({frames.tr_s for frames in runs})
    if not times_s or times_s[-1] <= (1 + SAME_TR) * times_s[0]:
        return ()
    return (
        f"runs have repetition times from {times_s[0]:g} to {times_s[-1]:g} s: the lag and the "
        "dropped start are rounded to the frames of each run.",
    )


def _check_range(
    runs: Sequence[Frames], value_range: tuple[float, float] | None
) -> tuple[str, ...]:
    """A note where ratings use little of the range that was given as possible."""
    if value_range is None or not runs:
        return ()
    low, high = value_range
    rounding = SAME_RATING * (high - low)
    for frames in runs:
        for value in (float(frames.rating.min()), float(frames.rating.max())):
            if not low - rounding <= value <= high + rounding:
                raise ValueError(
                    f"rating_range is {low:g} to {high:g}, but {frames.key} has the rating "
                    f"{value:g}. Give the lowest and the highest possible rating."
                )
    least = min(float(frames.rating.min()) for frames in runs)
    most = max(float(frames.rating.max()) for frames in runs)
    if most - least >= LITTLE_OF_RANGE * (high - low):
        return ()
    return (
        f"ratings are {least:g} to {most:g}, less than a tenth of the possible range, {low:g} to "
        f"{high:g} (--rating-range). Check that the range is in their unit.",
    )


def group_of(key: RunKey, leave_out: str) -> str:
    """Name of the group of a run: its session, or itself where runs are left out."""
    return key.session or "n/a" if leave_out == "session" else str(key)


def _pair_runs(
    runs: Iterable[Run], settings: Settings
) -> tuple[list[list[Frames]], list[ExcludedRun], dict[RunKey, BoldQuality]]:
    """Frames of each usable run at every lag; excluded runs with the reason; quality of each."""
    if isinstance(runs, Run):
        raise ValueError("runs is one Run; give several, as in a list.")
    usable, excluded = [], []
    quality: dict[RunKey, BoldQuality] = {}
    for run in runs:
        if not isinstance(run, Run):
            raise ValueError(f"runs holds {type(run).__name__}; each must be a Run.")
        if run.key in quality:
            raise ValueError(f"{run.key} is given twice; sessions, tasks or runs must differ.")
        assert run.censored is not None  # set in Run.__post_init__
        quality[run.key] = quality_of(run.censored, run.confounds.get(FD))
        lags = [
            pair_frames(
                run,
                lag_frames=count_frames(lag_s, run.tr_s, up=False),
                drop_frames=count_frames(settings.drop_s, run.tr_s, up=True),
            )
            for lag_s in settings.lag_s
        ]
        lags = keep_common_events(lags)
        kept_s = min(frames.kept_s for frames in lags)
        if kept_s < settings.min_run_s or min(len(frames) for frames in lags) < 2:
            excluded.append(ExcludedRun(run.key, _too_short(lags[0], kept_s, settings)))
        else:
            usable.append(lags)
    return usable, excluded, quality


def describe_left_out(counts: Mapping[str, int]) -> str:
    """Numbers of frames that are not used, with the reasons; empty where all are used."""
    return ", ".join(
        f"{count} {name}"
        for key, name in (
            ("n_start", "at the start (--drop)"),
            ("n_beyond_end", "without BOLD after the lag"),
            ("n_without_rating", "without a rating"),
            ("n_censored", "censored"),
            ("n_without_signal", "without a signal"),
        )
        if (count := counts[key])
    )


def _too_short(frames: Frames, kept_s: float, settings: Settings) -> str:
    reasons = describe_left_out(frames.counts)
    return (
        f"{kept_s:.0f} s of usable data; at least {settings.min_run_s:g} s are needed "
        f"(--min-run). Of {frames.counts['n_frames']} frames, excluded: {reasons or 'none'}."
    )


def _fix_regions(
    paired: list[list[Frames]],
    settings: Settings,
    table: Regions | None,
    too_short: list[ExcludedRun],
) -> Prepared:
    """Exclude regions, and runs that lack many of them, so that all runs have the same regions."""
    names = tuple(dict.fromkeys(n for lags in paired for n in lags[0].regions))
    network_of = table.network_of if table else {}
    known = Regions(names, tuple(network_of.get(n, "") for n in names))
    unwanted = known.find(settings.exclude_network, settings.exclude_region) if paired else ()
    reasons = dict.fromkeys(sorted(unwanted), UNWANTED)
    # a region is required if most runs have it, so that a run of another atlas excludes itself
    names_of_run = [frozenset.intersection(*map(_usable_names, lags)) for lags in paired]
    n_with = Counter(n for usable_names in names_of_run for n in usable_names)
    for n in names:
        if n not in reasons and n_with[n] <= len(paired) / 2:
            reasons[n] = f"has a signal in only {n_with[n]} of {len(paired)} runs"
    required = [n for n in names if n not in reasons]

    usable, excluded = [], list(too_short)
    for lags, usable_names in zip(paired, names_of_run, strict=True):
        missing = [n for n in required if n not in usable_names]
        if len(missing) > settings.max_missing_regions * len(required):
            reason = (
                f"{len(missing)} of {len(required)} regions have no signal "
                f"(first: {', '.join(missing[:3])}); the largest allowed share is "
                f"{settings.max_missing_regions:g} (--max-missing-regions)."
            )
            excluded.append(ExcludedRun(lags[0].key, reason))
        else:
            usable.append((lags, usable_names))
    for n in required:
        without = [str(lags[0].key) for lags, usable_names in usable if n not in usable_names]
        if without:
            more = f" and {len(without) - 1} more" if len(without) > 1 else ""
            reasons[n] = f"absent, constant or not finite in {without[0]}{more}"
    kept = tuple(n for n in names if n not in reasons)
    if usable and len(kept) < 2:
        first_reasons = "; ".join(f"{name}: {why}" for name, why in list(reasons.items())[:3])
        raise ValueError(
            f"regions with a signal in every run: {len(kept)}, but at least 2 are needed. "
            f"Excluded: {first_reasons}."
        )
    return Prepared(
        runs=[[frames.select(kept) for frames in lags] for lags, _ in usable],
        regions=Regions(kept, tuple(known.network_of[n] for n in kept)),
        regions_left_out=reasons,
        runs_left_out=tuple(excluded),
    )


def _usable_names(frames: Frames) -> frozenset[str]:
    return frozenset(n for n, ok in zip(frames.regions, frames.usable, strict=True) if ok)
