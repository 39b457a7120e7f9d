"""Read a volume from DICOM: one Siemens mosaic.

Only the fields of ``TAGS`` are taken from a file: no name, number, date or description of a person
or a place is ever held, so that none can get into a message. Messages name no file either, since
scanners make file names and folder names from names of people.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.csa import read_csa
from painprint.store.reading import open_file

CSA_GROUP, CSA_CREATOR, CSA_IMAGE = 0x0029, "SIEMENS CSA HEADER", 0x10
MR_GROUP, MR_CREATOR, N_IN_MOSAIC = 0x0019, "SIEMENS MR HEADER", 0x0A
N_SLICES, NORMAL = "NumberOfImagesInMosaic", "SliceNormalVector"
"""Fields of the CSA header."""
BLOCKS = range(0x10, 0x20)
"""Blocks of a private group in which its creator may have put its elements; usually the first."""
TAGS = {
    "image type": 0x00080008,
    "kind": 0x00080016,  # SOP class
    "acquired": 0x00080032,
    "modality": 0x00080060,
    "thickness": 0x00180050,
    "tr": 0x00180080,
    "slice spacing": 0x00180088,
    "series": 0x0020000E,
    "series number": 0x00200011,
    "instance number": 0x00200013,
    "position": 0x00200032,
    "orientation": 0x00200037,
    "samples": 0x00280002,
    "frames": 0x00280008,
    "rows": 0x00280010,
    "columns": 0x00280011,
    "spacing": 0x00280030,
    "bits": 0x00280100,
    "signed": 0x00280103,
    "intercept": 0x00281052,
    "slope": 0x00281053,
    "pixels": 0x7FE00010,
}
"""What is read; and besides, the fields of Siemens that describe a mosaic."""
UNCOMPRESSED = {
    "1.2.840.10008.1.2": "implicit, little-endian",
    "1.2.840.10008.1.2.1": "explicit, little-endian",
    "1.2.840.10008.1.2.1.99": "deflated, little-endian",
}
"""Transfer syntaxes that are read."""
OTHER_SYNTAXES = {
    "1.2.840.10008.1.2.2": "big-endian",
    "1.2.840.10008.1.2.5": "with run-length encoding",
    "1.2.840.10008.1.2.4.50": "as JPEG",
    "1.2.840.10008.1.2.4.57": "as lossless JPEG",
    "1.2.840.10008.1.2.4.70": "as lossless JPEG",
    "1.2.840.10008.1.2.4.80": "as lossless JPEG-LS",
    "1.2.840.10008.1.2.4.90": "as lossless JPEG 2000",
}
"""Some that are not."""
ENHANCED = {f"1.2.840.10008.5.1.4.1.1.4.{n}" for n in (1, 2, 3, 4)}
"""SOP classes of enhanced MR, its spectroscopy, colour, and legacy-converted images."""
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From the patient's coordinates of DICOM to those of NIfTI."""
NOT_ORTHOGONAL = 1e-3
"""Largest deviation of directions from unit vectors at right angles (numbers without unit)."""
DAY_S = 86400.0
_KEY = secrets.token_bytes(16)


class DicomIncomplete(DerivativesError):
    """A file that is no DICOM, or not yet: it ends too early."""


