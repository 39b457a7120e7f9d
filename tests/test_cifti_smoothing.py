"""Dense CIFTI smoothed on surfaces: as Workbench does it, by definition, and in a study."""

import json
import shutil
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from conftest import QUICK

from painprint.atlas.surfaces import Surfaces
from painprint.cli import main
from painprint.cortex.operators import make_smoothing
from painprint.cortex.sphere import make_sphere
from painprint.cortex.voxels import grid_widths, make_voxel_smoothing
from painprint.dense.smoothing import CiftiSmoothing
from painprint.errors import DerivativesError
from painprint.evidence.stages import STAGES
from painprint.files.cifti import (
    make_grayordinates,
    open_dtseries,
    read_brain_models,
    read_dtseries,
)
from painprint.files.gifti import write_surface
from painprint.files.images import Voxels
from painprint.files.maps import write_series
from painprint.simulate.person import Person
from painprint.simulate.world import World
from painprint.simulate.write import write_people

LEFT, RIGHT = "CIFTI_STRUCTURE_CORTEX_LEFT", "CIFTI_STRUCTURE_CORTEX_RIGHT"
GRID = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2.5, -72], [0, 0, 0, 1]])
SHAPE = (91, 109, 91)
SIGMA = 5.0


def write_hemispheres(folder, divisions=8, **changes):
    """Two bumpy ellipsoids of different size."""
    ball, faces = make_sphere(divisions)
    waves = 1 + 0.15 * np.sin(7 * ball).prod(axis=1, keepdims=True)
    paths = {}
    for side, size in (("L", 1.0), ("R", 1.1)):
        name = f"sub-01_hemi-{side}_space-fsLR_den-{len(ball)}_midthickness.surf.gii"
        paths[side] = folder / name
        vertices = (ball * waves * [30, 60, 45] * size).astype(np.float32)
        write_surface(paths[side], changes.get("vertices", vertices), faces, side)
    return ball, Surfaces(paths, in_mni=False)


@pytest.fixture
def person(tmp_path, rng):
    """Surfaces with a medial wall, and two structures of voxels that touch each other."""
    ball, surfaces = write_hemispheres(tmp_path)
    voxels = [
        np.argwhere(rng.random((n, 6, 7)) < 0.6) + [low, 30, 30] for n, low in ((6, 30), (5, 36))
    ]
    points = make_grayordinates(
        {
            "cortex_left": np.flatnonzero(ball[:, 0] <= 0.85),
            "cortex_right": np.flatnonzero(ball[:, 0] >= -0.8),
        },
        len(ball),
        {"thalamus_left": voxels[0], "thalamus_right": voxels[1]},
        Voxels(np.zeros(SHAPE, bool), GRID),
    )
    return surfaces, points


def make_data(rng, points, n_frames=12):
    return (1000 + 20 * rng.normal(size=(n_frames, points.n_points))).astype(np.float32)


def smoothed(smoothing, data):
    found = data.copy()
    smoothing.smooth(found)
    return found


def parts(points):
    return {str(name): part for name, part, _ in points.axis.iter_structures()}


# --- the same as Workbench ---------------------------------------------------------------------


def ask_workbench(folder, surfaces, points, data, sigma, *more):
    write_series(folder / "in.dtseries.nii", points, data, 0.46)
    command = ["wb_command", "-cifti-smoothing", "in.dtseries.nii", str(sigma), str(sigma)]
    command += ["COLUMN", "out.dtseries.nii", "-left-surface", surfaces.paths["L"]]
    subprocess.run([*command, "-right-surface", surfaces.paths["R"], *more], cwd=folder, check=True)
    return np.asarray(nib.load(folder / "out.dtseries.nii").dataobj)


@pytest.mark.needs("wb_command")
def test_smoothing_is_that_of_workbench(person, tmp_path, rng):
    surfaces, points = person
    data = make_data(rng, points)
    for sigma in (1.0, SIGMA, 9.0):
        expected = ask_workbench(tmp_path, surfaces, points, data, sigma)
        found = smoothed(CiftiSmoothing.of(surfaces, points, sigma), data)
        np.testing.assert_allclose(found, expected, rtol=2e-6)


@pytest.mark.needs("wb_command")
def test_points_without_signal_are_outside_workbenchs_roi(person, tmp_path, rng):
    surfaces, points = person
    data = make_data(rng, points)
    flat = rng.random(points.n_points) < 0.3
    data[:, flat] = 0
    roi = tmp_path / "roi.dscalar.nii"
    axis = nib.cifti2.ScalarAxis(["roi"])
    nib.Cifti2Image((~flat)[None].astype(np.float32), (axis, points.axis)).to_filename(roi)
    expected = ask_workbench(tmp_path, surfaces, points, data, SIGMA, "-cifti-roi", roi)
    found = smoothed(CiftiSmoothing.of(surfaces, points, SIGMA), data)
    np.testing.assert_allclose(found, expected, rtol=2e-6)


