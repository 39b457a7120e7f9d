"""Dense BOLD: found, read as it was written, and refused by name where it does not fit."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from nibabel.cifti2 import BrainModelAxis, ScalarAxis, SeriesAxis

from painprint.bids.dense import find_dense, load_dense
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset
from painprint.files.images import Voxels
from painprint.files.maps import write_maps
from painprint.files.nifti import open_volumes, read_scan_header
from painprint.runs import RunKey

KEYS = [RunKey(session, "rating", "1") for session in ("01", "02", "03")]
SHAPE = (5, 4, 3)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
CORTEX = BrainModelAxis.from_surface(np.arange(0, 20, 2), 32, name="CortexLeft")
POINTS = CORTEX + BrainModelAxis.from_mask(
    np.ones((2, 2, 1), bool), name="ThalamusLeft", affine=AFFINE
)


class Folder:
    """A derivatives dataset with dense BOLD of three runs."""

    def __init__(self, root):
        self.root = root

    def path(self, key, ending):
        name = f"sub-01_ses-{key.session}_task-{key.task}_run-0{key.run}_{ending}"
        path = self.root / "sub-01" / f"ses-{key.session}" / "func" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def add_cifti(self, key, data, *, axis=POINTS, ending="space-fsLR_den-91k_desc-denoised_bold"):
        path = self.path(key, f"{ending}.dtseries.nii")
        nib.save(nib.Cifti2Image(data, (SeriesAxis(0, 1, len(data)), axis)), path)
        return path

    def add_volumes(self, key, data, *, affine=AFFINE, ending="bold.nii.gz", desc="denoised"):
        path = self.path(key, f"space-MNI152NLin6Asym_desc-{desc}_{ending}")
        nib.save(nib.Nifti1Image(data, affine), path)
        return path

    def find(self, *more):
        datasets = [Dataset(self.root, "derivatives1"), *more]
        return find_dense(datasets, "01", KEYS)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "xcp_d")


@pytest.fixture
def cifti(folder, rng):
    """Data by run, written as dtseries."""
    data = {key: rng.normal(size=(40, 14)).astype(np.float32) for key in KEYS}
    for key, values in data.items():
        folder.add_cifti(key, values)
    return data


@pytest.fixture
def volumes(folder, rng):
    """Data by run, written as volumes with brain masks."""
    data = {key: rng.normal(size=(*SHAPE, 40)).astype(np.float32) for key in KEYS}
    for key, values in data.items():
        folder.add_volumes(key, values)
    return data


def add_masks(folder, masks):
    for key, mask in zip(KEYS, masks, strict=True):
        folder.add_volumes(key, mask.astype(np.uint8), ending="mask.nii.gz", desc="brain")


def test_grayordinates_come_back_as_they_were_written(folder, cifti):
    files = folder.find()
    assert files.kind == "grayordinates" and set(files.files) == set(KEYS) and files.notes == ()
    dense = load_dense(files)
    assert (dense.kind, dense.n_points) == ("grayordinates", 14)
    for key, values in cifti.items():
        loaded = dense.load(key)
        assert loaded.dtype == np.float32
        np.testing.assert_array_equal(loaded, values)
    assert dense.load(RunKey("09", "rating", "1")) is None


def test_voxels_are_those_in_every_brain_mask(folder, volumes, rng):
    masks = rng.random((3, *SHAPE)) < 0.8
    add_masks(folder, masks)
    common = masks.all(axis=0)
    dense = load_dense(folder.find())
    assert (dense.kind, dense.n_points) == ("voxels", common.sum())
    for key, values in volumes.items():
        np.testing.assert_array_equal(dense.load(key), values[common].T)


def test_without_masks_the_voxels_are_those_that_vary_in_the_first_run(folder, volumes):
    first = volumes[KEYS[0]]
    first[0, 0, 0] = 5.0
    first[1, 0, 0, 7] = np.nan
    folder.add_volumes(KEYS[0], first)
    files = folder.find()
    assert "voxels that vary in the first run" in files.notes[0]
    mask = np.ones(SHAPE, bool)
    mask[:2, 0, 0] = False
    np.testing.assert_array_equal(load_dense(files).load(KEYS[1]), volumes[KEYS[1]][mask].T)


def test_runs_without_a_mask_are_counted_and_use_the_others(folder, volumes):
    add_masks(folder, np.ones((3, *SHAPE), bool))
    next(folder.root.rglob("*ses-02*_mask.nii.gz")).unlink()
    files = folder.find()
    assert files.notes == ("1 of 3 runs with dense BOLD have no brain mask.",)
    assert load_dense(files).load(KEYS[1]).shape == (40, 60)


def test_scaled_integers_of_an_uncompressed_image_are_read_as_numbers(folder, rng):
    data = rng.normal(100, 20, size=(*SHAPE, 33))
    for key in KEYS:
        image = nib.Nifti1Image(data, AFFINE)
        image.set_data_dtype(np.int16)
        nib.save(image, folder.path(key, "space-MNI152NLin6Asym_bold.nii"))
    np.testing.assert_allclose(
        load_dense(folder.find()).load(KEYS[0]), data.reshape(-1, 33).T, atol=0.01
    )


def test_maps_of_grayordinates_open_as_a_dscalar_with_their_names(folder, cifti, rng, tmp_path):
    maps = {"effect": rng.normal(size=14), "q": np.full(14, np.nan)}
    path = tmp_path / "out" / "map.dscalar.nii"
    write_maps(path, folder.find().points, maps)
    image = nib.load(path)
    assert image.nifti_header.get_intent()[0] == "ConnDenseScalar"
    assert isinstance(image.header.get_axis(0), ScalarAxis)
    assert list(image.header.get_axis(0).name) == ["effect", "q"]
    assert image.header.get_axis(1) == POINTS
    np.testing.assert_array_equal(image.get_fdata(), np.float32(list(maps.values())))
    first = path.read_bytes()
    write_maps(path, folder.find().points, maps)
    assert path.read_bytes() == first and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["map.nii.gz", "map.nii"])
def test_maps_of_voxels_open_as_volumes_in_their_place(folder, volumes, rng, tmp_path, name):
    masks = rng.random((3, *SHAPE)) < 0.8
    add_masks(folder, masks)
    common = masks.all(axis=0)
    values = rng.normal(size=(2, common.sum()))
    write_maps(tmp_path / name, folder.find().points, {"effect": values[0], "t": values[1]})
    image = nib.load(tmp_path / name)
    np.testing.assert_array_equal(image.affine, AFFINE)
    np.testing.assert_array_equal(image.get_fdata()[common].T, np.float32(values))
    assert (image.get_fdata()[~common] == 0).all() and image.shape == (*SHAPE, 2)


def test_a_unit_that_no_header_has_is_an_error_of_the_file(tmp_path):
    path = tmp_path / "bold.nii"
    nib.save(nib.Nifti1Image(np.zeros((*SHAPE, 3), np.float32), AFFINE), path)
    content = bytearray(path.read_bytes())
    content[123] = 5  # xyzt_units
    path.write_bytes(content)
    points = Voxels(np.ones(SHAPE, bool), AFFINE)
    for read in (read_scan_header, lambda path: open_volumes(path, points)):
        with pytest.raises(DerivativesError, match="cannot be read as NIfTI"):
            read(path)


def test_a_map_of_other_points_is_an_error(folder, cifti, tmp_path):
    with pytest.raises(ValueError, match="maps of 14 points are needed"):
        write_maps(tmp_path / "map.dscalar.nii", folder.find().points, {"effect": np.zeros(3)})
    assert not list(tmp_path.glob("*.dscalar.nii"))


def test_the_kind_that_most_runs_have_is_used_and_the_choice_is_said(folder, volumes, rng):
    data = rng.normal(size=(40, 14)).astype(np.float32)
    folder.add_cifti(KEYS[0], data)
    files = folder.find()
    assert files.kind == "voxels"
    assert "desc-denoised .nii.gz was used." in files.notes[0]
    for key in KEYS[1:]:
        folder.add_cifti(key, data)
    assert folder.find().kind == "grayordinates"


def test_denoised_data_in_the_surface_space_are_preferred(folder, cifti):
    for key, data in cifti.items():
        for ending in ("space-fsLR_den-91k_bold", "space-fsLR_den-91k_desc-denoisedSmoothed_bold"):
            folder.add_cifti(key, data, ending=ending)
        folder.add_cifti(key, data, ending="space-other_den-91k_desc-denoised_bold")
    for file in folder.find().files.values():
        assert (file.entities["space"], file.entities["desc"]) == ("fsLR", "denoised")


def test_the_first_dataset_that_has_a_run_serves_it(folder, cifti, rng, tmp_path):
    other = Folder(tmp_path / "other")
    for key in KEYS:
        other.add_cifti(key, rng.normal(size=(40, 14)).astype(np.float32))
    files = folder.find(Dataset(other.root, "derivatives2"))
    assert {file.dataset for file in files.files.values()} == {"derivatives1"}


def test_other_runs_and_volumes_in_native_space_are_not_dense_bold(folder, rng):
    data = rng.normal(size=(*SHAPE, 40)).astype(np.float32)
    for ending in ("desc-preproc_bold.nii.gz", "space-T1w_bold.nii.gz"):
        nib.save(nib.Nifti1Image(data, AFFINE), folder.path(KEYS[0], ending))
    folder.add_cifti(RunKey("07", "rest", "1"), data.reshape(60, 40)[:, :14])
    assert folder.find() is None


def assert_left_out(folder, key, message):
    """The run is refused with a ValueError, and the others are read."""
    dense = load_dense(folder.find())
    with pytest.raises(ValueError, match=message):
        dense.load(key)
    for other in KEYS:
        if other != key:
            assert dense.load(other) is not None


def test_a_run_with_other_brain_models_is_left_out_by_name(folder, cifti, rng):
    folder.add_cifti(KEYS[1], rng.normal(size=(40, 10)).astype(np.float32), axis=CORTEX)
    assert_left_out(folder, KEYS[1], r"dtseries.nii: its 10 grayordinates are not the 14")


def test_a_run_on_another_grid_is_left_out_by_name(folder, volumes):
    moved = AFFINE.copy()
    moved[0, 3] = 1.0
    folder.add_volumes(KEYS[2], volumes[KEYS[2]], affine=moved)
    assert_left_out(folder, KEYS[2], r"bold.nii.gz: its grid \(5 x 4 x 3 voxels .* is not that")


@pytest.mark.parametrize("affine", [AFFINE * 1.5, None])
def test_a_run_whose_mask_cannot_be_used_is_left_out_by_name(folder, volumes, affine):
    add_masks(folder, np.ones((3, *SHAPE), bool))
    bad = np.ones(SHAPE, np.uint8) if affine is not None else np.zeros(SHAPE, np.uint8)
    folder.add_volumes(KEYS[1], bad, affine=affine, ending="mask.nii.gz", desc="brain")
    message = "another grid" if affine is not None else "empty mask"
    assert_left_out(folder, KEYS[1], f"brain_mask.nii.gz: is .*{message}")


def test_a_run_of_another_kind_or_with_two_files_is_left_out_by_name(folder, cifti, rng):
    data = cifti[KEYS[0]]
    path = folder.add_cifti(KEYS[0], data)
    path.with_name(path.name.replace("run-01", "run-1")).write_bytes(path.read_bytes())
    assert_left_out(folder, KEYS[0], "several files match this run")
    path.unlink()
    for file in path.parent.glob("*run-1_*"):
        file.rename(file.with_name(file.name.replace("_desc-denoised", "")))
    assert_left_out(folder, KEYS[0], "no dense BOLD as space-fsLR den-91k desc-denoised")


BROKEN = {
    "text": lambda content: b"no image" * 99,
    "empty": lambda content: b"",
    "cut in the header": lambda content: content[:300],
    "cut in the data": lambda content: content[:-800],
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_dtseries_is_left_out_by_name(folder, cifti, case):
    path = next(folder.root.rglob("*ses-01*.dtseries.nii"))
    path.write_bytes(BROKEN[case](path.read_bytes()))
    said = "cannot be read as CIFTI|it is incomplete"
    assert_left_out(folder, KEYS[0], rf"dtseries.nii: .*({said})")


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_volume_is_left_out_by_name(folder, volumes, case):
    path = next(folder.root.rglob("*ses-01*bold.nii.gz"))
    path.write_bytes(BROKEN[case](path.read_bytes()))
    assert_left_out(folder, KEYS[0], r"bold.nii.gz: cannot be read as NIfTI")


def test_volumes_cut_before_they_were_compressed_are_left_out_by_name(folder, volumes):
    path = next(folder.root.rglob("*ses-02*bold.nii.gz"))
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-500]))
    assert_left_out(folder, KEYS[1], r"bold.nii.gz: cannot be read as NIfTI")


def test_files_of_other_axes_are_left_out_by_name(folder, cifti):
    path = next(folder.root.rglob("*ses-01*.dtseries.nii"))
    image = nib.Cifti2Image(cifti[KEYS[0]], (ScalarAxis([str(i) for i in range(40)]), POINTS))
    nib.save(image, path)
    assert_left_out(folder, KEYS[0], "has axes ScalarAxis x BrainModelAxis; a dtseries.nii has")


def test_one_volume_is_no_time_series(folder, volumes):
    folder.add_volumes(KEYS[0], volumes[KEYS[0]][..., 0])
    assert_left_out(folder, KEYS[0], r"has shape \(5, 4, 3\); volumes over time are needed")


def test_where_no_file_can_be_read_the_error_names_one(folder, cifti, volumes):
    for path in folder.root.rglob("*.dtseries.nii"):
        path.write_bytes(b"no image")
    with pytest.raises(DerivativesError, match="ses-01_.*dtseries.nii: cannot be read as CIFTI"):
        load_dense(folder.find())
    for path in folder.root.rglob("*.dtseries.nii"):
        path.unlink()
    for key, values in volumes.items():
        folder.add_volumes(key, np.ones_like(values))
    with pytest.raises(DerivativesError, match="no voxel varies over time"):
        load_dense(folder.find())
    add_masks(folder, np.zeros((3, *SHAPE), bool))
    with pytest.raises(DerivativesError, match="brain_mask.nii.gz: is an empty mask"):
        load_dense(folder.find())
    masks = np.zeros((3, *SHAPE), bool)
    masks[0, 0], masks[1:, 1] = True, True
    add_masks(folder, masks)
    with pytest.raises(DerivativesError, match="no voxel is in the brain masks of all 3 runs"):
        load_dense(folder.find())
