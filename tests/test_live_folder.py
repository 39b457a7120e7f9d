"""A folder that fills with a volume a file, and what goes wrong there, on a clock of the test."""

import logging
import os
import shutil
import threading
import traceback
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from conftest import SHARED
from mosaics import (
    SECRETS,
    SHAPE,
    Protocol,
    expected_means,
    labels_of,
    mosaic_bytes,
    scanner_affine,
    volume_values,
    write_atlas,
    write_mosaic,
)

from painprint.atlas.image import AtlasFiles, read_atlas
from painprint.errors import DerivativesError
from painprint.files.dicom import read_dicom
from painprint.live.folder import FolderSource
from painprint.live.watched import MonotonicClock

OTHER = Protocol(uid="1.2.826.0.1.3680043.8.498.2", series_number=8)
NAMED = "Quillfeather_Ottoline_{:04d}.dcm"


class Scanner:
    """A clock on which files come: what is planned happens while the source waits."""

    def __init__(self, tmp_path):
        self.time_s, self.plan, self.end_s = 100.0, [], 110.0
        self.folder = tmp_path / "Quillfeather.Ottoline"
        self.folder.mkdir()
        self.away = tmp_path / "away"
        self.affine = scanner_affine(tmp_path)
        self.atlas = write_atlas(tmp_path / "atlas", self.affine)
        self.tmp_path = tmp_path

    def now(self):
        return self.time_s

    def sleep(self, seconds):
        self.time_s += seconds
        due = [step for step in self.plan if step[0] <= self.time_s - 100 + 1e-9]
        self.plan = [step for step in self.plan if step not in due]
        for _, act in sorted(due, key=lambda step: step[0]):
            act()

    def at(self, seconds, act, *args):
        """Something that happens so long after the start."""
        self.plan.append((seconds, lambda: act(*args)))

    def content(self, number, protocol=None):
        return mosaic_bytes(self.tmp_path, volume_values(number), number, protocol)

    def write(self, number, protocol=None, name=NAMED):
        (self.folder / name.format(number)).write_bytes(self.content(number, protocol))

    def write_part(self, number, share):
        content = self.content(number)
        (self.folder / NAMED.format(number)).write_bytes(content[: int(share * len(content))])

    def write_nifti(self, number, name="vol_{:04d}.nii", affine=None, values=None):
        values = volume_values(number) if values is None else values
        image = nib.Nifti1Image(
            values.astype(np.float32), self.affine if affine is None else affine
        )
        nib.save(image, self.folder / name.format(number))

    def source(self, **options):
        options = {"until": lambda: self.time_s >= self.end_s} | options
        return FolderSource(self.folder, self.atlas, clock=self, **options)


@pytest.fixture
def scanner(tmp_path):
    return Scanner(tmp_path)


def indices(volumes):
    return [volume.index for volume in volumes]


def check_values(volumes):
    """Values are the means of what was written for this number."""
    for volume in volumes:
        expected = expected_means(volume_values(volume.index + 1))
        np.testing.assert_allclose(volume.values, expected, rtol=1e-12)


def test_volumes_come_as_they_are_written(scanner):
    for n in range(1, 5):
        scanner.at(2.0 * n, scanner.write, n)
    source = scanner.source()
    volumes = list(source)
    assert source.regions == ("region 2", "region 5", "region 9")
    assert indices(volumes) == [0, 1, 2, 3]
    assert [volume.acquired_s for volume in volumes] == [0.0, 2.0, 4.0, 6.0]
    # seen in the look after it is written, given in the next one
    np.testing.assert_allclose([v.arrived_s for v in volumes], [102, 104, 106, 108], atol=0.051)
    assert (source.tr_s, source.dropped) == (2.0, {})
    assert not any(volume.note for volume in volumes)
    check_values(volumes)


