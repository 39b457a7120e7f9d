"""Where regions lie, what they look like, and what Workbench makes of the files."""

import json
import shutil
import subprocess

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from brains import MNI_2MM, write_atlas, write_own_surfaces
from conftest import QUICK, simulate_runs

from painprint import Regions, Run
from painprint.atlas.brain import (
    Brain,
    CorticalMesh,
    SubcorticalPoints,
    nearest_region,
    subcortical_regions,
)
from painprint.atlas.geometry import (
    find_geometry,
    parcels_of,
    read_brain,
    region_table,
    template_meshes,
    write_parcel_images,
    write_surfaces,
)
from painprint.atlas.image import AtlasFiles, read_atlas
from painprint.atlas.surfaces import Surfaces, find_surfaces
from painprint.cli import main
from painprint.cortex.sphere import make_sphere
from painprint.files.cifti import make_grayordinates
from painprint.files.dataset import Dataset
from painprint.files.gifti import read_surface
from painprint.files.images import Voxels
from painprint.files.maps import write_labels
from painprint.files.workbench import write_dense_maps, write_parcel_maps, write_parcel_matrix
from painprint.palette import network_colours
from painprint.report import brain_views, figures
from painprint.report.brain_views import (
    AROUND_MM,
    NOTHING,
    PIXEL_MM,
    BrainViews,
    outline,
    rasterise,
)
from painprint.report.overlays import MISSING_COLOUR, NetworkOverlay, Overlay, overlays
from painprint.report.svg import draw_figure, inline
from painprint.report.viewer import viewer_data
from painprint.results.read import find_results, read_results
from painprint.store.files import write_table

NAMES = ["a", "b", "c", "d", "e", "f", "deep one", "deep two"]
NETWORKS = ["DMN", "DMN", "VIS", "VIS", "mine", "", "SUB", "SUB"]


def area(path):
    """Area inside an outline whose holes go the other way round."""
    total = 0.0
    for polygon in path.to_polygons():
        x, y = polygon.T
        total += float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
    return abs(total)


def ball(n=40, radius=50.0):
    """A sphere of n x 2n quadrilaterals, cut into triangles."""
    theta, phi = np.linspace(0, np.pi, n + 1), np.linspace(0, 2 * np.pi, 2 * n, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    places = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], axis=-1)
    faces = []
    for i in range(n):
        for j in range(2 * n):
            k = (j + 1) % (2 * n)
            a, b, c, d = (i, j), (i, k), (i + 1, j), (i + 1, k)
            number = [row * 2 * n + column for row, column in (a, b, c, d)]
            faces += [(number[0], number[1], number[2]), (number[1], number[3], number[2])]
    return places.reshape(-1, 3) * radius, np.array(faces)


