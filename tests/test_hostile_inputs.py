"""Inputs of hostile size or kind are refused in a sentence: in bounded time and memory."""

import errno
import gzip
import os
import socket
import struct

import nibabel as nib
import numpy as np
import pytest

from painprint.apps.arguments import UsageError
from painprint.apps.config_file import read_config_file
from painprint.bids.filter import read_bids_filter
from painprint.bids.session_labels import labels_of_rows
from painprint.bids.sessions import read_sessions
from painprint.errors import DerivativesError
from painprint.evidence.weights_file import read_weights
from painprint.files import dataset, images, lines, tables
from painprint.files.cifti import open_dtseries
from painprint.files.confounds import read_confounds
from painprint.files.dataset import BidsFile, Dataset
from painprint.files.gifti import read_surface
from painprint.files.images import check_complete
from painprint.files.inputs import InputHashes
from painprint.files.lines import read_lines
from painprint.files.nifti import read_scan_header, read_volume
from painprint.files.tables import numeric_rows, read_json, read_numbers, read_table
from painprint.signature.file import hash_signature, read_signature

READERS = {
    "x.tsv": [read_lines, read_table, read_numbers, read_weights, InputHashes().of],
    "x.tsv.gz": [read_lines],
    "x.json": [read_json, read_bids_filter, hash_signature],
    "x.dtseries.nii": [open_dtseries],
    "x.nii.gz": [read_volume, read_scan_header],
    "x.surf.gii": [read_surface],
    "x.toml": [lambda path: read_config_file(path, print)],
}
CASES = [(name, read) for name, readers in READERS.items() for read in readers]


def pipe(path):
    os.mkfifo(path)
    return "is a pipe"


def folder(path):
    path.mkdir()
    return "is a folder"


def link_to_zeros(path):
    path.symlink_to("/dev/zero")
    return "is a device"


def of_socket(path):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.path.relpath(path))  # paths of sockets are short
    return "is a socket"


@pytest.mark.parametrize("make", [pipe, folder, link_to_zeros, of_socket])
@pytest.mark.parametrize(("name", "read"), CASES)
def test_only_regular_files_are_read(tmp_path, monkeypatch, name, read, make):
    monkeypatch.chdir(tmp_path)
    said = make(tmp_path / name)
    if make is folder and read is hash_signature:
        return  # a folder is a signature
    with pytest.raises((DerivativesError, UsageError), match=rf"{name}: {said}, where a file"):
        read(tmp_path / name)


def test_links_to_files_are_read(tmp_path):
    (tmp_path / "content").write_text("a\tb\n1\t2\n")
    (tmp_path / "x.tsv").symlink_to("content")
    names, values = read_numbers(tmp_path / "x.tsv")
    assert names == ("a", "b") and values.tolist() == [[1, 2]]


def test_a_signature_that_is_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "signature.json")
    with pytest.raises(DerivativesError, match=r"signature.json: is a pipe"):
        read_signature(tmp_path)