def test_a_gap_is_not_waited_for_and_what_is_late_is_given_late(scanner):
    for at, n in ((1, 1), (2, 2), (3, 5), (4, 3)):
        scanner.at(at, scanner.write, n)
    volumes = list(scanner.source())
    assert indices(volumes) == [0, 1, 4, 2]
    assert [volume.acquired_s for volume in volumes] == [0, 2, 8, 4]
    assert volumes[3].note == "volume 2 came after volume 4"
    check_values(volumes)


def test_times_count_from_the_first_volume_even_if_it_comes_late_or_midnight_passes(scanner):
    late = Protocol(start_s=86400 - 5.0)
    for at, n in ((1, 2), (2, 5), (3, 1)):
        scanner.at(at, scanner.write, n, late)
    assert [volume.acquired_s for volume in scanner.source()] == [2.0, 8.0, 0.0]


def test_nothing_is_given_twice(scanner):
    scanner.at(1, scanner.write, 1)
    scanner.at(2, scanner.write, 1, None, "again_{:04d}.dcm")
    scanner.at(2, scanner.write, 2, None, "b_{:04d}.dcm")
    scanner.at(2, scanner.write, 2, None, "c_{:04d}.dcm")
    scanner.at(3, scanner.write, 1)  # the same file, written again
    source = scanner.source()
    assert indices(source) == [0, 1]
    assert source.dropped == {"repeated": 2}


def test_a_burst_is_given_one_after_the_other_by_number(scanner):
    names = ["z", "a", "m", "b", "k", "c"]  # names tell no order
    for n, name in enumerate(names, start=1):
        scanner.at(1, scanner.write, n, None, name + ".dcm")
    volumes = list(scanner.source())
    assert indices(volumes) == [0, 1, 2, 3, 4, 5]
    check_values(volumes)


def test_a_long_burst_is_given_whole(scanner):
    for n in range(150):
        scanner.at(1, scanner.write_nifti, n)
    scanner.end_s = 101.0
    assert indices(scanner.source()) == list(range(150))


def test_a_truncated_file_is_given_when_it_is_whole(scanner):
    scanner.at(1, scanner.write_part, 1, 0.1)
    scanner.at(1.5, scanner.write_part, 1, 0.9)
    scanner.at(2, scanner.write, 2)
    scanner.at(4, scanner.write, 1)
    source = scanner.source()
    volumes = list(source)
    assert indices(volumes) == [1, 0]
    assert volumes[1].arrived_s == pytest.approx(104, abs=0.051)
    assert source.dropped == {}
    check_values(volumes)


def test_a_file_that_stays_truncated_is_a_volume_without_values(scanner):
    scanner.at(1, scanner.write_part, 1, 0.9)
    scanner.at(8, scanner.write, 1)
    scanner.at(2, scanner.write, 2)
    source = scanner.source(unreadable_after_s=5)
    volumes = list(source)
    assert indices(volumes) == [1, 0]
    assert volumes[1].values is None
    assert volumes[1].note.startswith("could not be read for 5 s: a DICOM file has")
    assert source.dropped == {"unreadable": 1}


def test_a_file_without_a_whole_header_is_counted(scanner, caplog):
    scanner.at(1, scanner.write_part, 1, 0.05)
    source = scanner.source(unreadable_after_s=5)
    assert list(source) == []
    assert source.dropped == {"unreadable": 1}
    assert "a file whose number is not known could not be read for 5 s" in caplog.text


def test_what_is_unreadable_when_the_run_ends_is_said(scanner):
    scanner.at(1, scanner.write, 1)
    scanner.at(9, scanner.write_part, 2, 0.9)
    scanner.at(10, scanner.write, 3)  # comes with the end
    volumes = list(scanner.source())
    assert indices(volumes) == [0, 2, 1]
    assert volumes[2].values is None and "when the run ended" in volumes[2].note


