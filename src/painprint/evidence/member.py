"""A decoded person as member of a group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from painprint.arrays import short_repr
from painprint.decode.decoding import Decoding
from painprint.runs import Run, RunKey
from painprint.signature.model import Signature, final_model, make_signature


@short_repr
@dataclass(frozen=True, eq=False)
class Member:
    """A decoded person as member of a group.

    Attributes
    ----------
    atlas : str
        Signatures are applied only to people with the same atlas.
    signature : Signature
        With the final model alone.
    leave_out : {"session", "run"}
    groups : tuple of str
        Sessions or runs that were held out in turn, in order.
    used : tuple of RunKey
        Runs that were decoded.
    predictions : DataFrame
        Held-out predictions by models of the person's own: columns of predictions.tsv, with
        int group_index ``group`` and ``run_code``.
    load : callable
        Returns the rated runs; those that were not decoded are ignored.
    folds : callable
        Returns the signature with the models of the outer folds.
    """

    name: str
    atlas: str
    signature: Signature
    leave_out: str
    groups: tuple[str, ...]
    used: tuple[RunKey, ...]
    predictions: pd.DataFrame
    load: Callable[[], Iterable[Run]]
    folds: Callable[[], Signature]

    @classmethod
    def of(
        cls, decoding: Decoding, load: Callable[[], Iterable[Run]], *, name: str, atlas: str = ""
    ) -> Member:
        """From a decoding and the runs that went into it."""
        signature = make_signature(decoding, simulated=False, metrics={})
        return cls(
            name=name,
            atlas=atlas,
            signature=final_model(signature),
            leave_out=decoding.settings.leave_out,
            groups=decoding.groups,
            used=tuple(run.key for run in decoding.frames),
            predictions=decoding.predictions,
            load=load,
            folds=lambda: signature,
        )

    def runs(self) -> Iterator[Run]:
        """The runs that were decoded, in that order."""
        loaded = {run.key: run for run in self.load() if run.key in self.used}
        if missing := [str(key) for key in self.used if key not in loaded]:
            raise ValueError(
                f"{self.name}: {len(missing)} of the decoded runs cannot be read any more (first: "
                f"{missing[0]}). Decode the person again."
            )
        yield from (loaded[key] for key in self.used)

    def code(self, key: RunKey) -> int:
        """Index of a run's group."""
        session = key.session or "n/a"
        return self.groups.index(session if self.leave_out == "session" else str(key))
