"""Whose data a signature is applied to: compared by label, and by range where a label is unknown.

A signature is one person's. Whether it is valid for another is a question for
:mod:`painprint.evidence.transfer`, not for a reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from painprint.signature.applicability import CAUTION, CONNECTIVITY, DO_NOT_READ, Verdict
from painprint.signature.predict import Reading

ALLOW = "--other-person"
MAY_BE_OTHER = "these may be another person's data under this person's label"
UNUSUAL = "Their connectivity is unusual for the signature's person, as it usually is in others."


@dataclass(frozen=True)
class PersonMatch:
    """The person of a signature and that of new data.

    Parameters
    ----------
    of_signature, of_data : str
        Labels, with or without "sub-"; empty if unknown.
    allowed : bool
        Whether the data may be another person's.
    """

    of_signature: str
    of_data: str
    allowed: bool = False

    def __post_init__(self) -> None:
        for name in ("of_signature", "of_data"):
            object.__setattr__(self, name, getattr(self, name).removeprefix("sub-"))

    @property
    def known(self) -> bool:
        """Whether both labels are known."""
        return bool(self.of_signature and self.of_data)

    @property
    def same(self) -> bool:
        """Whether both labels are known and equal."""
        return self.known and self.of_signature == self.of_data

    @property
    def other(self) -> bool:
        """Whether both labels are known and differ."""
        return self.known and self.of_signature != self.of_data

    @property
    def may_be_other(self) -> bool:
        """Whether data that are not known to be the same person's may be another's."""
        return self.allowed and not self.same

    def check_labels(self) -> None:
        """Check that the labels do not differ, unless that is allowed.

        Raises
        ------
        ValueError
            Naming both.
        """
        if self.other and not self.allowed:
            raise ValueError(
                f"the signature is that of sub-{self.of_signature}, but these data are "
                f"sub-{self.of_data}'s. A signature is rarely valid for another person: use that "
                f"of sub-{self.of_data}, or pass {ALLOW} if the transfer is intended."
            )

    def check_range(self, where: str, verdicts: Iterable[Verdict]) -> None:
        """Check that the connectivity is in range, where it alone can tell whose data they are.

        Parameters
        ----------
        where : str
            The session, for the error.
        verdicts : iterable of Verdict
            Those of the session and of its runs.

        Raises
        ------
        ValueError
            If a label is unknown, and the connectivity of the session or of a run is unusual.
        """
        if self.known or self.allowed:
            return
        far = next((v for v in verdicts if has_unusual_connectivity(v)), None)
        if far is not None:
            raise ValueError(
                f"{where}: whose data these are is unknown, because {self._unknown()}, and they "
                f"are far from those of the signature's person ({'; '.join(far.reasons)}). Use the "
                f"signature of the person scanned, leave the run out, or pass {ALLOW} if it is to "
                "be read all the same."
            )

    def judge(self, reading: Reading) -> Reading:
        """The reading with what is to be known of whose data they are, as reason or warning."""
        verdicts = (reading.verdict, *reading.of_runs)
        if self.other:
            return reading.with_caution(self.note)
        if self.same:
            if any(has_unusual_connectivity(v, (DO_NOT_READ,)) for v in verdicts):
                verdict = reading.verdict.with_caution(MAY_BE_OTHER)
                return replace(reading, verdict=verdict)
            return reading
        unusual = any(map(has_unusual_connectivity, verdicts))
        hint = f" {UNUSUAL}" * unusual
        return replace(reading, warnings=(*reading.warnings, self.note + hint))

    @property
    def note(self) -> str:
        """What is to be known of whose data they are; empty if they are the same person's."""
        if self.same:
            return ""
        if self.other:
            return (
                f"the signature of sub-{self.of_signature} was applied to sub-{self.of_data} "
                f"({ALLOW}), and a signature is rarely valid for another person"
            )
        allowed = f" They were allowed to be another person's ({ALLOW})." * self.allowed
        return f"it was not checked whose data these are: {self._unknown()}.{allowed}"

    def _unknown(self) -> str:
        """Which labels are unknown."""
        unknown = []
        if not self.of_signature:
            unknown.append("the signature does not name its person")
        if not self.of_data:
            unknown.append("the files have no sub- label")
        return " and ".join(unknown)


def has_unusual_connectivity(
    verdict: Verdict, words: Sequence[str] = (CAUTION, DO_NOT_READ)
) -> bool:
    """Whether the connectivity alone gives one of these words."""
    return any(verdict.by_check.get(measure) in words for measure in CONNECTIVITY)