def test_one_of_two_series_at_once_is_given(scanner):
    for n in (1, 2):
        scanner.at(n, scanner.write, n)
        scanner.at(n + 0.5, scanner.write, n, OTHER, "other_{:04d}.dcm")
    source = scanner.source()
    assert indices(source) == [0, 1]
    assert source.dropped == {"another series": 2}


def test_a_series_is_chosen_by_its_number(scanner):
    scanner.write(1, OTHER, "other_{:04d}.dcm")
    for n in (1, 2):
        scanner.at(n, scanner.write, n)
        scanner.at(n + 0.5, scanner.write, n + 1, OTHER, "other_{:04d}.dcm")
    source = scanner.source(series=8)
    volumes = list(source)
    assert indices(volumes) == [1, 2]
    assert source.dropped == {"another series": 2}


def test_what_is_there_at_the_start_is_old(scanner):
    scanner.write(1)
    scanner.at(1, scanner.write, 2)  # a straggler of the old run
    scanner.at(2, scanner.write, 1, OTHER, "other_{:04d}.dcm")
    source = scanner.source()
    assert indices(source) == [0]
    assert source.dropped == {"series that began before the start": 1}


def test_what_is_there_at_the_start_can_be_taken(scanner):
    for n in (2, 1):
        scanner.write(n)
    scanner.at(1, scanner.write, 3)
    volumes = list(scanner.source(include_existing=True))
    assert indices(volumes) == [0, 1, 2]
    check_values(volumes)


def test_a_series_that_is_no_mosaic_comes_before(scanner):
    localizer = Protocol(uid="1.2.826.1", image_type=("ORIGINAL", "PRIMARY", "M"))
    scanner.at(1, scanner.write, 1, localizer, "localizer_{:04d}.dcm")
    scanner.at(2, scanner.write, 1)
    source = scanner.source()
    assert indices(source) == [0]
    assert source.dropped == {"not a mosaic": 1}


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (Protocol(kind="1.2.840.10008.5.1.4.1.1.4.1"), "untested"),
        (Protocol(n_tiles=5), "cannot be cut"),
    ],
)
def test_a_series_that_is_not_read_ends_the_source(scanner, protocol, words):
    scanner.at(1, scanner.write, 1, protocol)
    with pytest.raises(DerivativesError, match=words) as caught:
        list(scanner.source())
    check_secret(caught.value)


def test_an_atlas_on_another_grid_is_refused_with_both_affines(scanner):
    for n_mm, shape in ((0.002, SHAPE), (0.0, (8, 6, 4))):
        affine = scanner.affine.copy()
        affine[0, 3] += n_mm
        scanner.atlas = write_atlas(scanner.tmp_path / "atlas", affine, labels_of(shape))
        scanner.at(0, scanner.write, 1)
        with pytest.raises(DerivativesError, match="does not lie on the grid") as caught:
            list(scanner.source(include_existing=True))
        message = str(caught.value)
        assert message.count("affine [") == 2 and f"{scanner.affine[2, 3]:.6g}" in message
        assert "8 x 6 x 5 voxels" in message and " x ".join(map(str, shape)) in message
        check_secret(caught.value)


def test_a_volume_on_another_grid_than_those_before_is_refused(scanner):
    scanner.at(1, scanner.write, 1)
    scanner.at(2, scanner.write, 2, Protocol(voxel_mm=(2.0, 3.0, 4.5)))
    with pytest.raises(DerivativesError, match="the volumes before"):
        list(scanner.source())


@pytest.mark.parametrize("flips", [(1, -1, 1), (-1, -1, 1), (-1, 1, -1)])
@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
def test_an_atlas_with_other_axes_on_the_same_grid_is_turned(scanner, flips, axes):
    """As converters of DICOM leave it: rows flipped, or axes in another order."""
    orientation = np.stack([axes, flips], axis=1)
    image = nib.Nifti1Image(labels_of().astype(np.int16), scanner.affine)
    turned = image.as_reoriented(orientation)
    folder = scanner.tmp_path / "atlas"
    scanner.atlas = write_atlas(folder, turned.affine, np.asarray(turned.dataobj))
    scanner.at(1, scanner.write, 1)
    volumes = list(scanner.source())
    assert indices(volumes) == [0]
    check_values(volumes)


