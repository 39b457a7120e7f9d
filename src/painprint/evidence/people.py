"""Everything that is computed from the runs of each member of a group, each person once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Protocol

from painprint.evidence.contribution import Contribution, contribute
from painprint.evidence.member import Member
from painprint.evidence.pairs import score_pairs
from painprint.evidence.stage import StageResult
from painprint.parallel import map_in_processes
from painprint.progress import OnStep, count_steps

Score = Callable[[Member, Sequence[Member]], dict[str, StageResult]]
""":func:`~painprint.evidence.pairs.score_pairs` with its options."""


@dataclass(frozen=True, eq=False)
class Examined:
    """Scores of all signatures on one person, by name, and what the person contributes."""

    pairs: Mapping[str, StageResult]
    contribution: Contribution


class Kept(Protocol):
    """What is kept from one group level to the next, so that it is not computed again."""

    def pairs(self, person: str) -> Mapping[str, StageResult]:
        """Scores on a person that are known, by the name of the signature's person."""

    def contribution(self, person: str) -> Contribution | None:
        """What a person contributes, if it is known."""

    def keep(self, person: str, examined: Examined) -> None:
        """Keep all of a person."""


def examine(
    members: Sequence[Member],
    *,
    n_bootstraps: int,
    random_seed: int,
    n_jobs: int = 1,
    kept: Kept | None = None,
    on_step: OnStep | None = None,
) -> list[Examined]:
    """Examine every member; what is kept from before is not computed again.

    Parameters
    ----------
    n_jobs : int
        Workers; results do not depend on it.

    Raises
    ------
    ValueError
        If the runs of a person cannot be used any more.
    """
    step = count_steps(on_step, len(members))
    score = partial(score_pairs, n_bootstraps=n_bootstraps, random_seed=random_seed)
    jobs = ((person, members, score, kept) for person in members)
    found = []
    for examined in map_in_processes(_examine, jobs, n_jobs=n_jobs):
        found.append(examined)
        step()
    return found


def _examine(
    person: Member, members: Sequence[Member], score: Score, kept: Kept | None
) -> Examined:
    """Scores and contribution of one person, whose runs are read at most once."""
    load = person.load
    person = replace(person, load=cache(lambda: tuple(load())))
    known = {} if kept is None else dict(kept.pairs(person.name))
    contribution = None if kept is None else kept.contribution(person.name)
    wanted = [model for model in members if model.name not in known]
    is_new = bool(wanted) or contribution is None
    computed = score(person, wanted) if wanted else {}
    pairs = {m.name: known[m.name] if m.name in known else computed[m.name] for m in members}
    examined = Examined(pairs, contribute(person) if contribution is None else contribution)
    if kept is not None and is_new:
        kept.keep(person.name, examined)
    return examined
