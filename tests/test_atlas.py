"""Atlases: labels with gaps, names and networks, points matched by vertex and voxel."""

import nibabel as nib
import numpy as np
import pytest
from nibabel.cifti2.cifti2_axes import BrainModelAxis

from painprint.atlas.image import find_atlases, read_atlas
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset
from painprint.files.images import Grayordinates, Voxels
from painprint.files.maps import write_labels
from painprint.regions import NO_REGION

AFFINE = np.diag([2.0, 2, 2, 1])
SHAPE = (5, 5, 5)
N_VERTICES = 300


def surface(name, vertices, n_vertices=N_VERTICES):
    return BrainModelAxis.from_surface(np.asarray(vertices), n_vertices, name=name)


def volume(name, voxels, affine=AFFINE):
    return BrainModelAxis(name, voxel=np.asarray(voxels), affine=affine, volume_shape=SHAPE)


LEFT, RIGHT = surface("cortex_left", range(0, 60, 2)), surface("cortex_right", range(1, 61, 2))
DEEP = volume("thalamus_left", [[i, 1, 1] for i in range(4)])
AXIS = LEFT + RIGHT + DEEP
LABELS = np.concatenate(
    [np.repeat([7, 300, 0], 10), np.repeat([300, 1001, 5000], 10), [70_000] * 4]
)
NAMES = {7: "a", 300: "b", 1001: "c", 5000: "d", 70_000: "deep"}


def write_atlas(folder, axis=AXIS, labels=LABELS, names=NAMES, table=None, name="atlas-T_dseg"):
    path = folder / f"{name}.dlabel.nii"
    write_labels(path, Grayordinates(axis), labels, names)
    if table is not None:
        (folder / f"{name}.tsv").write_text(table)
    return read(path)


def read(path):
    (files,) = find_atlases(str(path), [])
    return read_atlas(files)


def test_labels_with_gaps_and_far_beyond_255_keep_their_names(tmp_path):
    atlas = write_atlas(tmp_path)
    assert atlas.regions.names == ("a", "b", "c", "d", "deep")
    laid = atlas.on(Grayordinates(AXIS))
    expected = [NAMES.get(label, "") for label in LABELS]
    names = (*atlas.regions.names, "")
    assert [names[r] for r in laid.region_of_point] == expected
    assert laid.n_points_of_region.tolist() == [10, 20, 10, 10, 4]


def test_points_are_matched_by_vertex_and_voxel_not_by_position(tmp_path, rng):
    atlas = write_atlas(tmp_path)
    order = rng.permutation(len(AXIS))
    shuffled = DEEP[::-1] + RIGHT[rng.permutation(30)] + LEFT[rng.permutation(30)]
    del order
    laid = atlas.on(Grayordinates(shuffled))
    label_of = {}
    for i, label in enumerate(LABELS):
        place = AXIS.vertex[i] if AXIS.surface_mask[i] else tuple(AXIS.voxel[i])
        label_of[AXIS.name[i], place] = label
    for i, region in enumerate(laid.region_of_point):
        deep = shuffled.volume_mask[i]
        place = tuple(shuffled.voxel[i]) if deep else shuffled.vertex[i]
        label = label_of[shuffled.name[i], place]
        assert (atlas.labels[region] if region != NO_REGION else 0) == label


def test_bold_without_some_points_lacks_coverage_not_places(tmp_path):
    atlas = write_atlas(tmp_path)
    laid = atlas.on(Grayordinates(LEFT[:15]))
    there = np.bincount(laid.region_of_point, minlength=5)
    assert there.tolist() == [10, 5, 0, 0, 0]
    assert laid.n_points_of_region.tolist() == [10, 20, 10, 10, 4]


def test_a_cortical_atlas_leaves_subcortex_without_regions(tmp_path):
    atlas = write_atlas(tmp_path, axis=LEFT, labels=LABELS[:30])
    laid = atlas.on(Grayordinates(AXIS))
    assert (laid.region_of_point[30:] == NO_REGION).all()


def test_another_density_is_refused(tmp_path):
    atlas = write_atlas(tmp_path)
    other = surface("cortex_left", range(10), 10_242)
    with pytest.raises(
        DerivativesError, match="CORTEX_LEFT has 300 vertices, but the BOLD's 10242"
    ):
        atlas.on(Grayordinates(other))