def test_a_folder_that_goes_away_comes_back(scanner, caplog):
    for n in (1, 2, 3, 4):
        scanner.at(2 * n, scanner.write, n)
    scanner.at(2.5, lambda: scanner.folder.rename(scanner.away))
    scanner.plan = [step for step in scanner.plan if step[0] not in (4.0, 6.0)]
    for at, n in ((4.0, 2), (6.0, 3)):  # written where the folder has gone
        content = scanner.content(n)
        scanner.at(at, lambda n=n, c=content: (scanner.away / NAMED.format(n)).write_bytes(c))
    scanner.at(7.5, lambda: scanner.away.rename(scanner.folder))
    source = scanner.source()
    volumes = list(source)
    assert indices(volumes) == [0, 1, 2, 3]
    assert source.dropped == {}
    assert "the folder cannot be read (No such file or directory); trying again." in caplog.text
    assert "the folder can be read again, after 5.0 s." in caplog.text
    check_values(volumes)


def test_the_time_without_the_folder_does_not_make_a_file_unreadable(scanner):
    scanner.at(1, scanner.write_part, 1, 0.9)
    scanner.at(2, lambda: scanner.folder.rename(scanner.away))
    scanner.at(8, lambda: scanner.away.rename(scanner.folder))
    scanner.at(9, scanner.write, 1)
    volumes = list(scanner.source(unreadable_after_s=4))
    assert indices(volumes) == [0]
    check_values(volumes)


