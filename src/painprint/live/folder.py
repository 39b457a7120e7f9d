"""Volumes of a folder that fills with one NIfTI or one DICOM a volume."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from painprint.arrays import Matrix, Vector
from painprint.atlas.image import Atlas
from painprint.errors import DerivativesError
from painprint.files.dicom import DAY_S, DicomIncomplete, DicomRefused, read_dicom
from painprint.files.nifti import read_volume
from painprint.live.grid import RegionsOfVolumes
from painprint.live.volume import Volume
from painprint.live.watched import Clock, Found, MonotonicClock, WatchedFolder, is_nifti, reason_of

log = logging.getLogger("painprint")
POLL_S = 0.05
"""Time between two looks (s); a volume comes every 0.4 to 3 s."""
UNREADABLE_AFTER_S = 30.0
"""Time after which a file that does not change and cannot be read is given up (s)."""
MOST_OLD = 100
"""Files of the folder, the newest, in which series are looked for that began before the start."""
LAST_NUMBER = re.compile(r"(\d+)(?=\D*$)")
ALWAYS_FATAL = ("enhanced DICOM", "compressed DICOM")
"""Refused DICOM that shows how the scanner exports: no other file will be better."""
ANOTHER_SERIES, REPEATED, UNREADABLE = "another series", "repeated", "unreadable"
OLD_SERIES = "series that began before the start"
NO_NUMBER = "without a number of the volume"
OTHER_NAMES, GONE = "files of other names", "gone before they were read"
PLAIN_VOLUME = "it is not, or not yet, one 3-D volume of NIfTI"

SLICES_ASSUMED = (
    "the mosaics do not state in which direction their slices follow each other (Siemens' CSA "
    "header); it is taken to be that of the cross product of row and column. Check that "
    "top and bottom of a volume are where the atlas has them."
)


def never() -> bool:
    """A run whose end is not known."""
    return False


@dataclass(frozen=True, eq=False)
class _File:
    """A file whose header was read, and what makes its volume: values and affine."""

    series: str
    number: int | None
    load: Callable[[], tuple[Matrix, Matrix]]
    series_number: int | None = None
    acquired_s: float | None = None
    tr_s: float | None = None
    refused: DicomRefused | None = None
    is_sure: bool = True


class FolderSource:
    """Mean signal of each region, volume by volume, as files come into a folder.

    A file counts when its size and time of change are the same in two looks and it can be read
    whole; until then it is tried again. Files of one series count: of DICOM, by SeriesInstanceUID,
    the first of which no file was there at the start; of NIfTI, by what its name says before its
    last number, the first that comes. Number of a volume: InstanceNumber - 1; of NIfTI, the last
    number of its name, from 0 if that of the first to come is 0, otherwise from 1. Volumes are
    given as they come, those of one look by number; a gap is not waited for, and what is late is
    given late. Nothing is given twice. What is passed over is counted in ``dropped``, and logged
    when it first happens. No message names a file, the folder, or anything of a DICOM header but
    numbers of the image.

    Parameters
    ----------
    folder : Path
        Its own files; not those of folders in it.
    atlas : Atlas
        An image of voxels on the scanner's grid of today.
    series : int, optional
        SeriesNumber of the DICOM series that counts, whenever it began.
    include_existing : bool
        Whether files count that are there at the start, rather than being of an old run.
    poll_s : float
        Time between two looks (s).
    unreadable_after_s : float
        Time after which a file that has not changed and cannot be read is given as a volume without
        values, if its number is known (s). The time for which the folder is away is not counted.
    until : callable
        Whether the run has ended, asked at each look. Files that have come by then are still given.
    clock : Clock
        Time, and waiting.

    Attributes
    ----------
    regions : tuple of str
        Names of the atlas's regions, by ascending label.
    tr_s : float or None
        RepetitionTime of the first DICOM volume (s); None before it, and for NIfTI.
    dropped : dict of str to int
        Files passed over, by reason.

    Raises
    ------
    DerivativesError
        If the folder cannot be read, or the atlas has no voxels. While iterating: if a volume is
        not on the atlas's grid, with both affines, or the series is of a kind that is not read.
    """

    def __init__(
        self,
        folder: Path,
        atlas: Atlas,
        *,
        series: int | None = None,
        include_existing: bool = False,
        poll_s: float = POLL_S,
        unreadable_after_s: float = UNREADABLE_AFTER_S,
        until: Callable[[], bool] = never,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or MonotonicClock()
        self._regions = RegionsOfVolumes(atlas)
        self.regions: tuple[str, ...] = self._regions.names
        self.tr_s: float | None = None
        self.dropped: dict[str, int] = {}
        self._watched = WatchedFolder(folder, self._clock, include_existing=include_existing)
        self._series_number, self._series = series, ""
        self._old = _series_of(self._watched.existing) if series is None else frozenset()
        self._poll_s, self._unreadable_after_s, self._until = poll_s, unreadable_after_s, until
        self._given: set[int] = set()
        self._last = -1
        self._first_number: int | None = None
        self._origin_s: float | None = None
        self._last_s = self._clock.now()

    def __repr__(self) -> str:
        return (
            f"FolderSource({len(self.regions)} regions, {len(self._given)} volumes given, "
            f"dropped={self.dropped})"
        )

    @property
    def has_begun(self) -> bool:
        """Whether a volume was given."""
        return self._last >= 0

    @property
    def silent_s(self) -> float:
        """Time since the last volume was given, or since the start (s)."""
        return self._clock.now() - self._last_s

    def __iter__(self) -> Iterator[Volume]:
        """Volumes until the run ends."""
        while not self._until():
            yield from self._take(self._look())
            self._clock.sleep(self._poll_s)
        self._look()  # what has come by now is seen twice
        self._clock.sleep(self._poll_s)
        while found := self._look():
            yield from self._take(found)
        for left in self._watched.waiting():
            if volume := self._give_up(left, "when the run ended"):
                yield volume

    def _look(self) -> list[Found]:
        found = self._watched.look()
        for reason, n in ((OTHER_NAMES, self._watched.n_other), (GONE, self._watched.n_gone)):
            if n > self.dropped.get(reason, 0):
                self._drop(reason, n - self.dropped.get(reason, 0))
        return found

    def _take(self, ready: list[Found]) -> Iterator[Volume]:
        """Volumes of files, by number."""
        volumes = [volume for found in ready if (volume := self._read(found))]
        for volume in sorted(volumes, key=lambda volume: volume.index):
            self._last_s = self._clock.now()
            yield volume

    def _read(self, found: Found) -> Volume | None:
        """The volume of a file; None if it is not one, not yet, or not of this run."""
        found.tried_s = self._clock.now()
        try:
            file = self._open(found.path)
            if not self._is_wanted(found, file):
                self._watched.done(found)
                return None
            values, affine = file.load()
        except OSError as error:
            found.reason = reason_of(error)
        except (DicomIncomplete, _NiftiUnreadable) as error:
            found.reason = str(error).rstrip(".")
        else:
            return self._volume(found, file, self._regions.means(values, affine))
        if found.tried_s - found.since_s < self._unreadable_after_s:
            return None
        return self._give_up(found, f"for {self._unreadable_after_s:g} s")

    def _open(self, path: Path) -> _File:
        """A file by its header, or by its name."""
        if is_nifti(path.name):
            if self._series_number is not None:
                raise DerivativesError(
                    f"NIfTI files have come, which have no number of a series (--series "
                    f"{self._series_number}). Leave the number out."
                )
            stem = re.sub(r"\.nii(\.gz)?$", "", path.name, flags=re.IGNORECASE)
            number = LAST_NUMBER.search(stem)
            prefix = stem[: number.start()] if number else stem
            index = int(number.group()) if number else None
            return _File(f"nifti {prefix}", index, lambda: _read_nifti(path))
        header = read_dicom(path)

        def load() -> tuple[Matrix, Matrix]:
            volume = header.volume()
            return volume.values, volume.affine

        return _File(
            f"dicom {header.series}", header.instance_number, load, header.series_number,
            header.acquired_s, header.tr_s, header.refused, header.states_slices,
        )  # fmt: skip

    def _is_wanted(self, found: Found, file: _File) -> bool:
        """Whether a file is a volume of this run that was not given; otherwise it is counted.

        The series is chosen by the first file that can belong to it.
        """
        by_number = self._series_number is not None
        if self._series and file.series != self._series:
            return self._drop(ANOTHER_SERIES)
        if not self._series and by_number and file.series_number != self._series_number:
            return self._drop(ANOTHER_SERIES)
        if file.series in self._old:
            return self._drop(OLD_SERIES)
        if file.refused:
            if self._series or by_number or file.refused.reason in ALWAYS_FATAL:
                raise DerivativesError(str(file.refused))
            return self._drop(file.refused.reason)
        if file.number is None:
            return self._drop(NO_NUMBER)
        if self._first_number is None:
            self._first_number = 0 if is_nifti(found.path.name) and file.number == 0 else 1
        index = file.number - self._first_number
        if index < 0:
            return self._drop(f"numbered below {self._first_number}")
        self._series, found.index = file.series, index
        return index not in self._given or self._drop(REPEATED)

    def _volume(self, found: Found, file: _File, means: Vector) -> Volume:
        """A volume that is whole, which is given."""
        assert found.index is not None
        self._watched.done(found)
        if not self._given and not file.is_sure:
            log.warning(SLICES_ASSUMED)
        last, self._last = self._last, max(found.index, self._last)
        self._given.add(found.index)
        if self.tr_s is None:
            self.tr_s = file.tr_s
        note = f"volume {found.index} came after volume {last}" if found.index < last else ""
        return Volume(
            found.index, means, found.since_s, self._acquired(found.index, file), note=note
        )

    def _acquired(self, index: int, file: _File) -> float | None:
        """Time of acquisition after that of the volume with index 0, also if that has not come."""
        if file.acquired_s is None:
            return None
        if self._origin_s is None:
            self._origin_s = file.acquired_s - index * (file.tr_s or 0.0)
        after = file.acquired_s - self._origin_s
        return round(after + (DAY_S if after < -DAY_S / 2 else 0.0), 6)  # past midnight

    def _give_up(self, found: Found, when: str) -> Volume | None:
        """A volume without values for a file that cannot be read, if its number is known."""
        self._watched.done(found)
        index, reason = found.index, found.reason or "it was still changing"
        if index is not None and index in self._given:
            self._drop(REPEATED)
            return None
        self._drop(UNREADABLE)
        if index is None:
            log.warning("a file whose number is not known could not be read %s: %s.", when, reason)
            return None
        self._given.add(index)
        return Volume(index, None, found.since_s, note=f"could not be read {when}: {reason}")

    def _drop(self, reason: str, n: int = 1) -> bool:
        """Count what is passed over, and log its first time; False."""
        if reason not in self.dropped:
            log.warning("passed over in the folder: %s. Further ones are only counted.", reason)
        self.dropped[reason] = self.dropped.get(reason, 0) + n
        return False


class _NiftiUnreadable(Exception):
    """A file that is no NIfTI of one volume, or not yet."""


def _read_nifti(path: Path) -> tuple[Matrix, Matrix]:
    """Values and affine of a NIfTI of one volume; errors do not name the file."""
    try:
        return read_volume(path)
    except DerivativesError:
        pass
    raise _NiftiUnreadable(PLAIN_VOLUME)


def _series_of(files: list[Path]) -> frozenset[str]:
    """Series of which there is a file among the newest DICOM files."""
    changed = {}
    for path in files:
        if not is_nifti(path.name):
            try:
                changed[path] = path.stat().st_mtime_ns
            except OSError:
                continue
    series = set()
    for path in sorted(changed, key=changed.__getitem__)[-MOST_OLD:]:
        try:
            series.add(f"dicom {read_dicom(path).series}")
        except (OSError, DicomIncomplete):
            continue
    return frozenset(series)