def test_ratings_of_very_many_lines_are_refused_while_they_are_unpacked(tmp_path):
    path = tmp_path / "x_physio.tsv.gz"
    path.write_bytes(gzip.compress(b"1\n" * 20_000_001, 1))
    with pytest.raises(DerivativesError, match="x_physio.tsv.gz: has more than 20,000,000 lines"):
        read_lines(path)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_limits_of_lines_bytes_and_columns(tmp_path, monkeypatch, end):
    path = tmp_path / "x.tsv"
    monkeypatch.setattr(lines, "PIECE", 7)  # lines lie across pieces
    path.write_text("a\tb\tc" + end + end.join(["1\t2\t3"] * 9) + end, newline="")
    assert read_numbers(path)[1].tolist() == [[1, 2, 3]] * 9
    for limit, value, said in (
        ("MOST_LINES", 9, "has more than 9 lines"),
        ("MOST_COLUMNS", 2, "has a line of more than 2 columns"),
        ("MOST_BYTES", 50, "contains more than 5e-05 MB"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(lines, limit, value)
            with pytest.raises(DerivativesError, match=said):
                read_lines(path)
    monkeypatch.setattr(lines, "MOST_LINES", 10)
    monkeypatch.setattr(lines, "MOST_COLUMNS", 3)
    assert len(read_lines(path)) == 10


def test_limits_of_cells(tmp_path, monkeypatch):
    path = tmp_path / "x.tsv"
    path.write_text("a\tb\n" + "1\t2\n" * 10)
    monkeypatch.setattr(tables, "MOST_CELLS", 20)
    monkeypatch.setattr(tables, "MOST_NUMBERS", 20)
    assert read_table(path).shape == read_numbers(path)[1].shape == (10, 2)
    path.write_text("a\tb\n" + "1\t2\n" * 11)
    for read in (read_table, read_numbers):
        with pytest.raises(DerivativesError, match="has 11 rows of 2 columns .* at most 20 cells"):
            read(path)
    only_b = numeric_rows(read_lines(path).rest, ("a", "b"), path, ("b",))
    assert only_b.tolist() == [[2]] * 11


@pytest.mark.parametrize("name", ["sub-01_sessions.tsv", "sub-01_ses-1_scans.tsv"])
def test_tables_of_100_000_columns_are_noted_and_not_used(tmp_path, name):
    path = tmp_path / name
    header = "\t".join(f"c{i}" for i in range(100_000))
    path.write_text(header + "\n" + header + "\n")
    entities, suffix, extension = dataset.parse_name(name)
    _, notes = read_sessions([BidsFile(path, tmp_path, "raw", entities, suffix, extension)])
    assert notes == (
        f"not used: {name}: has a line of more than 20,000 columns. Check that it is the right "
        "file, and leave out columns that are not needed.",
    )
    with pytest.raises(DerivativesError, match="more than 20,000 columns"):
        read_numbers(path)


def test_movement_regressors_of_very_many_cells(tmp_path):
    path = tmp_path / "Movement_Regressors.txt"
    path.write_text("1 " * 1_000_000)
    with pytest.raises(DerivativesError, match="needs 6 or 12 columns"):
        read_confounds(path, 10)


def test_a_line_of_carriage_returns_is_read_in_linear_time(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_bytes(b"a" + b"\r" * 1_000_000 + b"b\r\r\r\nc")
    read = list(read_lines(path))
    assert (len(read), read[0], read[-2:]) == (1_000_002, "a", ["b", "c"])


def test_lines_are_those_of_the_text(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_bytes("\ufeffä\tb\r\n\r\n1\t\u2028\r2\t \n\n\n".encode())
    read = read_lines(path)
    assert list(read) == ["ä\tb", "", "1\t\u2028", "2\t "]
    assert (read.first, list(read.rest), len(read), len(read.rest)) == (
        "ä\tb",
        list(read)[1:],
        4,
        3,
    )
    assert len(read.rest.rest.rest.rest) == 0 and list(read.rest.rest.rest.rest) == []
    path.write_bytes(b"\n\n")
    assert len(read_lines(path)) == 0
    path.write_bytes(b"a" * lines.PIECE + "ä".encode()[:1])
    with pytest.raises(DerivativesError, match="is not UTF-8"):
        read_lines(path)


def test_entries_are_named_in_short(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("a\n" + "x" * 100_000 + "\n")
    with pytest.raises(DerivativesError, match="row 1 of column 'a' is 'xxx") as error:
        read_numbers(path)
    assert len(str(error.value)) < 200


def test_json_of_hundreds_of_megabytes_and_deep_nests(tmp_path):
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(DerivativesError, match=r"x.json: has 300 MB; at most 20 MB are read"):
        read_json(path)
    path.write_text('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}")
    with pytest.raises(DerivativesError, match="is not valid JSON"):
        read_json(path)


def test_a_config_file_of_megabytes_or_deep_nests(tmp_path):
    path = tmp_path / "x.toml"
    for text, said in (("#" * 1_000_001, "at most 1 MB"), ("a = " + "[" * 9999, "not readable")):
        path.write_text(text)
        with pytest.raises(UsageError, match=said):
            read_config_file(path, print)


def test_session_labels_of_very_many_digits(tmp_path):
    import pandas as pd

    digits = "1" * 5000
    assert list(labels_of_rows(pd.Series([digits, "00", "007"]), ["0", "7"])) == [digits, "0", "7"]


def nifti(path, shape=(4, 5, 6, 7), dtype=np.float32):
    """A volume with values that do not compress to nothing."""
    data = np.random.default_rng(0).normal(size=shape).astype(dtype)
    nib.Nifti1Image(data, np.eye(4)).to_filename(path)
    return path


def size_of(path):
    return images.size_by_header(nib.load(path))


def test_a_truncated_image_is_not_used(tmp_path):
    path = nifti(tmp_path / "x.nii")
    content = path.read_bytes()
    check_complete(path, size_of(path))
    path.write_bytes(content[:-1])
    with pytest.raises(DerivativesError, match=r"x.nii: has 3,711 bytes, but an image of 3,712"):
        read_scan_header(path)


def test_a_truncated_gzip_image_is_found_at_its_end(tmp_path):
    path = nifti(tmp_path / "x.nii.gz", (20, 20, 20, 20))
    size, content = size_of(path), path.read_bytes()
    check_complete(path, size)
    path.write_bytes(content[: len(content) // 2])
    assert read_scan_header(path) == (20, None)
    with pytest.raises(DerivativesError, match=r"bytes \(gzip\), but an image of 640,352 bytes"):
        check_complete(path, size)


def test_a_gzip_image_in_several_pieces_is_complete(tmp_path):
    path = nifti(tmp_path / "x.nii.gz")
    size, content = size_of(path), gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:999]) + gzip.compress(content[999:]))
    check_complete(path, size)


def test_images_that_cannot_be_in_their_file(tmp_path):
    path = nifti(tmp_path / "x.nii")
    content = bytearray(path.read_bytes())
    content[40:56] = struct.pack("<8h", 4, 500, 500, 500, 500, 1, 1, 1)
    for name, packed in (("y.nii", bytes(content)), ("y.nii.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(packed)
        with pytest.raises(DerivativesError, match=r"image of 250,000,000,352 bytes by its header"):
            read_scan_header(tmp_path / name)


def test_a_volume_of_too_many_voxels(tmp_path, monkeypatch):
    path = nifti(tmp_path / "x.nii.gz", (4, 5, 6))
    monkeypatch.setattr(images, "MOST_VOXELS", 119)
    with pytest.raises(DerivativesError, match="has 120 voxels by its header, and at most 119"):
        read_volume(path)


def test_pipes_and_folders_called_like_data_are_listed(tmp_path):
    func = tmp_path / "sub-01" / "func"
    func.mkdir(parents=True)
    os.mkfifo(func / "sub-01_task-a_bold.json")
    (func / "sub-01_task-a_timeseries.tsv").mkdir()
    (func / "sub-01_task-a_timeseries.tsv" / "inside.tsv").write_text("a\n1\n")
    (func / ".hidden").mkdir()
    (func / ".hidden" / "x.tsv").write_text("a\n1\n")
    files = Dataset(tmp_path, "raw").files_of("01")
    assert [file.path.name for file in files] == [
        "sub-01_task-a_bold.json",
        "sub-01_task-a_timeseries.tsv",
    ]


def test_loops_of_links_are_walked_once(tmp_path):
    func = tmp_path / "sub-01" / "func"
    func.mkdir(parents=True)
    (func / "x.tsv").write_text("a\n1\n")
    (func / "again").symlink_to(tmp_path / "sub-01")
    (func / "y.tsv").symlink_to("y.tsv")
    files = Dataset(tmp_path, "raw").files_of("01")
    assert [file.path.name for file in files] == ["x.tsv", "y.tsv"]
    with pytest.raises(DerivativesError, match="y.tsv: "):
        read_table(files[1].path)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    func = tmp_path / "sub-01" / "func"
    func.mkdir(parents=True)
    scandir = os.scandir

    def refuse(path):
        if str(path) == str(func):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DerivativesError, match=r"sub-01/func cannot be listed \(Permission denied"):
        Dataset(tmp_path, "raw").files_of("01")


def test_very_many_files_are_refused_with_the_number(tmp_path, monkeypatch):
    folder = tmp_path / "sub-01"
    folder.mkdir()
    for i in range(4):
        (folder / f"{i}.tsv").touch()
    monkeypatch.setattr(dataset, "MOST_FILES", 4)
    assert len(Dataset(tmp_path, "raw").files_of("01")) == 4
    monkeypatch.setattr(dataset, "MOST_FILES", 3)
    with pytest.raises(DerivativesError, match="has more than 3 files"):
        Dataset(tmp_path, "raw").files_of("01")