# --- by definition -----------------------------------------------------------------------------


def test_each_structure_is_smoothed_for_itself(person, rng):
    surfaces, points = person
    data = make_data(rng, points).astype(float)
    smoothing = CiftiSmoothing.of(surfaces, points, SIGMA)
    found = smoothed(smoothing, data.astype(np.float32))
    for name, part in parts(points).items():
        if name in smoothing.meshes:
            expected = make_smoothing(smoothing.meshes[name], SIGMA) @ data[:, part].T
        else:
            place = points.axis.voxel[part] * [2, 2, 2.5]
            away = np.abs(place[:, None] - place)
            near = (
                np.floor(away / [2, 2, 2.5] + 0.5) <= np.floor(3 * SIGMA / np.array([2, 2, 2.5]))
            ).all(axis=2)
            weight = np.where(near, np.exp(-(away**2).sum(axis=2) / (2 * SIGMA**2)), 0)
            expected = (weight @ data[:, part].T) / weight.sum(axis=1)[:, None]
        np.testing.assert_allclose(found[:, part].T, expected, rtol=1e-6)


def test_a_narrow_gaussian_still_reaches_the_next_voxel():
    steps = make_voxel_smoothing(np.array([[4, 4, 4], [5, 4, 4], [6, 4, 4]]), GRID, 0.5)
    kernel = (steps[2] @ steps[1] @ steps[0]).toarray()
    np.testing.assert_allclose(kernel[0], [1, np.exp(-8), 0])


def test_in_blocks_as_whole(person, tmp_path, rng, monkeypatch):
    surfaces, points = person
    data = make_data(rng, points)
    write_series(tmp_path / "in.dtseries.nii", points, data, 0.46)
    for module in ("files.cifti", "dense.smoothing"):
        monkeypatch.setattr(f"painprint.{module}.POINTS_AT_A_TIME", 100)
    monkeypatch.setattr("painprint.dense.smoothing.CELLS_AT_A_TIME", 3000)
    smoothing = CiftiSmoothing.of(surfaces, points, SIGMA)
    series = smoothing.of_series(open_dtseries(tmp_path / "in.dtseries.nii"))
    found, blocks = np.full(data.T.shape, np.nan, np.float32), list(series.blocks())
    for first, block in blocks:
        assert len(block) <= 100 and block.flags.c_contiguous and block.dtype == np.float32
        found[first : first + len(block)] = block
    assert [first for first, _ in blocks] == sorted(first for first, _ in blocks)
    np.testing.assert_array_equal(found.T, smoothed(smoothing, data))


def test_points_are_those_of_the_file_in_any_order(person, rng):
    surfaces, points = person
    order = np.concatenate([rng.permutation(np.arange(p.start, p.stop or points.n_points))
                            for p in parts(points).values()])  # fmt: skip
    data = make_data(rng, points)
    other = type(points)(points.axis[order])
    found = smoothed(CiftiSmoothing.of(surfaces, other, SIGMA), data[:, order])
    expected = smoothed(CiftiSmoothing.of(surfaces, points, SIGMA), data)[:, order]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_points_without_signal_do_not_spread(person, rng):
    surfaces, points = person
    data = make_data(rng, points)
    bad = rng.random(points.n_points) < 0.2
    broken, flat = data.copy(), data.copy()
    broken[5, bad] = np.nan
    flat[:, bad] = 7e4
    smoothing = CiftiSmoothing.of(surfaces, points, SIGMA)
    of_broken, of_flat = smoothed(smoothing, broken), smoothed(smoothing, flat)
    assert np.isfinite(of_broken[:, ~bad]).all() and of_broken[:, ~bad].max() < 1100
    np.testing.assert_array_equal(of_broken[:, ~bad], of_flat[:, ~bad])
    np.testing.assert_array_equal(of_broken[:, bad], broken[:, bad])
    np.testing.assert_array_equal(of_flat[:, bad], flat[:, bad])
    none = np.zeros_like(data)
    np.testing.assert_array_equal(smoothed(smoothing, none), none)


# --- what is said when it cannot be done -------------------------------------------------------


def refusal(surfaces, points, **more):
    with pytest.raises(DerivativesError) as error:
        CiftiSmoothing.of(surfaces, points, SIGMA, path=Path("x_bold.dtseries.nii"), **more)
    assert "or omit --smoothing-sigma" in str(error.value)
    return str(error.value)