def test_a_ball_covers_its_disc_and_is_brightest_in_the_middle():
    places, faces = ball()
    extent = (-55.0, 55.0, -55.0, 55.0)
    region, light = rasterise(places, faces, np.zeros(len(places), int), extent)
    covered = (region != NOTHING).sum() * PIXEL_MM**2
    assert covered == pytest.approx(np.pi * 50**2, rel=0.01)
    middle = light[light.shape[0] // 2, light.shape[1] // 2]
    assert middle > 0.99
    assert np.nanmin(light) < 0.25
    assert (np.isnan(light) == (region == NOTHING)).all()


def test_pixels_equal_those_of_a_loop_over_faces(monkeypatch, rng):
    """The definition: of the faces over the middle of a pixel the nearest, of equals the first."""
    places, faces = ball(6, 8.0)
    places = places + rng.normal(0, 0.5, places.shape)
    faces = np.concatenate([faces, faces[:9, [1, 2, 0]]])  # some of them twice
    extent = (-7.0, 9.0, -8.0, 8.0)  # cuts off a part
    region, light = rasterise(places, faces, np.arange(len(places)), extent)
    monkeypatch.setattr(brain_views, "CANDIDATES", 50)
    blocks = rasterise(places, faces, np.arange(len(places)), extent)
    np.testing.assert_array_equal(region, blocks[0])
    np.testing.assert_array_equal(light, blocks[1])
    for row, column in np.ndindex(region.shape):
        at = np.array([extent[0] + (column + 0.5) * PIXEL_MM, extent[2] + (row + 0.5) * PIXEL_MM])
        nearest, expected = -np.inf, NOTHING
        for face in faces:
            a, b, c = places[face]
            weights = np.linalg.solve(np.stack([b - a, c - a])[:, :2].T, at - a[:2])
            weights = np.array([1 - weights.sum(), *weights])
            if weights.min() >= -1e-9 and weights @ places[face, 2] > nearest:
                nearest, expected = weights @ places[face, 2], face[weights.argmax()]
        assert region[row, column] == expected


def test_the_nearest_face_wins_whatever_the_order():
    square = np.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]])
    places = np.concatenate([square, square * [0.5, 0.5, 1] + [0, 0, 5]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    owner = np.repeat([0, 1], 4)
    extent = (-1.0, 11.0, -1.0, 11.0)
    first, _ = rasterise(places, faces, owner, extent)
    second, _ = rasterise(places, faces[::-1], owner, extent)
    np.testing.assert_array_equal(first, second)
    assert (first == 1).sum() * PIXEL_MM**2 == pytest.approx(25, rel=0.02)
    assert (first == 0).sum() * PIXEL_MM**2 == pytest.approx(75, rel=0.02)


def test_an_outline_keeps_area_and_holes():
    rows, columns = np.mgrid[:200, :300]
    ring = np.hypot(rows - 100, columns - 150) < 80
    ring &= np.hypot(rows - 100, columns - 150) > 40
    path = outline(ring, (0.0, 300 * PIXEL_MM, 0.0, 200 * PIXEL_MM))
    assert area(path) == pytest.approx(ring.sum() * PIXEL_MM**2, rel=0.01)
    assert len(path.to_polygons()) == 2
    assert len(path.vertices) < 150


def test_a_single_pixel_has_an_outline_and_nothing_has_none():
    mask = np.zeros((20, 20), bool)
    assert len(outline(mask, (0.0, 10.0, 0.0, 10.0)).vertices) == 0
    mask[7, 9] = True
    assert outline(mask, (0.0, 10.0, 0.0, 10.0)).contains_point((4.75, 3.75))


def test_subcortical_regions_are_seen_side_by_side_and_cropped():
    """Those of the left from the left, all from above, those of the right from the right."""
    places, faces = ball()
    points = np.array([[-9.0, 0, 10], [-9, 2, 10], [9, 5, 10]])
    deep = SubcorticalPoints(points, np.array([0, 0, 1]), 2.0)
    brain = Brain(Regions(("x", "y"), ("", "")), {}, deep, {"L": (places, faces)}, "a ball")
    left, above, right = BrainViews(brain).subcortex
    assert (set(left.regions), set(above.regions), set(right.regions)) == ({0}, {0, 1}, {1})
    assert left.extent == (-2 - AROUND_MM, AROUND_MM, 10 - AROUND_MM, 10 + AROUND_MM)
    assert above.extent == (-9 - AROUND_MM, 9 + AROUND_MM, -AROUND_MM, 5 + AROUND_MM)
    bounds = above.regions[1].get_extents()
    assert ((bounds.x0 + bounds.x1) / 2, (bounds.y0 + bounds.y1) / 2) == pytest.approx(
        (9, 5), abs=0.5
    )
    radius = np.hypot(*above.ground.vertices.T)
    assert radius.max() == pytest.approx(50, rel=0.02)
    assert not BrainViews(brain).cortex


def test_the_nearest_subcortical_region_is_drawn_last():
    places, faces = ball()
    points = np.array([[-5.0, 0, 0], [-25, 0, 0], [-15, 0, 0]])
    deep = SubcorticalPoints(points, np.arange(3), 2.0)
    brain = Brain(Regions(("a", "b", "c"), ("",) * 3), {}, deep, {"L": (places, faces)}, "ball")
    left, _ = BrainViews(brain).subcortex  # none on the right
    assert list(left.regions) == [0, 2, 1]


def test_nearest_regions_by_a_loop(rng):
    vertices, places = rng.uniform(-20, 20, (60, 3)), rng.uniform(-20, 20, (9, 3))
    places[2] = np.nan
    places[3] = 100  # deep: far from every vertex
    among = np.ones(9, bool)
    among[5] = False
    found = nearest_region(vertices, places, among)
    for vertex, region in zip(vertices, found, strict=True):
        away = {k: np.linalg.norm(vertex - places[k]) for k in (0, 1, 4, 6, 7, 8)}
        assert region == min(away, key=away.get)
    assert (nearest_region(vertices, places, np.zeros(9, bool)) == -1).all()


def test_subcortical_regions_are_those_that_the_mesh_cannot_show():
    places, faces = ball(20)
    mesh = CorticalMesh(faces, {"folded": places}, np.where(places[:, 2] > 0, 0, 1))
    at = np.array([[0.0, 0, 48], [0, 0, 5], [0, 3, 5], [0, 0, -47], [48, 0, 0]])
    owner = np.array([0, 2, 2, 1, 3])
    assert subcortical_regions(at, owner, {"L": mesh}).tolist() == [
        2,
        3,
    ]  # 3 lies there, but unpainted


def test_a_cortical_mesh_checks_itself():
    places, faces = ball(6)
    with pytest.raises(ValueError, match="faces have vertices up to"):
        CorticalMesh(faces + 50, {"folded": places}, np.zeros(len(places), int))
    with pytest.raises(ValueError, match="shapes of 3 vertices"):
        CorticalMesh(faces[:1], {"folded": places}, np.zeros(3, int))


@pytest.fixture
def derived(tmp_path):
    """A derivatives folder with an atlas image and own surfaces."""
    folder = tmp_path / "xcp_d"
    image = write_atlas(folder, NAMES, NETWORKS)
    write_own_surfaces(folder / "sub-01" / "anat", "01")
    return folder, image


def keep(tmp_path, geometry, regions):
    """Write what a study keeps, and read the brain again."""
    stem, anat = tmp_path / "out_dseg", tmp_path / "anat"
    write_table(stem.with_name("out_dseg.tsv"), region_table(regions, geometry.coordinates))
    write_surfaces(anat, "01", geometry.surfaces)
    write_parcel_images(stem, regions, geometry)
    return read_brain(stem, anat, "01")


def test_regions_are_matched_by_name_on_own_surfaces(derived, tmp_path):
    folder, image = derived
    dataset = Dataset(folder, "derivatives1")
    geometry = find_geometry("A", None, [dataset], "01", {})
    assert geometry.notes == ()
    assert {path.name for path in geometry.files} >= {image.name}
    chosen = Regions(("deep two", "c", "a"), ("SUB", "VIS", "DMN"))  # another order, and fewer
    brain = keep(tmp_path, geometry, chosen)
    assert "own surface (10,242 vertices" in brain.description
    assert brain.n_shown == 3
    original = read_atlas(AtlasFiles("A", image, None))
    table = pd.read_csv(image.with_name("atlas-A_dseg.tsv"), sep="\t").set_index("label")["index"]
    cortex = original.image.on_cortex("L")
    for name in ("a", "c"):
        here = brain.meshes["L"].region == chosen.names.index(name)
        np.testing.assert_array_equal(here, cortex == table[name])
    assert set(brain.subcortical.region) == {0}
    assert list(brain.meshes["L"].shapes) == ["folded", "inflated"]
    at, labels, width = original.image.in_volume()
    np.testing.assert_allclose(brain.subcortical.coordinates, at[labels == table["deep two"]])
    assert width == brain.subcortical.size_mm == pytest.approx(2)


def test_without_own_surfaces_the_template_of_the_same_mesh_is_taken(derived, tmp_path):
    folder, _ = derived
    shutil.rmtree(folder / "sub-01")
    geometry = find_geometry("A", None, [Dataset(folder, "d")], "01", {})
    brain = keep(tmp_path, geometry, Regions(tuple(NAMES), tuple(NETWORKS)))
    assert brain.description == "fsaverage5, a template (from nilearn)"
    assert brain.n_shown == len(NAMES)


def test_surfaces_that_cannot_be_read_are_named(derived, tmp_path):
    folder, _ = derived
    path = next((folder / "sub-01" / "anat").glob("*hemi-R*inflated*"))
    path.write_text("nonsense")
    geometry = find_geometry("A", None, [Dataset(folder, "d")], "01", {})
    assert "surfaces are not shown" in geometry.notes[0] and path.name in geometry.notes[0]
    assert not geometry.surfaces.paths


def test_a_surface_needs_both_hemispheres(derived):
    folder, _ = derived
    dataset = Dataset(folder, "d")
    assert set(find_surfaces([dataset], "01", density="10k").paths) == {"L", "R"}
    assert not find_surfaces([dataset], "01").paths  # none of fs_LR's density
    for path in (folder / "sub-01" / "anat").glob("*hemi-R*midthickness*"):
        path.unlink()
    assert not find_surfaces([Dataset(folder, "d")], "01", density="10k").paths


@pytest.mark.long
def test_a_volume_is_sampled_on_the_template(tmp_path):
    folder = tmp_path / "xcp_d" / "atlases" / "atlas-V"
    folder.mkdir(parents=True)
    volume = np.zeros((91, 109, 91))
    x = (np.indices(volume.shape)[0] * -2 + 90)[:]
    volume[x < 0], volume[x > 0] = 1, 2
    volume[40:43, 58:62, 38:42] = 3  # in the middle of the right hemisphere
    image = folder / "atlas-V_space-MNI152NLin6Asym_res-2_dseg.nii.gz"
    mask = Voxels(volume > 0, MNI_2MM)
    write_labels(image, mask, volume[volume > 0].astype(int), {})
    (folder / "atlas-V_dseg.tsv").write_text("index\tlabel\n1\tleft\n2\tright\n3\tnucleus\n")
    geometry = find_geometry("V", None, [Dataset(tmp_path / "xcp_d", "d")], "01", {})
    brain = keep(tmp_path, geometry, Regions(("left", "right", "nucleus"), ("", "", "")))
    assert (brain.meshes["L"].region == 0).mean() > 0.95
    assert (brain.meshes["R"].region == 1).mean() > 0.95
    assert "sampled" in brain.description
    assert 2 in brain.subcortical.region
    assert (tmp_path / "out_dseg.dlabel.nii").is_file()  # for Workbench


def write_volume(folder, name, labels):
    """A volume of labels in MNI space, with its table."""
    mask = Voxels(labels > 0, MNI_2MM)
    write_labels(folder / name, mask, labels[labels > 0].astype(int), {})


def test_a_volume_stands_in_where_no_surface_of_the_mesh_is_at_hand(derived, tmp_path):
    """Workbench still gets the grayordinates."""
    folder, image = derived
    shutil.rmtree(folder / "sub-01")
    other = image.with_name(image.name.replace("fsaverage_den-10k", "fsLR_den-91k"))
    ball = make_sphere(4)[0]
    points = make_grayordinates(
        {"cortex_left": np.arange(len(ball)), "cortex_right": np.arange(len(ball))},
        len(ball), {}, Voxels(np.zeros((91, 109, 91), bool), MNI_2MM),
    )  # fmt: skip
    labels = np.repeat([5, 8], len(ball))  # of the last two names
    write_labels(other, points, labels, {5: NAMES[-1], 8: NAMES[-2]})
    image.unlink()
    dataset = Dataset(folder, "d")
    regions = Regions(tuple(NAMES), tuple(NETWORKS))
    assert keep(tmp_path, find_geometry("A", None, [dataset], "01", {}), regions) is None
    volume = np.zeros((91, 109, 91))
    x = np.indices(volume.shape)[0] * -2 + 90
    volume[x < 0], volume[x > 0] = 5, 8
    write_volume(image.parent, "atlas-A_space-MNI152NLin6Asym_res-2_dseg.nii.gz", volume)
    geometry = find_geometry("A", None, [Dataset(folder, "d")], "01", {})
    brain = keep(tmp_path, geometry, regions)
    assert (brain.meshes["L"].region == NAMES.index(NAMES[-1])).mean() > 0.95
    written = nib.load(tmp_path / "out_dseg.dlabel.nii")
    assert written.shape == (1, 2 * len(ball))


def test_regions_with_voxels_are_not_guessed_onto_cortex(derived, tmp_path):
    folder, image = derived
    shutil.rmtree(folder / "sub-01")
    ball = make_sphere(4)[0]
    points = make_grayordinates(
        {"cortex_left": np.arange(len(ball))}, len(ball),
        {"amygdala_left": np.array([[56, 62, 26], [57, 62, 26]])},
        Voxels(np.zeros((91, 109, 91), bool), MNI_2MM),
    )  # fmt: skip
    other = image.with_name("atlas-A_space-fsLR_den-91k_dseg.dlabel.nii")
    labels = np.array([5] * len(ball) + [8] * 2)
    write_labels(other, points, labels, {5: "deep two", 8: "deep one"})
    image.unlink()
    places = {"deep two": (-40, -20, 50), "deep one": (-23, -2, -20)}
    geometry = find_geometry("A", None, [Dataset(folder, "d")], "01", places)
    brain = keep(tmp_path, geometry, Regions(("deep two", "deep one"), ("", "")))
    assert set(brain.meshes["L"].region) == {-1, 0}
    assert set(brain.subcortical.region) == {1}


def test_points_beyond_the_template_are_drawn_where_they_are():
    """Such as cerebellum and brainstem below fsaverage."""
    places, faces = ball(20)
    deep = SubcorticalPoints(np.array([[0.0, 0, -80], [0, 0, 0]]), np.array([0, 1]), 4.0)
    brain = Brain(Regions(("low", "x"), ("", "")), {}, deep, {"L": (places, faces)}, "a ball")
    left, _, right = BrainViews(brain).subcortex
    for view in (left, right):
        bounds = view.regions[0].get_extents()
        assert (bounds.y0 + bounds.y1) / 2 == pytest.approx(-80, abs=0.5)


def test_surfaces_of_another_space_are_not_taken(derived):
    folder, _ = derived
    dataset = Dataset(folder, "d")
    assert find_surfaces([dataset], "01", density="10k", space="fsaverage").paths
    assert not find_surfaces([dataset], "01", density="10k", space="fsLR").paths


def test_a_volume_in_another_space_is_not_shown(tmp_path):
    folder = tmp_path / "xcp_d" / "atlases" / "atlas-V"
    folder.mkdir(parents=True)
    labels = np.ones(8, int)
    mask = Voxels(np.ones((2, 2, 2), bool), np.eye(4))
    write_labels(folder / "atlas-V_space-T1w_dseg.nii.gz", mask, labels, {})
    geometry = find_geometry("V", None, [Dataset(tmp_path / "xcp_d", "d")], "01", {})
    assert geometry.atlas is None
    assert "is in the space T1w" in geometry.notes[0]


def test_places_alone_give_a_rough_brain_and_nothing_gives_none(tmp_path):
    regions = Regions(("l", "r", "nucleus", "unknown"), ("", "", "", ""))
    places = {"l": (-50, -20, 20), "r": (50, -20, 20), "nucleus": (27, -5, 0)}
    geometry = find_geometry("X", None, [], "01", places)
    brain = keep(tmp_path, geometry, regions)
    assert "approximate" in brain.description
    assert set(brain.meshes["L"].region) == {-1, 0}
    assert set(brain.meshes["R"].region) == {-1, 1}
    assert set(brain.subcortical.region) == {2}
    assert brain.n_shown == 3
    assert keep(tmp_path, find_geometry("X", None, [], "01", {}), regions) is None


def test_a_surface_is_written_without_what_came_with_it(tmp_path):
    places, faces = template_meshes()["L"][1]["folded"], template_meshes()["L"][0]
    arrays = [
        nib.gifti.GiftiDataArray(places.astype(np.float32), intent="NIFTI_INTENT_POINTSET"),
        nib.gifti.GiftiDataArray(faces.astype(np.int32), intent="NIFTI_INTENT_TRIANGLE"),
    ]
    image = nib.gifti.GiftiImage(darrays=arrays)
    image.meta["WorkingDirectory"] = "/home/somebody/scans"
    paths = {}
    for side in "LR":
        paths[side] = tmp_path / f"{side}.surf.gii"
        nib.save(image, paths[side])
    write_surfaces(tmp_path / "anat", "01", Surfaces(paths, in_mni=False))
    written = tmp_path / "anat" / "sub-01_hemi-L_midthickness.surf.gii"
    assert b"somebody" not in written.read_bytes()
    vertices, triangles = read_surface(written)
    np.testing.assert_allclose(vertices, places, atol=1e-4)
    np.testing.assert_array_equal(triangles, faces)


def test_the_viewer_gets_the_mesh_and_harmless_text():
    places, faces = ball(20)
    region = np.where(places[:, 0] > 0, 0, -1)
    meshes = {"L": CorticalMesh(faces, {"folded": places, "inflated": places + 7}, region)}
    regions = Regions(("</script><b>", "x"), ("&", ""))
    brain = Brain(regions, meshes, None, {}, "a ball")
    overlay = Overlay("t", "T", "t", np.array([1.0, np.nan]))
    text = str(viewer_data(brain, [overlay, NetworkOverlay(regions)]))
    assert "<" not in text and ">" not in text and "&" not in text
    data = json.loads(text)
    assert data["regions"][0] == {"name": "</script><b>", "network": "&"}
    sheet = data["sheets"][0]
    import base64

    packed = np.frombuffer(base64.b64decode(sheet["shapes"]["folded"]["vertices"]), "<i2")
    step = sheet["shapes"]["folded"]["step"]
    np.testing.assert_allclose(packed.reshape(-1, 3) * step, places, atol=step)
    packed = np.frombuffer(base64.b64decode(sheet["shapes"]["inflated"]["vertices"]), "<i2")
    assert packed.reshape(-1, 3)[:, 0].max() < 0  # the left one lies left
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(sheet["region"]), "<i2"), region)
    np.testing.assert_array_equal(
        np.frombuffer(base64.b64decode(sheet["faces"]), "<u2").reshape(-1, 3), faces
    )
    assert data["overlays"][0]["colours"][1] == MISSING_COLOUR
    assert data["overlays"][0]["said"] == ["1", "n/a"]
    assert data["overlays"][1]["legend"].keys() == {"&", "no network"}


