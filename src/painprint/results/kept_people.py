"""What the group level computed of each person, kept so that people can be added later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from painprint.evidence.contribution import Contribution
from painprint.evidence.people import Examined
from painprint.evidence.stage import StageResult
from painprint.results.group import GroupFiles, GroupKey
from painprint.results.steps import (
    Arrays,
    load_arrays,
    load_stage_results,
    save_arrays,
    save_stage_results,
)

PAIRS, CONTRIBUTION = "pairs.json", "contribution.safetensors"


@dataclass(frozen=True, eq=False)
class KeptPeople:
    """Scores and contributions in ``group/people``, each with the key of what it depends on.

    The scores of a signature on a person depend on both people's results and the settings of the
    group level, and not on who else is there.
    """

    files: GroupFiles
    key: GroupKey

    def count(self) -> int:
        """Number of pairs whose scores are known."""
        return sum(len(self.pairs(person)) for person in self.key.of_people)

    def pairs(self, person: str) -> dict[str, StageResult]:
        """Scores on a person that are known, by the name of the signature's person."""
        path = self.files.of_person(person, PAIRS)
        return load_stage_results(path, self.key.of_pairs(person))

    def contribution(self, person: str) -> Contribution | None:
        """What a person contributes, if it is known."""
        path = self.files.of_person(person, CONTRIBUTION)
        return load_arrays(path, self.key.of_person(person), _restore)

    def keep(self, person: str, examined: Examined) -> None:
        """Keep all of a person; a contribution that is known is not written again."""
        path = self.files.of_person(person, PAIRS)
        save_stage_results(path, examined.pairs, self.key.of_pairs(person))
        if self.contribution(person) is not None:
            return
        one = examined.contribution
        about: Mapping[str, Any] = {n: v for n, v in vars(one).items() if n != "halves"}
        path = self.files.of_person(person, CONTRIBUTION)
        save_arrays(path, {"halves": one.halves}, about, self.key.of_person(person))


def _restore(arrays: Arrays, about: dict[str, Any]) -> Contribution:
    regions = tuple(about.pop("regions"))
    return Contribution(regions=regions, halves=arrays["halves"], **about)