def test_missing_surfaces_are_named(person):
    surfaces, points = person
    said = refusal(Surfaces({}, in_mni=False), points)
    assert "x_bold.dtseries.nii" in said and "none were found" in said and "--derivatives" in said
    one = Surfaces({"L": surfaces.paths["L"]}, in_mni=False)
    assert "none of hemisphere R was found" in refusal(one, points)


def test_a_surface_that_does_not_fit_is_named(person, tmp_path):
    _, points = person
    (tmp_path / "other").mkdir()
    _, larger = write_hemispheres(tmp_path / "other", divisions=9)
    said = refusal(larger, points)
    assert "hemi-L" in said and "has 812 vertices, but the hemisphere of the BOLD 642" in said


def test_a_broken_surface_is_named(person, tmp_path):
    surfaces, points = person
    vertices, faces = make_sphere(8)
    vertices = vertices * 60
    hole = vertices.copy()
    hole[3] = np.nan
    write_surface(surfaces.paths["R"], hole, faces, "R")
    said = refusal(surfaces, points)
    assert "hemi-R" in said and "1 vertices have no finite coordinates" in said
    write_surface(surfaces.paths["R"], vertices * 0, faces, "R")
    assert "hemi-R_space-fsLR_den-642_midthickness.surf.gii: extends over 0 x 0 x 0 mm" in refusal(
        surfaces, points
    )
    write_surface(surfaces.paths["R"], vertices, faces[:600], "R")
    assert "of its vertices in its largest piece" in refusal(surfaces, points)


def test_other_surfaces_and_sheared_grids_are_refused(person, tmp_path, rng):
    surfaces, points = person
    voxels = points.axis[points.axis.volume_mask].voxel
    sheared = GRID.copy()
    sheared[0, 1] = 1
    grid = Voxels(np.zeros(SHAPE, bool), sheared)
    said = refusal(
        surfaces,
        make_grayordinates({"cortex_left": np.arange(642)}, 642, {"thalamus_left": voxels}, grid),
    )
    assert "x_bold.dtseries.nii" in said and "not at right angles (cosine 0.45)" in said
    said = refusal(surfaces, make_grayordinates({"cerebellum": np.arange(642)}, 642, {}, grid))
    assert "only cortex can be smoothed" in said
    with pytest.raises(ValueError, match="not at right angles"):
        grid_widths(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="must be positive"):
        make_voxel_smoothing(voxels, GRID, 0)
    write_series(tmp_path / "in.dtseries.nii", points, make_data(rng, points), 0.46)
    other = CiftiSmoothing.of(
        surfaces, make_grayordinates({"cortex_left": np.arange(642)}, 642, {}, grid), 2.0
    )
    with pytest.raises(DerivativesError, match="has other grayordinates"):
        next(other.blocks(open_dtseries(tmp_path / "in.dtseries.nii")))


# --- in a study --------------------------------------------------------------------------------

ATLAS = ("--atlas", "Simulated01")
SMOOTH = ("--smoothing-sigma", "6")
MAPS = ("--n-bootstraps", "100", "--skip", *(stage for stage in STAGES if stage != "univariate"))


