"""Times of the frames of a run: repetition time and start, from sidecars, headers and raw scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from painprint.bids.runs import RunFiles
from painprint.bids.select import is_dense
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, Metadata, inherited_metadata, number_in, raw_metadata
from painprint.files.lines import read_lines
from painprint.files.nifti import read_scan_header

LONGEST_TR_S = 30.0
SAME_TR = 1e-3
"""Relative difference of two repetition times that is rounding: headers hold float32."""
PLACEHOLDER_TR_S = 1.0
"""Repetition time in headers that were written by programs that did not know it."""
LONGEST_PAUSE = 0.1
"""Share of a frame in which the scanner may pause (DelayTime) without a note."""
TRUE_OR_FALSE = {"true": True, "1": True, "false": False, "0": False}
LONGEST_DUMMY_S = 30.0
"""More than this at the start of a scan is not dummy scans (s)."""


@dataclass(frozen=True)
class FrameTimes:
    """Times of the frames of a run.

    Attributes
    ----------
    tr_s : float
        Repetition time (s).
    start_s : float
        Start of the first frame after the start of the scan (s). The signal of frame i is that
        at ``start_s + tr_s / 2 + i * tr_s``. If slice timing was corrected, it is half a TR before
        StartTime, the time to which the slices of the first frame were shifted.
    sources : tuple of BidsFile
        Sidecars that were read.
    notes : tuple of str
        Assumptions that were made, and contradictions that were resolved.
    """

    tr_s: float
    start_s: float
    sources: tuple[BidsFile, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Sidecars:
    """Merged sidecars that may have the times of a run's frames.

    Attributes
    ----------
    series : Metadata
        Of the time series, or dense BOLD.
    preprocessed : tuple of Metadata
        Of the BOLD that a time series was made from, the nearest first.
    raw : Metadata
        Of the raw scan.
    """

    series: Metadata
    preprocessed: tuple[Metadata, ...]
    raw: Metadata

    @classmethod
    def of(cls, files: RunFiles) -> _Sidecars:
        return cls(
            inherited_metadata(files.series, files.sidecars),
            tuple(inherited_metadata(bold, files.sidecars) for bold in files.preprocessed),
            raw_metadata(files.series, files.raw_sidecars),
        )

    @property
    def of_frames(self) -> tuple[Mapping[str, Any], ...]:
        """Values of those sidecars that may say when a frame was acquired, the nearest first."""
        return tuple(metadata.values for metadata in (self.series, *self.preprocessed))

    @property
    def sources(self) -> tuple[BidsFile, ...]:
        read = (self.series, *self.preprocessed, self.raw)
        return tuple(dict.fromkeys(file for metadata in read for file in metadata.sidecars))


def timing_sidecars(files: RunFiles) -> tuple[BidsFile, ...]:
    """The sidecars from which :func:`frame_times` reads."""
    return _Sidecars.of(files).sources


def frame_times(
    files: RunFiles,
    n_frames: int,
    *,
    header_tr_s: float | None = None,
    given_tr_s: float | None = None,
) -> FrameTimes:
    """Repetition time and start of a run, checked against the raw scan if there is one.

    Parameters
    ----------
    n_frames : int
        Number of frames of the derivative, including those that censoring removed.
    header_tr_s : float, optional
        Repetition time in the header of the derivative (s).
    given_tr_s : float, optional
        Repetition time that overrides all files (s).

    Raises
    ------
    DerivativesError
        If the repetition time is unknown, sources contradict each other, or the derivative has
        more or fewer frames than the raw scan for no known reason.
    """
    path, sidecars = files.series.path, _Sidecars.of(files)
    scan, unreadable = _read_scan(files)
    scan_tr_s = scan.tr_s if scan else None
    headers = {"its header": header_tr_s, "the header of the raw scan": scan_tr_s}
    tr_s, notes = _repetition_time(path, sidecars, headers, given_tr_s)
    start_s, start_notes = _start(path, sidecars, tr_s)
    notes += [*start_notes, *unreadable]
    if scan is not None:
        start_s, scan_notes = _align(files, n_frames, tr_s, start_s, scan)
        notes += scan_notes
    return FrameTimes(tr_s, start_s, sidecars.sources, tuple(notes))


@dataclass(frozen=True)
class _Scan:
    """Number of frames of the raw scan, and what says so."""

    name: str
    n_frames: int
    tr_s: float | None


def _read_scan(files: RunFiles) -> tuple[_Scan | None, list[str]]:
    """Frames of the raw scan by its header, else by fMRIPrep's confounds, and a note if the header
    is not readable (the content may be elsewhere, as with git-annex).

    None if there is neither, or echoes differ in length.
    """
    present = [file.path for file in files.raw_bold if file.path.exists()]  # links may be broken
    if not present and files.all_frames is not None:
        path = files.all_frames.path
        return _Scan(f"its confounds {path.name}", len(read_lines(path)) - 1, None), []
    try:
        headers = [(path, *read_scan_header(path)) for path in present]
    except DerivativesError:
        return None, ["the raw scan cannot be read, and was not compared (datalad get?)."]
    if len({n_frames for _, n_frames, _ in headers}) != 1:
        return None, []
    path, n_frames, tr_s = headers[0]
    return _Scan(f"the raw scan {path.name}", n_frames, tr_s), []


def _repetition_time(
    path: Path,
    sidecars: _Sidecars,
    headers: Mapping[str, float | None],
    given_s: float | None,
) -> tuple[float, list[str]]:
    """Repetition time (s), and notes about contradictions that were resolved."""
    if given_s is not None:
        return given_s, _departures(given_s, path, sidecars, headers)
    in_sidecars = {
        "its sidecar says RepetitionTime": _in_sidecar(sidecars.series, path, frequency=True),
        **{
            f"the sidecar of the BOLD {bold.sidecars[-1].path.name}": _in_sidecar(bold, path)
            for bold in sidecars.preprocessed
            if bold.sidecars
        },
        "the raw bold.json": _in_sidecar(sidecars.raw, path),
    }
    known = {where: value for where, value in in_sidecars.items() if value is not None}
    in_headers = {where: value for where, value in headers.items() if value is not None}
    if not known and not in_headers:
        raise DerivativesError(
            "no RepetitionTime in its sidecar, in that of the BOLD it was made from, in the raw "
            "bold.json or in a header. Pass it with --tr (s), or add "
            f'{path.name.partition(".")[0]}.json with {{"RepetitionTime": ...}}.',
            path,
        )
    (first, tr_s), *others = (known or in_headers).items()
    for where, value in others:
        if not _same(tr_s, value):
            raise DerivativesError(
                f"{first} {tr_s:g} s, but {where} {value:g} s. Correct the wrong one, or pass "
                "--tr.",
                path,
            )
    if not 0 < tr_s < LONGEST_TR_S:
        raise DerivativesError(
            f"RepetitionTime is {tr_s:g}; seconds are needed. Correct it, or pass --tr.", path
        )
    if known:
        return tr_s, [
            f"{where} says a repetition time of {value:g} s, the sidecar {tr_s:g} s, which was "
            "used."
            for where, value in in_headers.items()
            if not _same(tr_s, value)
        ]
    if tr_s == PLACEHOLDER_TR_S:
        return tr_s, [
            "the repetition time of 1 s is from a header alone, where some programs write 1 if "
            "they do not know it (--tr)."
        ]
    return tr_s, []


def _departures(
    given_s: float, path: Path, sidecars: _Sidecars, headers: Mapping[str, float | None]
) -> list[str]:
    """A note if files have another repetition time than the one that was given."""
    of_files = (sidecars.series, *sidecars.preprocessed, sidecars.raw)
    in_sidecars = [number_in(metadata.values, "RepetitionTime", path) for metadata in of_files]
    known = {value for value in (*in_sidecars, *headers.values()) if value is not None}
    others = sorted(value for value in known if not _same(given_s, value))
    if not others:
        return []
    values = ", ".join(f"{value:g}" for value in others)
    return [f"the repetition time is {given_s:g} s (--tr), although files say {values} s."]


def _same(a_s: float, b_s: float) -> bool:
    return abs(a_s - b_s) <= SAME_TR * abs(b_s)


def _in_sidecar(metadata: Metadata, path: Path, *, frequency: bool = False) -> float | None:
    """Repetition time (s) in a sidecar, also as a sampling frequency if asked."""
    tr_s = number_in(metadata.values, "RepetitionTime", path)
    if tr_s is None and "VolumeTiming" in metadata.values:
        raise DerivativesError(
            "a sidecar has VolumeTiming instead of RepetitionTime: frames that are not equally "
            "spaced cannot be used. If they are, pass --tr.",
            path,
        )
    hz = number_in(metadata.values, "SamplingFrequency", path) if frequency else None
    if not hz:
        return tr_s
    if tr_s is not None and not _same(tr_s, 1 / hz):
        raise DerivativesError(
            f"its sidecar says RepetitionTime {tr_s:g} s, but SamplingFrequency {hz:g} Hz. Correct "
            "the wrong one.",
            path,
        )
    return 1 / hz


def _start(path: Path, sidecars: _Sidecars, tr_s: float) -> tuple[float, list[str]]:
    """Start of the first frame (s), and assumptions."""
    values = sidecars.of_frames
    start_s = next((s for v in values if (s := number_in(v, "StartTime", path)) is not None), None)
    corrected = _slices_corrected(path, values, start_s)
    notes = []
    delay_s = next((d for v in values if (d := number_in(v, "DelayTime", path))), 0.0)
    if not corrected and delay_s > LONGEST_PAUSE * tr_s:
        notes.append(
            f"the scanner paused for {delay_s:g} s in each frame of {tr_s:g} s (DelayTime): the "
            "rating was read at the middle of the frame, not of its slices."
        )
    if start_s is not None:
        return start_s - tr_s / 2 * corrected, notes
    notes.append(
        "no StartTime: the slices of a frame are assumed to be shifted to its middle, and the "
        "first frame to start with the scan."
        if corrected
        else "no StartTime: the first frame is assumed to start with the scan."
    )
    return 0.0, notes


def _slices_corrected(
    path: Path, values: Sequence[Mapping[str, Any]], start_s: float | None
) -> bool:
    """Whether slice timing was corrected, by the nearest sidecar that says so, unless it has
    another StartTime.
    """
    for sidecar in values:
        value = sidecar.get("SliceTimingCorrected")
        if value is None or number_in(sidecar, "StartTime", path) not in (None, start_s):
            continue
        if str(value).lower() not in TRUE_OR_FALSE:
            raise DerivativesError(
                f"SliceTimingCorrected in its sidecar is {value!r}; it must be true or false.", path
            )
        return TRUE_OR_FALSE[str(value).lower()]
    return False


def _align(
    files: RunFiles, n_frames: int, tr_s: float, start_s: float, scan: _Scan
) -> tuple[float, list[str]]:
    """Start of the first frame (s), compared with the number of frames of the raw scan.

    XCP-D drops dummy scans from its outputs without a trace in the sidecar.
    """
    path, n_missing = files.series.path, scan.n_frames - n_frames
    most_s = tr_s / 2 if n_missing else tr_s
    if abs(start_s - n_missing * tr_s) < most_s:
        return start_s, []
    both = f"has {n_frames} frames, but {scan.name} {scan.n_frames}"
    if n_missing < 0:
        raise DerivativesError(f"{both}. Does it belong to another run?", path)
    if n_missing == 0:
        raise DerivativesError(
            f"its first frame starts {start_s:g} s after the scan (StartTime), but it has all "
            f"{n_frames} frames of the scan ({scan.name}). Correct StartTime.",
            path,
        )
    if files.outliers is None and not is_dense(files.series):
        raise DerivativesError(
            f"{both}, and there is no outliers file: frames may have been censored, or dropped at "
            "the start. Pass the output folder that holds *_outliers.tsv.",
            path,
        )
    dummy_s = n_missing * tr_s
    if is_dense(files.series) or abs(start_s) >= tr_s or dummy_s > LONGEST_DUMMY_S:
        raise DerivativesError(
            f"{both}, and its first frame starts at {start_s:g} s (StartTime). If the first "
            f"{n_missing} frames were removed, StartTime must be {dummy_s:g} s.",
            path,
        )
    return start_s + dummy_s, [
        f"{n_missing} frames of the scan are missing, as XCP-D drops dummy scans "
        f"(--dummy-scans) at the start: the first frame was taken to start at "
        f"{start_s + dummy_s:g} s."
    ]