def test_subcortex_on_another_grid_is_refused(tmp_path):
    atlas = write_atlas(tmp_path)
    moved = AFFINE.copy()
    moved[2, 3] = 4
    other = LEFT + volume("thalamus_left", [[0, 1, 1]], moved)
    with pytest.raises(DerivativesError, match="subcortical voxels lie on another grid"):
        atlas.on(Grayordinates(other))


def test_an_atlas_of_another_place_is_refused(tmp_path):
    atlas = write_atlas(tmp_path, axis=LEFT, labels=LABELS[:30])
    with pytest.raises(DerivativesError, match="labels none of the BOLD's voxels or grayordinates"):
        atlas.on(Grayordinates(RIGHT))
    with pytest.raises(DerivativesError, match="labels grayordinates, but the BOLD has voxels"):
        atlas.on(Voxels(np.ones(SHAPE, bool), AFFINE))


def test_the_table_names_labels_by_index_in_any_order(tmp_path):
    rows = ["70000\tDeep\tSub", "7\tA\tVis", "300\tB\tn/a", "5000\tD\tVis", "1001\tC\tDMN"]
    table = "index\tlabel\tnetwork_label\n" + "\n".join(rows) + "\n"
    atlas = write_atlas(tmp_path, table=table)
    assert atlas.regions.names == ("A", "B", "C", "D", "Deep")
    assert atlas.regions.networks == ("Vis", "", "DMN", "Vis", "Sub")


def test_a_table_that_lacks_a_label_is_refused(tmp_path):
    with pytest.raises(DerivativesError, match=r"no row for 4 of the image's 5 labels"):
        write_atlas(tmp_path, table="index\tlabel\n7\tA\n")
    with pytest.raises(DerivativesError, match="no column 'label'"):
        write_atlas(tmp_path, table="index\tregion\n7\tA\n")


def test_schaefers_names_say_the_network(tmp_path):
    names = {7: "7Networks_LH_Vis_1", 300: "7Networks_RH_SalVentAttn_Med_1", 1001: "HIP-rh"}
    names |= {5000: "d", 70_000: "e"}
    assert write_atlas(tmp_path, names=names).regions.networks == ("Vis", "SalVentAttn", "", "", "")


def test_a_name_that_repeats_is_refused(tmp_path):
    with pytest.raises(DerivativesError, match="must differ; repeated: a"):
        write_atlas(tmp_path, names={**NAMES, 300: "a"})


def test_several_maps_or_values_that_are_no_labels_are_refused(tmp_path):
    from nibabel.cifti2.cifti2_axes import LabelAxis

    path = tmp_path / "two.dlabel.nii"
    tables = [{0: ("???", (1, 1, 1, 0)), 1: ("x", (1, 0, 0, 1))}] * 2
    axes = (LabelAxis(["one", "two"], tables), AXIS)
    nib.Cifti2Image(np.ones((2, len(AXIS)), np.float32), axes).to_filename(path)
    with pytest.raises(DerivativesError, match=r"has 2 maps \(one, two\)"):
        read(path)
    nifti = tmp_path / "half.nii.gz"
    nib.Nifti1Image(np.full(SHAPE, 0.5), AFFINE).to_filename(nifti)
    with pytest.raises(DerivativesError, match="values that are not integers"):
        read(nifti)


def test_a_folder_or_a_label_finds_grayordinates_first(tmp_path):
    folder = tmp_path / "atlases" / "atlas-T"
    folder.mkdir(parents=True)
    write_labels(folder / "atlas-T_space-fsLR_dseg.dlabel.nii", Grayordinates(AXIS), LABELS, NAMES)
    voxels = Voxels(np.ones(SHAPE, bool), AFFINE)
    write_labels(folder / "atlas-T_space-MNI_dseg.nii.gz", voxels, np.arange(125) + 1, {})
    (folder / "atlas-T_dseg.tsv").write_text("index\tlabel\n")
    (tmp_path / "dataset_description.json").write_text("{}")
    by_folder = find_atlases(str(folder), [])
    by_label = find_atlases("T", [Dataset(tmp_path, "d")])
    for found in (by_folder, by_label):
        assert [files.of_grayordinates for files in found] == [True, False]
        assert {files.label for files in found} == {"T"}
        assert found[0].table == folder / "atlas-T_dseg.tsv"
    assert find_atlases("Other", [Dataset(tmp_path, "d")]) == []


