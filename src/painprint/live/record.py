"""The files of a live reading: a line for each volume, and the signals that were read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from painprint.errors import DerivativesError
from painprint.live.lines import ACQUIRED, FD, INDEX, NOTE, LineSource
from painprint.live.scorer import Reading
from painprint.live.volume import Volume
from painprint.store.appended import AppendedFile
from painprint.store.files import write_json, write_table
from painprint.store.reading import open_file


class Record:
    """A live reading on the disk, which a program that was killed can continue.

    Parameters
    ----------
    name : str
        Names of the files begin with it: ``NAME_live.jsonl`` and ``NAME_live_timeseries.tsv``.
    about : mapping
        What the first line of the readings says: the signature and the options. A record is only
        continued with the same.
    regions : sequence of str
        Of the stream.

    Raises
    ------
    DerivativesError
        If there are files of another reading with this name.
    """

    def __init__(
        self, folder: Path, name: str, about: Mapping[str, Any], regions: Sequence[str]
    ) -> None:
        self.readings = folder / f"{name}_live.jsonl"
        self.signals = folder / f"{name}_live_timeseries.tsv"
        self.answers = folder / f"{name}_live_events.tsv"
        first = _line({"kind": "live", **about, "regions": list(regions)})
        header = "\t".join([INDEX, ACQUIRED, FD, NOTE, *regions]) + "\n"
        earlier = [json.loads(line) for line in _continue(self.readings, first)]
        if earlier and earlier[-1]["kind"] == "end":
            raise DerivativesError(
                "this reading has ended. Choose another --name for the next run, or another --out.",
                self.readings,
            )
        self.earlier = earlier
        """Lines of the readings that were written before."""
        self.told = {entry[INDEX] for entry in earlier if INDEX in entry}
        self._earlier_signals = _continue(self.signals, header)
        self._readings = AppendedFile(self.readings, new=False)
        self._signals = AppendedFile(self.signals, new=False)
        for file, line in ((self._readings, first), (self._signals, header)):
            if file.is_empty:
                file.append(line.encode())
        self._header, self._n_regions = header, len(regions)

    @staticmethod
    def exists(folder: Path, name: str) -> bool:
        """Whether there is a record, which would be continued."""
        return (folder / f"{name}_live.jsonl").exists()

    def volumes(self) -> Iterator[Volume]:
        """The volumes that were read before, from which scaling goes on where it was."""
        return iter(LineSource([self._header, *self._earlier_signals], clock=lambda: 0.0))

    def add(self, volume: Volume, reading: Reading, times: Mapping[str, float]) -> None:
        """Add a volume and its reading; both are handed to the operating system at once.

        Parameters
        ----------
        times : mapping of str to float
            When it was acquired, came and was scored, in seconds after the start.
        """
        values = volume.values
        if values is None:
            values = np.full(self._n_regions, np.nan)
        cells = [f"{volume.index}", _cell(volume.acquired_s), _cell(volume.fd_mm)]
        cells.append(" ".join(volume.note.split()) or "n/a")
        self._signals.append(("\t".join([*cells, *map(_cell, values)]) + "\n").encode())
        self.tell({"kind": "volume", **reading.as_row(), **times})

    def tell(self, entry: Mapping[str, Any]) -> None:
        """Add a line to the readings."""
        self._readings.append(_line(entry).encode())

    def write_answers(self, table: pd.DataFrame, sidecar: Mapping[str, Any]) -> None:
        """Write the answers so far as events in BIDS, with their sidecar."""
        write_json(self.answers.with_suffix(".json"), sidecar)
        write_table(self.answers, table)

    def close(self) -> None:
        """Close the files."""
        self._readings.close()
        self._signals.close()


def _cell(value: float | None) -> str:
    """A signal with nine digits, which give a number of single precision exactly."""
    return "n/a" if value is None or not np.isfinite(value) else f"{value:.9g}"


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, separators=(",", ":"), allow_nan=False, ensure_ascii=False) + "\n"


def _continue(path: Path, first: str) -> list[str]:
    """Whole lines of a file after its first; none if there is no file."""
    if not path.exists():
        return []
    with open_file(path) as file:
        lines = [line.decode("utf-8", errors="replace") for line in file if line.endswith(b"\n")]
    if lines and lines[0] != first:
        raise DerivativesError(
            "is of another signature, other options, or other regions. Choose another --name, or "
            "another --out.",
            path,
        )
    return lines[1:]
