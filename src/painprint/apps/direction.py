"""Score runs of a person without rated sessions with a prior: direction only.

Other people's signatures may tell whether pain goes up or down within a run. They tell neither its
level nor its unit, and how wrong they are for this person is unknown; so there is no interval.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.apps.new_runs import find_new_runs
from painprint.apps.reading_text import aligned, full_table, with_integers
from painprint.arrays import short_repr
from painprint.bids.load import load_bold
from painprint.bids.select import is_dense
from painprint.bins import make_test_bins
from painprint.errors import DerivativesError
from painprint.runs import Frames, Run, count_frames, pair_frames
from painprint.settings import PRESETS
from painprint.signature.applicability import MOST_MISSING
from painprint.signature.prior import PooledPrior, read_prior
from painprint.store.files import hash_input
from painprint.wording import count_people, number, plural

log = logging.getLogger("painprint")

COLUMNS = ("file", "minute", "onset", "n_frames", "direction", "z")
UP, DOWN, UNCLEAR = "up", "down", "unclear"
LEAST_Z = 0.5
"""Smallest distance of z from 0 at which a direction is given."""


@short_repr
@dataclass(frozen=True, eq=False)
class Directions:
    """Direction of pain within runs, by the signatures of other people.

    Attributes
    ----------
    table : DataFrame
        A row per minute: ``file``, ``minute``, ``onset`` (s), ``n_frames``, ``direction`` (up or
        down, from the mean of the run, or unclear), and ``z``, the score standardised over the
        minutes of the run (unitless).
    """

    table: pd.DataFrame
    n_people: int
    simulated: bool = False

    def full(self) -> str:
        """The table as TSV."""
        return full_table(with_integers(self.table))

    def short(self) -> str:
        """The table with rounded numbers."""
        rows = [
            [row["file"], str(row["minute"]), row["direction"], number(row["z"])]
            for row in self.table.to_dict(orient="records")
        ]
        return "\n".join(aligned([["file", "minute", "direction", "z"], *rows]))

    def sentences(self) -> Iterator[str]:
        """What the table says, and what it does not."""
        simulated = " (simulated)" if self.simulated else ""
        yield (
            f"Direction only, by the signatures of {count_people(self.n_people)}{simulated}: "
            "whether pain is probably higher (up) or lower (down) than the mean of its run. z: the "
            f"score, standardised within the run; between -{LEAST_Z:g} and {LEAST_Z:g} the "
            "direction is unclear."
        )
        yield (
            "It is no pain score: it has no unit, no level, no interval, and does not compare runs "
            "or people. Whether these signatures fit this person is unknown until there are "
            "rated sessions (painprint run --prior). These runs are not among those of the prior; "
            "whether their person is, is not known."
        )


def read_directions(path: Path, runs: Sequence[Path], *, tr_s: float | None = None) -> Directions:
    """Score runs with a prior.

    Parameters
    ----------
    path : Path
        File of `painprint pool`.
    runs : sequence of Path
        Regional time series.
    tr_s : float, optional
        Repetition time that overrides sidecars and headers (s).

    Raises
    ------
    DerivativesError
        If the prior or a run cannot be used.
    """
    prior, tables = read_prior(path), []
    for of_run, files in zip(runs, find_new_runs(runs), strict=True):
        if is_dense(files.series):
            raise DerivativesError(
                "is dense BOLD; a prior scores regional time series. Make those of the atlas of "
                f"the prior ({', '.join(prior.card.atlases) or 'unknown'}).",
                of_run,
            )
        if hash_input(files.series.path) in prior.card.runs_sha256:
            raise DerivativesError(
                "is among the runs that the prior was learnt from, so the score would be no "
                "prediction. Leave it out.",
                of_run,
            )
        bold = load_bold(files, tr_s)
        for note in bold.notes:
            log.warning("%s: %s", of_run.name, note)
        run = bold.as_run(files.key)
        try:
            tables.append(score_minutes(prior, run).assign(file=of_run.name))
        except ValueError as error:
            raise DerivativesError(str(error), of_run) from error
    table = pd.concat(tables, ignore_index=True)[list(COLUMNS)]
    return Directions(table, prior.card.n_people, prior.card.simulated)


def score_minutes(prior: PooledPrior, run: Run) -> pd.DataFrame:
    """Minutes of a run with direction and z.

    Raises
    ------
    ValueError
        If regions are missing, too few frames are usable, or the score does not vary.
    """
    frames = _pair(prior, run)
    scores = prior.prior.score(frames)
    bins = make_test_bins([frames], PRESETS["recommended"], "1min")
    means = np.array([scores[members].mean() for members in bins.frames])
    if len(means) < 2 or not np.isfinite(means).all() or np.ptp(means) == 0:
        raise ValueError(
            f"the score does not vary over {plural(len(means), 'minute')}, so it has no direction. "
            "Give a longer run, and check its signals."
        )
    z = (means - means.mean()) / means.std(ddof=1)
    return pd.DataFrame(
        {
            "minute": bins.number,
            "onset": [run.start_s + frames.frame[m[0]] * run.tr_s for m in bins.frames],
            "n_frames": [len(m) for m in bins.frames],
            "direction": np.where(abs(z) < LEAST_Z, UNCLEAR, np.where(z > 0, UP, DOWN)),
            "z": z,
        }
    )


def _pair(prior: PooledPrior, run: Run) -> Frames:
    """Usable frames with the regions of the prior, at the median of its lags."""
    card = prior.card
    frames = pair_frames(
        run,
        lag_frames=count_frames(float(np.median(card.lag_s)), run.tr_s, up=False),
        drop_frames=count_frames(max(card.drop_s), run.tr_s, up=True),
        need_rating=False,
    )
    usable = [name for name, ok in zip(frames.regions, frames.usable, strict=True) if ok]
    names = prior.regions.names
    missing = [name for name in names if name not in set(usable)]
    if len(missing) > MOST_MISSING * len(names):
        raise ValueError(
            f"{len(missing)} of the prior's {len(names)} regions are missing or have no signal "
            f"(first: {', '.join(missing[:3])}). Use the same atlas."
        )
    return frames.select([name for name in names if name not in set(missing)])