def test_colours_end_where_they_say():
    signed = Overlay("x", "X", "x", np.array([-1.0, 0.0, 2.0, np.nan]))
    assert signed.ends == (-2.0, 2.0)  # the 98th percentile is 1.96
    assert signed.colours[1] == "#f7f6f7" and signed.colours[3] == MISSING_COLOUR
    assert Overlay("x", "X", "x", np.array([0.0, 3.0])).ends[0] == 0
    assert Overlay("x", "X", "x", np.zeros(3)).ends == (0.0, 1.0)
    assert Overlay("x", "X", "x", np.zeros(3)).beyond == (False, False)
    assert Overlay("x", "X", "x", np.array([*[0.0] * 99, 3.0])).beyond == (False, True)


def test_colours_of_networks_hold_whatever_their_order():
    names = [f"n{i}" for i in range(40)] + ["DMN", "Vis", ""]
    first, second = network_colours(names), network_colours(reversed(names * 2))
    assert first == second
    assert len(set(first.values())) == len(names)


def test_figures_of_a_brain_have_a_patch_for_every_region_seen(derived, tmp_path):
    folder, _ = derived
    geometry = find_geometry("A", None, [Dataset(folder, "d")], "01", {})
    regions = Regions(tuple(NAMES), tuple(NETWORKS))
    views = BrainViews(keep(tmp_path, geometry, regions))
    overlay = Overlay("t", "T", "t across sessions", np.linspace(-2, 2, len(NAMES)))
    ax = figures.plot_views(views.cortex, overlay)
    patches = {patch.get_gid() for patch in ax.patches}
    assert {f"region-{k}-0" for k in range(3)} <= patches
    assert {f"region-{k}-3" for k in range(3, 6)} <= patches
    drawn = figures.plot_views(views.subcortex, NetworkOverlay(regions))
    gids = {p.get_gid() for p in drawn.patches}
    assert {"region-6-1", "region-7-1"} <= gids
    drawn = draw_figure("brain", lambda: figures.plot_views(views.cortex, overlay), pdf=True)
    assert drawn.pdf.startswith(b"%PDF") and b"CreationDate" not in drawn.pdf
    text = inline(drawn.svg, "a <brain>", {0: "a & b"})
    assert 'aria-label="a &lt;brain&gt;"' in text
    assert "<title>a &amp; b</title>" in text
    assert "metadata" not in text and "<style" not in text
    again = draw_figure("brain", lambda: figures.plot_views(views.cortex, overlay))
    assert again.svg == drawn.svg


