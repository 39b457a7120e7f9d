"""Siemens mosaics and NIfTI that tests write, with invented people in their headers."""

import math
import struct
from dataclasses import dataclass

import nibabel as nib
import numpy as np

from painprint.atlas.image import AtlasFiles, read_atlas
from painprint.files.dicom import read_dicom

SHAPE = (8, 6, 5)
"""Columns, rows, slices."""
ANGLE = 0.2
ORIENTATION = (math.cos(ANGLE), 0.0, -math.sin(ANGLE), 0.0, 1.0, 0.0)
NORMAL = tuple(np.cross(ORIENTATION[:3], ORIENTATION[3:]))
PLANTED = {
    "PatientName": "Quillfeather^Ottoline",
    "PatientID": "QF-90210-X",
    "InstitutionName": "Marrowgate Infirmary",
    "StudyDescription": "Zephyrine study",
    "SeriesDescription": "zephyrine_run_for_Ottoline",
    "ReferringPhysicianName": "Brackenthwaite^Ignatius",
    "PatientBirthDate": "19010203",
}
SECRETS = (
    "quillfeather", "ottoline", "90210", "marrowgate", "zephyrine", "brackenthwaite", "19010203",
)  # fmt: skip
"""Parts of what is planted, in lower case."""


@dataclass
class Protocol:
    """What a series has in common, and how its files deviate from what is expected."""

    uid: str = "1.2.826.0.1.3680043.8.498.1"
    series_number: int = 7
    tr_ms: float = 2000.0
    start_s: float = 10 * 3600.0
    normal: tuple | None = NORMAL
    in_csa: bool = True
    syntax: str = "1.2.840.10008.1.2.1"
    kind: str = "1.2.840.10008.5.1.4.1.1.4"
    modality: str = "MR"
    image_type: tuple = ("ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC")
    frames: int | None = None
    n_tiles: int | None = None
    voxel_mm: tuple = (2.0, 3.0, 4.0)
    csa_block: int = 0x10


def csa_header(fields):
    """A CSA header of the second form, with fields of texts by name and type."""
    block = b"SV10\4\3\2\1" + struct.pack("<II", len(fields), 77)
    for (name, kind), values in fields.items():
        n_items = max(6, len(values))
        block += struct.pack(
            "<64si4siii", name.encode(), len(values), kind.encode(), 3, n_items, 77
        )
        for text in [*values, *[""] * (n_items - len(values))]:
            stored = text.encode() + b"\0" if text else b""
            block += struct.pack("<4i", len(stored), len(stored), 77, len(stored))
            block += stored + b"\0" * (-len(stored) % 4)
    return block


def time_of_day(seconds):
    """HHMMSS.FFFFFF of seconds since midnight."""
    seconds %= 86400
    return f"{int(seconds // 3600):02d}{int(seconds // 60 % 60):02d}{seconds % 60:09.6f}"


def mosaic_bytes(tmp_path, values, number, protocol=None):
    """Content of a mosaic of a volume (i, j, k)."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID

    protocol = protocol or Protocol()
    n_columns, n_rows, n_slices = values.shape
    n_tiles = protocol.n_tiles or math.ceil(math.sqrt(n_slices))
    mosaic = np.zeros((n_tiles * n_rows, n_tiles * n_columns), np.uint16)
    for k in range(min(n_slices, n_tiles**2)):
        row, column = divmod(k, n_tiles)
        mosaic[row * n_rows : (row + 1) * n_rows, column * n_columns : (column + 1) * n_columns] = (
            values[:, :, k].T
        )
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(protocol.syntax)
    meta.MediaStorageSOPClassUID = UID(protocol.kind)
    meta.MediaStorageSOPInstanceUID = UID(f"{protocol.uid}.{number}")
    path = tmp_path / ".making.dcm"
    ds = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    for name, text in PLANTED.items():
        setattr(ds, name, text)
    ds.SOPClassUID, ds.SOPInstanceUID = protocol.kind, meta.MediaStorageSOPInstanceUID
    ds.ImageType, ds.Modality = list(protocol.image_type), protocol.modality
    ds.AcquisitionTime = time_of_day(protocol.start_s + (number - 1) * protocol.tr_ms / 1000)
    ds.RepetitionTime, ds.SliceThickness = protocol.tr_ms, protocol.voxel_mm[2]
    ds.SpacingBetweenSlices = protocol.voxel_mm[2]
    ds.SeriesInstanceUID, ds.SeriesNumber = protocol.uid, protocol.series_number
    ds.InstanceNumber = number
    ds.ImagePositionPatient = [-50.5, -61.25, 12.125]
    ds.ImageOrientationPatient = [f"{value:.12f}" for value in ORIENTATION]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = mosaic.shape
    ds.PixelSpacing = [protocol.voxel_mm[1], protocol.voxel_mm[0]]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    if protocol.frames:
        ds.NumberOfFrames = protocol.frames
    if protocol.in_csa:
        fields = {
            ("UsedPatientWeight", "DS"): ["61"],
            ("PatientOfQuillfeather", "LO"): ["Ottoline"],
            ("AcquisitionMatrixText", "SH"): [f"{n_rows}*{n_columns}"],
            ("NumberOfImagesInMosaic", "US"): [f"{n_slices:8d}"],
        }
        if protocol.normal is not None:
            fields["SliceNormalVector", "FD"] = [f"{value:.8f}" for value in protocol.normal]
        block = protocol.csa_block
        ds.add_new((0x0029, block), "LO", "SIEMENS CSA HEADER")
        ds.add_new((0x0029, block << 8 | 0x10), "OB", csa_header(fields))
    else:
        ds.add_new((0x0019, 0x10), "LO", "SIEMENS MR HEADER")
        ds.add_new((0x0019, 0x100A), "US", n_slices)
    ds.PixelData = mosaic.tobytes()
    ds["PixelData"].VR = "OW"
    ds.save_as(path, enforce_file_format=True)
    content = path.read_bytes()
    path.unlink()
    return content


def write_mosaic(path, values, number, protocol=None):
    """A mosaic of a volume (i, j, k), as a scanner would write it."""
    path.write_bytes(mosaic_bytes(path.parent, values, number, protocol))
    return path


def volume_values(number, shape=SHAPE):
    """Values of a volume by its number, from 1: each voxel its own."""
    return (np.arange(np.prod(shape)).reshape(shape) * 3 + 7 * number) % 4096


def labels_of(shape=SHAPE):
    """Labels 0, 2, 5 and 9 of voxels."""
    return np.array([0, 2, 5, 9])[np.arange(np.prod(shape)).reshape(shape) % 7 % 4]


def write_atlas(folder, affine, labels=None):
    """An atlas image with its table, read."""
    labels = labels_of() if labels is None else labels
    folder.mkdir(exist_ok=True)
    image, table = folder / "atlas-Today_dseg.nii.gz", folder / "atlas-Today_dseg.tsv"
    nib.save(nib.Nifti1Image(labels.astype(np.int16), affine), image)
    rows = [f"{label}\tregion {label}\n" for label in np.unique(labels[labels > 0])]
    table.write_text("index\tlabel\n" + "".join(rows))
    return read_atlas(AtlasFiles("Today", image, table))


def scanner_affine(folder, protocol=None):
    """Affine of the mosaics of a protocol."""
    path = write_mosaic(folder / "0.dcm", volume_values(1), 1, protocol)
    affine = read_dicom(path).volume().affine
    path.unlink()
    return affine


def expected_means(values, labels=None):
    """Mean of each label above 0, as a loop."""
    labels = labels_of() if labels is None else labels
    return [values[labels == label].mean() for label in np.unique(labels[labels > 0])]