class DicomRefused(DerivativesError):
    """A DICOM that is whole, but is not read.

    Parameters
    ----------
    reason : str
        In a few words, for counting.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class DicomVolume:
    """A volume of the scanner.

    Attributes
    ----------
    values : ndarray of shape (n_columns, n_rows, n_slices)
        Signal; i along a row of the image, j down its columns, k over its slices.
    affine : ndarray of shape (4, 4)
        From (i, j, k) to coordinates: right, anterior, superior (mm).
    """

    values: NDArray[np.float64]
    affine: NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Dicom:
    """What a DICOM file says of itself; its volume is made by :meth:`volume`.

    Attributes
    ----------
    series : str
        A random name for the SeriesInstanceUID, the same for the same series within this process
        and never again. The identifier itself is not kept.
    series_number, instance_number : int or None
        None where the file has none.
    acquired_s : float or None
        AcquisitionTime (s since midnight).
    tr_s : float or None
        RepetitionTime (s).
    refused : DicomRefused or None
        Why it is no mosaic that can be read, as far as its header tells.
    """

    series: str
    series_number: int | None
    instance_number: int | None
    acquired_s: float | None
    tr_s: float | None
    refused: DicomRefused | None
    _fields: Mapping[str, bytes]
    _csa: Mapping[str, tuple[str, ...]]

    def __repr__(self) -> str:
        return f"Dicom(series {self.series}, instance {self.instance_number})"

    @property
    def states_slices(self) -> bool:
        """Whether the direction in which slices follow each other is stated; otherwise it is taken
        to be that of the cross product of row and column."""
        return self._normal() is not None

    def volume(self) -> DicomVolume:
        """The volume of a mosaic.

        Raises
        ------
        DicomIncomplete
            If pixels are missing.
        DicomRefused
            If it is no mosaic that can be read.
        """
        if self.refused:
            raise self.refused
        if "pixels" not in self._fields:
            raise DicomIncomplete("a DICOM file ends before its pixels.")
        n_slices, n_tiles, shape = self._tiles()
        pixels = self._pixels(shape)
        rows, columns = shape[0] // n_tiles, shape[1] // n_tiles
        # (tile_row, j, tile_column, i) -> (i, j, tile_row, tile_column)
        tiles = pixels.reshape(n_tiles, rows, n_tiles, columns).transpose(3, 1, 0, 2)
        values = tiles.reshape(columns, rows, n_tiles**2)[..., :n_slices].astype(np.float64)
        slope, intercept = (_floats(self._fields, name) for name in ("slope", "intercept"))
        if slope or intercept:
            values = values * (slope or [1.0])[0] + (intercept or [0.0])[0]
        return DicomVolume(values, self._affine(shape, (rows, columns)))

    def _normal(self) -> NDArray[np.float64] | None:
        """Direction in which slices follow each other, in the coordinates of DICOM: (3,)."""
        normal = _finite(self._csa.get(NORMAL, ()))
        return np.array(normal) if len(normal) == 3 else None

    def _tiles(self) -> tuple[int, int, tuple[int, int]]:
        """Number of slices and of tiles along a side of the mosaic; its rows and columns."""
        counts = _finite(self._csa.get(N_SLICES, ()))
        n_slices = int(counts[0]) if counts else _small_int(self._fields.get("n in mosaic", b""))
        n_rows, n_columns = (
            _small_int(self._fields.get(name, b"")) for name in ("rows", "columns")
        )
        if n_slices < 1:
            raise DicomRefused(
                "a mosaic without its number of slices",
                "a mosaic does not state how many slices it has (Siemens' CSA header in its second "
                "form, or 0019,100A). Was its header stripped? Send what the scanner wrote.",
            )
        n_tiles = math.isqrt(n_slices - 1) + 1
        if not n_rows or not n_columns or n_rows % n_tiles or n_columns % n_tiles:
            raise DicomRefused(
                "a mosaic of another size",
                f"a mosaic of {n_rows} x {n_columns} pixels cannot be cut into {n_tiles} x "
                f"{n_tiles} tiles, as {n_slices} slices need. Only square mosaics as Siemens "
                "writes them are read.",
            )
        return n_slices, n_tiles, (n_rows, n_columns)

    def _pixels(self, shape: tuple[int, int]) -> NDArray[np.integer]:
        """Pixels of the mosaic: (n_rows, n_columns)."""
        bits, samples, signed = (
            _small_int(self._fields.get(name, b"")) for name in ("bits", "samples", "signed")
        )
        frames = _finite(_texts(self._fields, "frames"))
        if bits not in (8, 16, 32) or samples > 1 or (frames and frames[0] > 1):
            raise DicomRefused(
                "pixels of another form",
                "a mosaic with colours, several frames, or other than 8, 16 or 32 bits a pixel is "
                "not read.",
            )
        kind = np.dtype(f"<{'i' if signed else 'u'}{bits // 8}")
        needed, stored = shape[0] * shape[1] * kind.itemsize, self._fields["pixels"]
        if len(stored) < needed:
            raise DicomIncomplete(
                f"a DICOM file has {len(stored):,} of {needed:,} bytes of pixels: it is incomplete."
            )
        return np.frombuffer(stored[:needed], kind).reshape(shape)

    def _affine(self, shape: tuple[int, int], of_tile: tuple[int, int]) -> NDArray[np.float64]:
        """Affine of the volume (mm). The position that a mosaic states is that of the first pixel
        of an image of the mosaic's size around the centre of the first slice."""
        orientation, position, spacing = (
            _floats(self._fields, name) for name in ("orientation", "position", "spacing")
        )
        between = _floats(self._fields, "slice spacing") or _floats(self._fields, "thickness")
        if (len(orientation), len(position), len(spacing)) != (6, 3, 2) or not between:
            raise _no_geometry()
        directions = np.reshape(orientation, (2, 3))
        if not np.allclose(directions @ directions.T, np.eye(2), rtol=0, atol=NOT_ORTHOGONAL):
            raise _no_geometry()
        normal = np.cross(*directions)
        stated = self._normal()
        if stated is not None and normal @ stated < 0:
            normal = -normal
        sizes = np.array([spacing[1], spacing[0], between[0]])  # along i, j, k
        if not (sizes > 0).all():
            raise _no_geometry()
        affine = np.eye(4)
        affine[:3, :3] = np.stack([*directions, normal], axis=1) * sizes
        shift = [(shape[1] - of_tile[1]) / 2, (shape[0] - of_tile[0]) / 2, 0]
        affine[:3, 3] = position + affine[:3, :3] @ shift
        return np.asarray(LPS_TO_RAS @ affine)