def test_drawing_shortens_coordinates_but_no_text():
    def draw():
        ax = figures.new_axes(2, 2)
        ax.plot([0, 1.23456], [0, 1])
        ax.set_title("p = 0.00012345")
        return ax

    text = draw_figure("x", draw).svg.decode()
    assert "p = 0.00012345" in text
    assert len(text) < 12_000


def small_study(tmp_path, derived, rng, *words):
    """A decoded person with that atlas."""
    from conftest import Tree

    tree = Tree(tmp_path / "bids")
    shutil.copytree(derived, tree.derivatives)
    for run in simulate_runs(rng, n_sessions=4, n_regions=len(NAMES)):
        tree.add_run(
            Run(
                run.signals, run.rating, run.tr_s, run.session, run.task, run.run,
                censored=run.censored, confounds=run.confounds, regions=tuple(NAMES),
            )
        )  # fmt: skip
    out = tmp_path / "out"
    assert main(["run", str(tree.root), str(out), "participant", *words]) == 0
    return out


@pytest.mark.needs("wb_command")
def test_workbench_opens_what_a_study_writes(derived, rng, tmp_path):
    skipped = [stage for stage in QUICK[3:] if stage not in ("importance", "univariate")]
    words = ("--n-importance-permutations", "50", "--n-bootstraps", "100", "--skip", *skipped)
    out = small_study(tmp_path, derived[0], rng, *words)
    (files,) = find_results(out)
    results = read_results(files)

    def told(suffix, extension, *words):
        path = files.decoding(suffix, extension)
        command = ["wb_command", "-file-information", str(path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    maps = told("importance", ".pscalar.nii", "-only-map-names").split()
    assert maps == ["importance", "importance_centred", "positive_strength", "negative_strength"]
    assert told("univariate", ".pscalar.nii", "-only-map-names").split() == ["t", "effect"]
    assert told("importance", ".dscalar.nii", "-only-map-names").split() == maps
    assert "Parcel 8:" in told("weights", ".pconn.nii")
    labels = told("dseg", ".dlabel.nii")
    assert all(name in labels for name in NAMES)
    text = tmp_path / "t.txt"
    source = files.decoding("importance", ".pscalar.nii")
    subprocess.run(["wb_command", "-cifti-convert", "-to-text", str(source), str(text)], check=True)
    read = np.loadtxt(text)
    table = results.stage_tables["importance"].set_index("region")
    image = nib.load(source)
    order = list(image.header.get_axis(1).name)
    np.testing.assert_allclose(read[:, 1], table["importance_centred"][order], rtol=1e-5)
    matrix = nib.load(files.decoding("weights", ".pconn.nii"))
    weights = pd.read_csv(files.decoding("weights", ".tsv"), sep="\t")
    values = np.asarray(matrix.dataobj)
    order = list(matrix.header.get_axis(0).name)
    for _, row in weights.iterrows():
        i, j = order.index(row["region_a"]), order.index(row["region_b"])
        assert values[i, j] == pytest.approx(row["weight"], rel=1e-5)


def test_maps_hold_values_by_region(derived, tmp_path, rng):
    folder, image = derived
    geometry = find_geometry("A", None, [Dataset(folder, "d")], "01", {})
    parcels = parcels_of(Regions(tuple(NAMES), tuple(NETWORKS)), geometry.atlas)
    values = np.arange(1.0, len(NAMES) + 1)
    write_dense_maps(tmp_path / "x.dscalar.nii", parcels, {"x": values, "-x": -values})
    dense = nib.load(tmp_path / "x.dscalar.nii")
    data = np.asarray(dense.dataobj)
    for place in parcels.present:
        assert (data[0, parcels.region_of_point == place] == values[place]).all()
    assert (data[:, parcels.region_of_point == -1] == 0).all()
    palettes = [meta["PaletteColorMapping"] for meta in dense.header.get_axis(0).meta]
    assert "magma" in palettes[0] and "ROY-BIG-BL" in palettes[1]
    write_parcel_maps(tmp_path / "x.pscalar.nii", parcels, {"x": np.full(len(NAMES), np.nan)})
    assert (np.asarray(nib.load(tmp_path / "x.pscalar.nii").dataobj) == 0).all()
    write_parcel_matrix(tmp_path / "x.pconn.nii", parcels, np.outer(values, values))
    matrix = nib.load(tmp_path / "x.pconn.nii")
    names = list(matrix.header.get_axis(0).name)
    expected = np.array([NAMES.index(name) + 1 for name in names])
    np.testing.assert_allclose(np.asarray(matrix.dataobj), np.outer(expected, expected))


def test_an_atlas_of_other_names_is_no_geometry(derived):
    folder, image = derived
    atlas = read_atlas(AtlasFiles("A", image, image.with_name("atlas-A_dseg.tsv")))
    assert parcels_of(Regions(("x", "y"), ("", "")), atlas) is None


def test_a_page_without_places_says_how_to_supply_an_atlas(derivatives, tmp_path):
    out = tmp_path / "out"
    assert main(["run", str(derivatives.root), str(out), "participant", *QUICK]) == 0
    page = (out / "sub-01.html").read_text()
    assert "cannot be shown on a brain" in page and "dseg.dlabel.nii" in page
    assert "brain-canvas" not in page


@pytest.mark.long
def test_a_new_image_of_the_atlas_costs_no_decoding(derived, rng, tmp_path, monkeypatch):
    folder, image = derived
    skipped = [stage for stage in QUICK[3:] if stage != "importance"]
    words = ("--n-importance-permutations", "50", "--n-bootstraps", "100", "--skip", *skipped)
    content = image.read_bytes()
    image.unlink()
    out = small_study(tmp_path, folder, rng, *words)
    (files,) = find_results(out)
    assert "cannot be shown on a brain" in files.page.read_text()
    metrics = files.decoding("metrics", ".json").read_bytes()
    again = tmp_path / "bids/derivatives/xcp_d" / image.relative_to(folder)
    again.write_bytes(content)

    def never(*_, **__):
        raise AssertionError("decoded again")

    monkeypatch.setattr("painprint.apps.decoding_steps.train", never)
    study = ["run", str(tmp_path / "bids"), str(out), "participant"]
    assert main([*study, *words]) == 0
    assert "brain-canvas" in files.page.read_text()
    assert files.decoding("metrics", ".json").read_bytes() == metrics
    assert files.decoding("importance", ".pscalar.nii").is_file()
    read_results(files)  # nothing is said to have changed
    page = files.page.read_bytes()
    assert main([*study, *words]) == 0
    assert files.page.read_bytes() == page


def test_overlays_follow_names_not_places(derived, rng, tmp_path):
    skipped = [stage for stage in QUICK[3:] if stage != "importance"]
    words = ("--n-importance-permutations", "50", "--n-bootstraps", "100", "--skip", *skipped)
    out = small_study(tmp_path, derived[0], rng, *words)
    (files,) = find_results(out)
    results = read_results(files)
    turned = Regions(tuple(reversed(NAMES)), tuple(reversed(NETWORKS)))
    first = overlays(results, turned)[0]
    table = results.stage_tables["importance"].set_index("region")["importance_centred"]
    np.testing.assert_array_equal(first.values, table[list(reversed(NAMES))])
    assert [one.name for one in overlays(results, turned)][-1] == "networks"