def test_an_unnamed_file_gets_its_name_without_punctuation(tmp_path):
    write_atlas(tmp_path, name="My.atlas_400-x")
    (files,) = find_atlases(str(tmp_path / "My.atlas_400-x.dlabel.nii"), [])
    assert files.label.isalnum()


def test_places_come_from_voxels_and_surfaces(tmp_path):
    atlas = write_atlas(tmp_path)
    unknown = atlas.table.set_index("label")
    assert unknown.loc["deep", ["x", "y", "z"]].tolist() == [3.0, 2.0, 2.0]
    assert unknown.loc["a", ["x", "y", "z"]].isna().all()
    points = np.column_stack([np.arange(N_VERTICES)] * 3).astype(float)
    known = atlas.coordinates({"CIFTI_STRUCTURE_CORTEX_LEFT": points})
    assert known[0].tolist() == [np.mean(range(0, 20, 2))] * 3
    assert atlas.table["n_points"].tolist() == [10, 20, 10, 10, 4]


def test_places_of_the_table_come_first(tmp_path):
    rows = ["7\ta\t1\t2\t3", "300\tb\tn/a\tn/a\tn/a", "1001\tc\t0\t0\t0", "5000\td\t0\t0\t0"]
    rows += ["70000\tdeep\tn/a\tn/a\tn/a"]
    table = "index\tlabel\tx\ty\tz\n" + "\n".join(rows) + "\n"
    found = write_atlas(tmp_path, table=table).table.set_index("label")[["x", "y", "z"]]
    assert found.loc["a"].tolist() == [1, 2, 3] and found.loc["deep"].tolist() == [3, 2, 2]
    assert found.loc["b"].isna().all()


def test_the_table_that_says_most_of_what_the_image_says_is_used(tmp_path):
    name = "atlas-X_space-fsLR_desc-17Net_dseg"
    body = "\n".join(f"{key}\t{key}" for key in NAMES)
    for desc in ("", "_desc-7Net", "_desc-17Net"):
        content = "index\tlabel\tnetwork\n" + "\n".join(f"{k}\tr{k}\t{desc}" for k in NAMES)
        (tmp_path / f"atlas-X{desc}_dseg.tsv").write_text(content + "\n")
    atlas = write_atlas(tmp_path, name=name)
    assert set(atlas.regions.networks) == {"_desc-17Net"}
    (by_folder,) = find_atlases(str(tmp_path), [])
    assert by_folder.table.name == "atlas-X_desc-17Net_dseg.tsv"
    (tmp_path / "atlas-X_space-fsLR_dseg.tsv").write_text("index\tlabel\n" + body + "\n")
    with pytest.raises(DerivativesError, match="several tables may name its labels"):
        read(tmp_path / f"{name}.dlabel.nii")


def test_a_dotted_name_keeps_its_table_and_spaces_do_not_count(tmp_path):
    table = "index\tlabel\tnetwork\n" + "\n".join(f"{k}\t r{k} \t V " for k in NAMES) + "\n"
    atlas = write_atlas(tmp_path, table=table, name="My.Atlas.32k_fs_LR")
    assert atlas.files.label == "MyAtlas32kfsLR"
    assert atlas.regions.names[0] == "r7" and atlas.regions.networks[0] == "V"


def test_rows_that_repeat_or_have_no_point_are_said(tmp_path):
    rows = [f"{key}\tr{key}" for key in NAMES]
    with pytest.raises(DerivativesError, match="label 300 in more than one row"):
        write_atlas(tmp_path, table="index\tlabel\n" + "\n".join([*rows, "300\tx"]) + "\n")
    spare = write_atlas(tmp_path, table="index\tlabel\n" + "\n".join([*rows, "9\tx"]) + "\n")
    assert "1 regions of atlas-T_dseg.tsv do not occur in the image (first: x)" in spare.notes[0]