def on_a_small_mesh(axis, ball):
    """As many points of the same structures, in caps of a small sphere."""
    around = np.argsort(-ball[:, 2], kind="stable")
    n = {name: int((axis.name == name).sum()) for name in (LEFT, RIGHT)}
    cortex = {
        "cortex_left": np.sort(around[: n[LEFT]]),
        "cortex_right": np.sort(around[: n[RIGHT]]),
    }
    deep = {str(name): of.voxel for name, _, of in axis.iter_structures() if name not in n}
    return make_grayordinates(
        cortex, len(ball), deep, Voxels(np.zeros(axis.volume_shape, bool), axis.affine)
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A simulated person on small surfaces of their own; not to be changed."""
    root = tmp_path_factory.mktemp("smoothing") / "bids"
    person = Person(5, world=World(n_runs=1, n_regions=16, run_s=240))
    write_people(root, [person], layout="fmriprep", random_seed=1)
    anat = root / "derivatives" / "fmriprep" / "sub-01" / "anat"
    anat.mkdir()
    ball, _ = write_hemispheres(anat, divisions=4)
    for path in [*root.rglob("*.dtseries.nii"), *root.rglob("*.dlabel.nii")]:
        image = nib.load(path)
        axes = [image.header.get_axis(i) for i in range(2)]
        points = on_a_small_mesh(axes[1], ball)
        data = np.asarray(image.dataobj).copy()  # the file is written anew
        header = image.nifti_header
        nib.Cifti2Image(data, (axes[0], points.axis), nifti_header=header).to_filename(path)
    return root


def run(bids, out, *options, code=0):
    assert main(["run", str(bids), str(out), "participant", *ATLAS, *options]) == code


def surfaces_of(bids):
    found = sorted(bids.rglob("*_midthickness.surf.gii"))
    return Surfaces(dict(zip("LR", found, strict=True)), in_mni=False)


def regional(out):
    return {
        path.name: pd.read_csv(path, sep="\t")
        for path in sorted(out.glob("sub-01/ses-*/func/*_timeseries.tsv"))
    }


def sidecars(out):
    paths = sorted(out.glob("sub-01/ses-*/func/*_timeseries.json"))
    return [json.loads(path.read_text()) for path in paths]


@pytest.mark.long
def test_a_study_smooths_as_if_its_files_had_been_smoothed(study, tmp_path):
    """Regions, and maps of points; with a point beyond the field of view."""
    bids, before = (Path(shutil.copytree(study, tmp_path / name)) for name in ("bids", "before"))
    for path in [*bids.rglob("*.dtseries.nii")]:
        points, tr_s = read_brain_models(path), open_dtseries(path).tr_s
        data = read_dtseries(path, points).copy()
        data[:, 2] = 0
        write_series(path, points, data, tr_s)
        CiftiSmoothing.of(surfaces_of(bids), points, 6.0).smooth(data)
        write_series(before / path.relative_to(bids), points, data, tr_s)
    run(bids, tmp_path / "out", *MAPS, *SMOOTH)
    run(before, tmp_path / "plain", *MAPS)
    found, expected = regional(tmp_path / "out"), regional(tmp_path / "plain")
    assert len(found) == len(expected) == 5
    for name, table in found.items():
        np.testing.assert_allclose(table, expected[name], atol=1e-3)
    maps = [
        np.asarray(nib.load(next((tmp_path / o).rglob("*_univariate.dscalar.nii"))).dataobj)
        for o in ("out", "plain")
    ]
    np.testing.assert_allclose(*maps, atol=1e-5)
    assert np.isfinite(maps[0]).any()
    assert set(sidecars(tmp_path / "out")[0]["SmoothedOn"]) == {
        path.name for path in surfaces_of(bids).paths.values()
    }
    assert "SmoothedOn" not in sidecars(tmp_path / "plain")[0]


@pytest.mark.long
def test_series_are_made_again_where_a_surface_changed_and_they_are_smoothed(study, tmp_path):
    bids = Path(shutil.copytree(study, tmp_path / "bids"))
    keys = {}
    for size in (1.0, 1.2):
        for path in surfaces_of(bids).paths.values():
            image = nib.load(path)
            image.darrays[0].data = (image.darrays[0].data * size).astype(np.float32)
            nib.save(image, path)
        for name, options in (("smooth", SMOOTH), ("plain", ())):
            run(bids, tmp_path / name, *QUICK, *options, "--overwrite")
            made = [sidecar["Key"] for sidecar in sidecars(tmp_path / name)]
            keys.setdefault(name, []).append(made)
    assert keys["plain"][0] == keys["plain"][1]
    assert not set(keys["smooth"][0]) & set(keys["smooth"][1])


def test_a_signature_reads_new_runs_smoothed_as_its_own_were(study, tmp_path, capsys):
    bids = Path(shutil.copytree(study, tmp_path / "bids"))
    known = ("--session-label", "01", "02", "03", "04")
    run(bids, tmp_path / "out", *QUICK, *SMOOTH, *known)
    (signature,) = (tmp_path / "out").glob("sub-01/decoding/*_signature")
    run(bids, tmp_path / "all", *QUICK, *SMOOTH)
    (made,) = (tmp_path / "all").glob("sub-01/ses-05/func/*task-rating*_timeseries.tsv")
    (bold,) = bids.rglob("*ses-05_task-rating*_bold.dtseries.nii")
    (atlas,) = bids.rglob("*.dlabel.nii")
    capsys.readouterr()
    said = []
    for words in ([str(bold), "--atlas", str(atlas)], [str(made)]):
        assert main(["predict", str(signature), *words]) == 0
        said.append([line.split("\t")[2:] for line in capsys.readouterr().out.splitlines()])
    assert said[0] == said[1]
    for path in surfaces_of(bids).paths.values():
        path.unlink()
    assert main(["predict", str(signature), str(bold), "--atlas", str(atlas)]) == 1
    assert "painprint predict looks in the run's own dataset" in capsys.readouterr().err.replace(
        "\n", " "
    )


def test_a_dry_run_says_that_surfaces_are_missing(study, tmp_path, capsys):
    bids = Path(shutil.copytree(study, tmp_path / "bids"))
    surfaces_of(bids).paths["R"].unlink()
    run(bids, tmp_path / "out", *SMOOTH, "--dry-run", code=1)
    assert "none were found" in capsys.readouterr().out