def read_dicom(path: Path) -> Dicom:
    """Read a DICOM file.

    Raises
    ------
    DicomIncomplete
        If it is no DICOM, or ends before its header does.
    OSError
        If the file cannot be read; without its name.
    ImportError
        If pydicom is not installed.
    """
    try:
        import pydicom
    except ImportError as error:
        raise ImportError("reading DICOM needs pydicom: pip install 'painprint[live]'.") from error
    content = _content(path)
    wanted = [*TAGS.values()]
    for group, place in ((CSA_GROUP, CSA_IMAGE), (MR_GROUP, N_IN_MOSAIC)):
        wanted += [group << 16 | block for block in BLOCKS]
        wanted += [group << 16 | block << 8 | place for block in BLOCKS]
    stored: dict[int, bytes] = {}
    syntax = ""
    try:
        dataset = pydicom.dcmread(BytesIO(content), specific_tags=list(wanted))
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
        for tag in map(int, dataset.keys()):
            element: Any = dataset.get_item(tag)  # as it is stored: nothing is converted
            value, length = element.value, getattr(element, "length", 0)
            # the last one of a file that is incomplete may be a part of itself
            if isinstance(value, bytes) and (len(value) >= length or tag == TAGS["pixels"]):
                stored[tag] = value
    except Exception:  # raised below, so that no text of the header comes along
        stored = {}
    fields = {name: stored[tag] for name, tag in TAGS.items() if tag in stored}
    if not {"kind", "series"} <= set(fields):
        raise DicomIncomplete("a file is no DICOM, or ends before its header does.")
    series = _alias(fields.pop("series"))
    fields["n in mosaic"] = _private(stored, MR_GROUP, MR_CREATOR, N_IN_MOSAIC)
    series_number, instance_number = (
        _finite(_texts(fields, name)) for name in ("series number", "instance number")
    )
    tr_ms = _floats(fields, "tr")
    return Dicom(
        series=series,
        series_number=int(series_number[0]) if series_number else None,
        instance_number=int(instance_number[0]) if instance_number else None,
        acquired_s=_seconds(_texts(fields, "acquired")[0]),
        tr_s=tr_ms[0] / 1000 if tr_ms and tr_ms[0] > 0 else None,
        refused=_refused(fields, syntax),
        _fields=fields,
        _csa=_csa_of(_private(stored, CSA_GROUP, CSA_CREATOR, CSA_IMAGE)),
    )


