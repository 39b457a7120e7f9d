"""Siemens mosaics: pixels, geometry, times, and what is refused without telling who was scanned."""

import math
import traceback
import warnings

import numpy as np
import pytest
from conftest import SHARED
from mosaics import (
    NORMAL,
    PLANTED,
    SECRETS,
    SHAPE,
    Protocol,
    csa_header,
    mosaic_bytes,
    volume_values,
    write_mosaic,
)

from painprint.errors import DerivativesError
from painprint.files.csa import read_csa
from painprint.files.dicom import DicomIncomplete, DicomRefused, read_dicom

pydicom = pytest.importorskip("pydicom")

BEFORE_AND_BEHIND = [NORMAL, tuple(-value for value in NORMAL)]


def nibabel_wrapper(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its readers call themselves experimental
        from nibabel.nicom import dicomwrappers

        return dicomwrappers.wrapper_from_file(path)


def as_columns_first(wrapper):
    """Values and affine of nibabel, (row, column, slice) and left, posterior, superior."""
    values = wrapper.get_unscaled_data().transpose(1, 0, 2)
    return values, np.diag([-1, -1, 1, 1]) @ wrapper.affine[:, [1, 0, 2, 3]]


@pytest.mark.parametrize("normal", BEFORE_AND_BEHIND)
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_a_mosaic_is_read_as_it_was_written_and_as_nibabel_reads_it(tmp_path, normal, syntax):
    values = volume_values(3)
    path = write_mosaic(tmp_path / "a.dcm", values, 3, Protocol(normal=normal, syntax=syntax))
    volume = read_dicom(path).volume()
    np.testing.assert_array_equal(volume.values, values)
    of_nibabel, affine = as_columns_first(nibabel_wrapper(path))
    np.testing.assert_array_equal(volume.values, of_nibabel)
    np.testing.assert_allclose(volume.affine, affine, rtol=1e-12, atol=1e-10)


def test_the_affine_is_that_of_the_centre_of_the_mosaic(tmp_path):
    """The mosaic is an image of its whole size around the centre of the first slice."""
    volume = read_dicom(write_mosaic(tmp_path / "a.dcm", volume_values(1), 1)).volume()
    n_tiles, (i_mm, j_mm, k_mm) = 3, (2.0, 3.0, 4.0)
    row = np.array([math.cos(0.2), 0, -math.sin(0.2)])
    column = np.array([0, 1, 0])
    first = np.array([-50.5, -61.25, 12.125])
    first = first + row * i_mm * (n_tiles - 1) * SHAPE[0] / 2
    first = first + column * j_mm * (n_tiles - 1) * SHAPE[1] / 2
    for ijk in np.ndindex(SHAPE):
        left = (
            first + ijk[0] * i_mm * row + ijk[1] * j_mm * column + ijk[2] * k_mm * np.array(NORMAL)
        )
        right = (volume.affine @ [*ijk, 1])[:3] * [-1, -1, 1]
        np.testing.assert_allclose(right, left, atol=1e-9)
    sizes_mm = np.linalg.norm(volume.affine[:3, :3], axis=0)
    np.testing.assert_allclose(sizes_mm, (i_mm, j_mm, k_mm), rtol=1e-9)  # of 12 digits


def test_numbers_of_the_header(tmp_path):
    dicom = read_dicom(write_mosaic(tmp_path / "a.dcm", volume_values(4), 4))
    assert (dicom.series_number, dicom.instance_number) == (7, 4)
    assert (dicom.acquired_s, dicom.tr_s) == (36006.0, 2.0)
    assert dicom.refused is None and dicom.states_slices


@pytest.mark.parametrize("block", [0x11, 0x1F])
def test_the_csa_header_may_be_in_another_block(tmp_path, block):
    protocol = Protocol(csa_block=block, normal=BEFORE_AND_BEHIND[1])
    stated = read_dicom(write_mosaic(tmp_path / "a.dcm", volume_values(1), 1, protocol)).volume()
    usual = read_dicom(write_mosaic(tmp_path / "b.dcm", volume_values(1), 1)).volume()
    np.testing.assert_allclose(stated.affine[:3, 2], -usual.affine[:3, 2])


def test_without_a_csa_header_slices_follow_the_cross_product(tmp_path):
    path = write_mosaic(tmp_path / "a.dcm", volume_values(1), 1, Protocol(in_csa=False))
    usual = read_dicom(write_mosaic(tmp_path / "b.dcm", volume_values(1), 1)).volume()
    assert not read_dicom(path).states_slices
    np.testing.assert_array_equal(read_dicom(path).volume().affine, usual.affine)
    np.testing.assert_array_equal(read_dicom(path).volume().values, usual.values)


def test_the_series_has_a_name_that_holds_but_is_not_its_identifier(tmp_path):
    first, second = (
        read_dicom(write_mosaic(tmp_path / f"{n}.dcm", volume_values(n), n)) for n in (1, 2)
    )
    other = read_dicom(
        write_mosaic(tmp_path / "o.dcm", volume_values(1), 1, Protocol(uid="1.2.826.0.1.2"))
    )
    assert first.series == second.series != other.series
    assert Protocol().uid not in repr(first) + repr(vars(first))


@pytest.mark.parametrize(
    ("protocol", "reason", "sentence"),
    [
        (Protocol(kind="1.2.840.10008.5.1.4.1.1.4.1"), "enhanced DICOM", "untested"),
        (Protocol(modality="CT"), "another modality", "not MR"),
        (Protocol(image_type=("ORIGINAL", "PRIMARY", "M")), "not a mosaic", "no Siemens mosaic"),
        (Protocol(n_tiles=5), "a mosaic of another size", "30 x 40 pixels cannot be cut into 3"),
        (Protocol(frames=3), "pixels of another form", "several frames"),
        (Protocol(voxel_mm=(2.0, 3.0, 0.0)), "a mosaic without geometry", "position, orientation"),
    ],
)
def test_what_is_not_read_is_refused_with_a_sentence(tmp_path, protocol, reason, sentence):
    path = write_mosaic(tmp_path / "Quillfeather.dcm", volume_values(1), 1, protocol)
    with pytest.raises(DicomRefused, match=sentence) as caught:
        read_dicom(path).volume()
    assert caught.value.reason == reason
    check_secret(caught.value)


def test_compressed_and_unknown_forms_of_storage_are_refused_by_name(tmp_path):
    content = mosaic_bytes(tmp_path, volume_values(1), 1)
    for other, words in (("1.2.840.10008.1.2.5", "run-length"), ("1.2.826.9.9", "another form")):
        syntax = b"1.2.840.10008.1.2.1\0"
        assert syntax in content
        path = tmp_path / "a.dcm"
        path.write_bytes(content.replace(syntax, other.encode().ljust(len(syntax), b"\0"), 1))
        with pytest.raises(DicomRefused, match=words) as caught:
            read_dicom(path).volume()
        assert caught.value.reason == "compressed DICOM"


def test_a_file_cut_anywhere_is_incomplete_and_never_something_else(tmp_path):
    path = tmp_path / "Quillfeather.dcm"
    content = mosaic_bytes(tmp_path, volume_values(1), 1)
    path.write_bytes(content)
    whole = read_dicom(path)
    for size in range(0, len(content) - 1, 7):
        path.write_bytes(content[:size])
        with pytest.raises(DicomIncomplete) as caught:
            cut = read_dicom(path)
            assert cut.series == whole.series
            assert cut.instance_number in (1, None)
            cut.volume()
        check_secret(caught.value)


def test_bytes_that_are_no_dicom(tmp_path, rng):
    path = tmp_path / "Quillfeather"
    for content in (b"", b"Ottoline" * 99, rng.bytes(5000), b"\0" * 128 + b"DICM" + rng.bytes(900)):
        path.write_bytes(content)
        with pytest.raises(DicomIncomplete) as caught:
            read_dicom(path).volume()
        check_secret(caught.value)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_errors_of_the_file_system_do_not_name_the_file(tmp_path, make):
    make(tmp_path / "Quillfeather.dcm")
    with pytest.raises((OSError, DerivativesError)) as caught:
        read_dicom(tmp_path / "Quillfeather.dcm").volume()
    assert "quillfeather" not in str(caught.value).lower()


def test_nothing_planted_is_held(tmp_path):
    path = write_mosaic(tmp_path / "Quillfeather.dcm", volume_values(1), 1)
    dicom = read_dicom(path)
    held = (repr(dicom) + repr(vars(dicom)) + repr(dicom.volume())).lower()
    assert not [secret for secret in (*SECRETS, *PLANTED.values()) if secret.lower() in held]


def test_a_csa_header_gives_the_fields_that_are_asked_for():
    block = csa_header({("A", "IS"): ["1", "22"], ("B", "LO"): ["abc"], ("C", "DS"): []})
    assert read_csa(block, {"A", "C", "D"}) == {"A": ("1", "22"), "C": ()}
    assert read_csa(b"\1\0\0\0", {"A"}) == {}  # the first form


def test_a_corrupted_csa_header_is_an_error_and_ends():
    block = csa_header({("A", "IS"): ["1", "22"], ("B", "LO"): ["abc"]})
    for size in range(4, len(block) - 80):
        with pytest.raises(ValueError):
            read_csa(block[:size], {"A"})
    many = bytearray(block)
    many[8:12] = b"\xff\xff\xff\x7f"
    with pytest.raises(ValueError, match="more fields"):
        read_csa(bytes(many), {"A"})


@pytest.mark.needs("dicom_stream")
def test_a_real_mosaic_is_read_as_nibabel_reads_it():
    path = min((SHARED / "data" / "dicom_stream").glob("*.dcm"))
    volume = read_dicom(path).volume()
    values, affine = as_columns_first(nibabel_wrapper(path))
    assert volume.values.shape == (64, 64, 34)
    np.testing.assert_array_equal(volume.values, values)
    np.testing.assert_allclose(volume.affine, affine, rtol=1e-12, atol=1e-10)


def check_secret(error):
    """Nothing planted is in an error, what it holds, and how it is printed."""
    told = repr(vars(error)) + "".join(traceback.format_exception(error, limit=0))
    told += repr(error.__cause__) + repr(error.__context__)
    assert not [secret for secret in SECRETS if secret in told.lower()]