def test_a_file_that_may_not_be_read_is_tried_again(scanner, monkeypatch):
    denied = {scanner.folder / NAMED.format(1)}
    is_open = Path.open

    def refuse(path, *args, **options):
        if path in denied:
            raise PermissionError(13, "Permission denied", str(path))
        return is_open(path, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    beside = write_mosaic(scanner.tmp_path / "beside.dcm", volume_values(1), 1)
    scanner.at(1, os.rename, beside, scanner.folder / NAMED.format(1))
    scanner.at(5, denied.clear)
    volumes = list(scanner.source())
    assert indices(volumes) == [0]
    assert volumes[0].arrived_s == pytest.approx(101, abs=0.051)


def test_files_that_go_before_they_are_read_and_other_files_are_counted(scanner):
    scanner.at(1, scanner.write_part, 1, 0.9)
    scanner.at(2, lambda: (scanner.folder / NAMED.format(1)).unlink())
    scanner.at(2, lambda: (scanner.folder / "notes.txt").write_text("Ottoline"))
    scanner.at(2, lambda: (scanner.folder / "sub").mkdir())
    source = scanner.source()
    assert list(source) == []
    assert source.dropped == {"gone before they were read": 1, "files of other names": 1}


@pytest.mark.parametrize("name", ["vol_{:04d}.nii", "vol_{:04d}.nii.gz", "r2-{}_bold.NII"])
@pytest.mark.parametrize("first", [0, 1])
def test_nifti_is_numbered_by_its_name(scanner, name, first):
    for at, n in ((1, first), (2, first + 3), (3, first + 1)):
        scanner.at(at, scanner.write_nifti, n, name)
    scanner.at(4, scanner.write_nifti, 9, "another_" + name)
    source = scanner.source()
    volumes = list(source)
    assert indices(volumes) == [0, 3, 1]
    assert source.dropped == {"another series": 1}
    assert source.tr_s is None and volumes[0].acquired_s is None
    for volume in volumes:
        expected = expected_means(volume_values(volume.index + first))
        np.testing.assert_allclose(volume.values, expected)


def test_a_file_without_a_number_is_counted(scanner):
    scanner.at(1, lambda: (scanner.folder / "a.dcm").write_bytes(_without_number(scanner)))
    source = scanner.source()
    assert list(source) == []
    assert source.dropped == {"without a number of the volume": 1}


def _without_number(scanner):
    content = scanner.content(1)
    number = b"\x20\x00\x13\x00IS\x02\x001 "
    assert content.count(number) == 1
    return content.replace(number, number[:-2] + b"x ")


@pytest.mark.parametrize("in_csa", [True, False])
def test_a_direction_of_slices_that_is_assumed_is_said_once(scanner, caplog, in_csa):
    for n in (1, 2):
        scanner.at(n, scanner.write, n, Protocol(in_csa=in_csa))
    assert indices(scanner.source()) == [0, 1]
    assert caplog.text.count("do not state in which direction their slices") == (not in_csa)


def test_nifti_below_the_first_number_is_counted(scanner):
    for at, n in ((1, 1), (2, 0), (3, 2)):
        scanner.at(at, scanner.write_nifti, n)
    source = scanner.source()
    assert indices(source) == [0, 1]
    assert source.dropped == {"numbered below 1": 1}


def test_nifti_of_an_old_run_is_new_when_it_is_written_again(scanner):
    for n in (1, 2):
        scanner.write_nifti(n)
        os.utime(scanner.folder / f"vol_{n:04d}.nii", (1000, 1000))
    scanner.at(1, scanner.write_nifti, 1)
    assert indices(scanner.source()) == [0]


def test_a_truncated_nifti_is_tried_until_it_is_whole(scanner):
    def cut(n):
        scanner.write_nifti(n)
        path = scanner.folder / f"vol_{n:04d}.nii"
        path.write_bytes(path.read_bytes()[:-50])

    scanner.at(1, cut, 1)
    scanner.at(1, cut, 2)
    scanner.at(2, scanner.write_nifti, 1)
    volumes = list(scanner.source(unreadable_after_s=3))
    assert indices(volumes) == [0, 1]
    assert volumes[1].values is None and "one 3-D volume of NIfTI" in volumes[1].note


def test_voxels_that_are_no_numbers_are_left_out_of_a_mean(scanner):
    values = volume_values(1).astype(float)
    first = np.argwhere(labels_of() == 2)[0]
    values[tuple(first)] = np.nan
    values[labels_of() == 9] = np.inf
    scanner.at(1, scanner.write_nifti, 1, "vol_{}.nii", None, values)
    (volume,) = scanner.source()
    assert volume.values[0] == pytest.approx(np.nanmean(values[labels_of() == 2]))
    assert np.isnan(volume.values[2]) and np.isfinite(volume.values[:2]).all()


def test_a_number_of_a_series_does_not_go_with_nifti(scanner):
    scanner.at(1, scanner.write_nifti, 1)
    with pytest.raises(DerivativesError, match="no number of a series") as caught:
        list(scanner.source(series=7))
    check_secret(caught.value)


def test_a_folder_that_is_not_there_is_an_error_at_once(scanner):
    scanner.folder.rmdir()
    with pytest.raises(DerivativesError, match="No such file or directory") as caught:
        scanner.source()
    check_secret(caught.value)


def test_an_atlas_of_grayordinates_is_refused(scanner, tmp_path):
    from painprint.files.images import Grayordinates

    atlas = scanner.atlas
    image = type(atlas.image)(atlas.image.path, Grayordinates(None), atlas.image.labels, {})
    scanner.atlas = type(atlas)(atlas.files, image, atlas.regions, atlas.labels, atlas.given, ())
    with pytest.raises(DerivativesError, match="grayordinates, but the scanner gives volumes"):
        scanner.source()


def test_who_was_scanned_appears_nowhere(scanner, caplog):
    """In file names, header, log, notes, counts, and how the source is shown."""
    caplog.set_level(logging.DEBUG)
    scanner.write(1, Protocol(uid="1.2.826.7"), "old_Ottoline_{}.dcm")
    for at, n in ((1, 1), (2, 4), (3, 2)):
        scanner.at(at, scanner.write, n)
    scanner.at(3, scanner.write, 2, None, "Ottoline_again_{}.dcm")
    scanner.at(3, scanner.write, 1, OTHER, "Quillfeather_other_{}.dcm")
    scanner.at(3, scanner.write_part, 5, 0.9)
    scanner.at(3, lambda: (scanner.folder / "Ottoline.txt").write_text(""))
    scanner.at(3, lambda: (scanner.folder / "Quillfeather.ima").write_bytes(b"Ottoline" * 50))
    scanner.at(4, lambda: scanner.folder.rename(scanner.away))
    scanner.at(5, lambda: scanner.away.rename(scanner.folder))
    source = scanner.source(unreadable_after_s=2)
    volumes = list(source)
    assert indices(volumes) == [0, 3, 1, 4]
    told = [caplog.text, repr(source), repr(source.dropped), *map(repr, volumes)]
    assert len(caplog.records) >= 6
    assert not [secret for secret in SECRETS if secret in "".join(told).lower()]


def test_the_clock_of_the_computer_and_a_thread_that_writes(scanner):
    contents = [scanner.content(n) for n in range(1, 7)]

    def write():
        for n, content in enumerate(contents, start=1):
            with (scanner.folder / NAMED.format(n)).open("wb") as file:
                for part in (content[:2000], content[2000:]):
                    file.write(part)
                    file.flush()

    writing = threading.Thread(target=write)
    seen = []
    source = FolderSource(
        scanner.folder, scanner.atlas, poll_s=0.01, clock=MonotonicClock(),
        until=lambda: len(seen) == 6 or source.silent_s > 10,
    )  # fmt: skip
    writing.start()
    for volume in source:
        seen.append(volume)
    writing.join()
    assert sorted(indices(seen)) == [0, 1, 2, 3, 4, 5]
    check_values(seen)


@pytest.mark.needs("dicom_stream")
def test_the_real_stream_is_given_in_order_and_is_a_brain(tmp_path):
    stream = sorted((SHARED / "data" / "dicom_stream").glob("*.dcm"))
    first = read_dicom(stream[0]).volume()
    bright = first.values > 0.5 * np.percentile(first.values, 95)
    middle = np.zeros(bright.shape, bool)
    middle[22:42, 22:42, 10:24] = True
    border = np.ones(bright.shape, bool)
    border[4:-4, 4:-4] = False
    labels = np.select([middle, border], [1, 2])
    atlas = write_atlas(tmp_path / "atlas", first.affine, labels)
    folder = tmp_path / "stream"
    folder.mkdir()
    for path in stream[::-1]:
        shutil.copyfile(path, folder / path.name)
    source = FolderSource(folder, atlas, include_existing=True, until=lambda: True, poll_s=0.001)
    volumes = list(source)
    assert indices(volumes) == list(range(30))
    np.testing.assert_allclose([v.acquired_s for v in volumes], 2.0 * np.arange(30), atol=1e-5)
    assert (source.tr_s, source.dropped) == (2.0, {})
    inside, outside = np.array([volume.values for volume in volumes]).T
    assert inside.min() > 5 * outside.max()
    assert inside.std() < 0.02 * inside.mean()  # as BOLD varies
    assert 0.1 < bright.mean() < 0.4  # share of the field of view that is head


def check_secret(error):
    told = str(error) + "".join(traceback.format_exception(error, limit=0))
    assert not [secret for secret in SECRETS if secret in told.lower()]


def test_the_name_of_a_region_is_that_of_the_table(scanner):
    files = scanner.atlas.files
    files.table.write_text("index\tlabel\n2\tinsula\n5\tcuneus\n9\tpons\n")
    scanner.atlas = read_atlas(AtlasFiles("Today", files.image, files.table))
    assert scanner.source().regions == ("insula", "cuneus", "pons")