def _content(path: Path) -> bytes:
    """Content of a file; raised errors do not name it."""
    try:
        with open_file(path) as file:
            return file.read()
    except OSError as error:
        problem: Exception = OSError(error.errno, error.strerror)
    except DerivativesError:
        problem = DicomIncomplete("a regular file is needed.")
    raise problem


def _refused(fields: Mapping[str, bytes], syntax: str) -> DicomRefused | None:
    """Why a file is not read, by the fields that come before that of its series."""
    if _texts(fields, "kind")[0] in ENHANCED:
        return DicomRefused(
            "enhanced DICOM",
            "this is enhanced (multi-frame) DICOM, as Siemens XA software writes it. Reading it is "
            "untested, so it is refused. Have the scanner export classic mosaics, or convert each "
            "volume to NIfTI.",
        )
    if _texts(fields, "modality")[0] != "MR":
        return DicomRefused(
            "another modality", "a DICOM file is not MR; volumes of BOLD are needed."
        )
    if syntax not in UNCOMPRESSED:
        return DicomRefused(
            "compressed DICOM",
            f"pixels of a DICOM file are stored {OTHER_SYNTAXES.get(syntax, 'in another form')}, "
            "which is not read. Have the scanner export little-endian DICOM without compression.",
        )
    if "MOSAIC" not in _texts(fields, "image type"):
        return DicomRefused(
            "not a mosaic",
            "a DICOM file is no Siemens mosaic, the only classic DICOM that holds a whole volume. "
            "Have the scanner export mosaics, or convert each volume to NIfTI.",
        )
    return None


def _csa_of(block: bytes) -> dict[str, tuple[str, ...]]:
    """The fields of a CSA header that are needed; none if it is absent or corrupted."""
    try:
        return read_csa(block, (N_SLICES, NORMAL))
    except ValueError:
        return {}


def _no_geometry() -> DicomRefused:
    return DicomRefused(
        "a mosaic without geometry",
        "a mosaic does not state its position, orientation and spacing as numbers that fit each "
        "other. Was its header stripped? Send what the scanner wrote.",
    )


def _alias(series_uid: bytes) -> str:
    """A random name of a series, which holds within this process."""
    uid = series_uid.strip(b" \0")
    return hashlib.blake2s(uid, key=_KEY, digest_size=8).hexdigest()


def _private(stored: Mapping[int, bytes], group: int, creator: str, element: int) -> bytes:
    """An element of a private block, wherever the block is; empty if there is none."""
    for block in BLOCKS:
        if stored.get(group << 16 | block, b"").strip(b" \0") == creator.encode():
            return stored.get(group << 16 | block << 8 | element, b"")
    return b""


def _texts(fields: Mapping[str, bytes], name: str) -> list[str]:
    """Values of a field of text; one empty text if it is absent."""
    text = fields.get(name, b"").decode("latin-1").strip(" \0")
    return [value.strip() for value in text.split("\\")]


def _floats(fields: Mapping[str, bytes], name: str) -> list[float]:
    """Values of a field of numbers in text; none if it is absent or one is no number."""
    return _finite(_texts(fields, name))


def _finite(texts: list[str] | tuple[str, ...]) -> list[float]:
    """Texts as finite numbers; none if one is no number."""
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _small_int(stored: bytes) -> int:
    """An unsigned integer of two bytes; 0 if it is absent."""
    return int.from_bytes(stored[:2], "little")


def _seconds(time: str) -> float | None:
    """A time of day, HHMMSS.FFFFFF or with colons, in seconds; None if it is none."""
    digits = time.replace(":", "")
    whole = digits.partition(".")[0]
    numbers = _finite([digits[:2], digits[2:4] or "0", digits[4:] or "0"])
    if not whole.isdigit() or len(whole) % 2 or not numbers:
        return None
    hours, minutes, seconds = numbers
    total = hours * 3600 + minutes * 60 + seconds
    return total if 0 <= total < DAY_S + 1 else None
