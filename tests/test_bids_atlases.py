"""Atlases as BIDS 1.11 names them: several scales, folders of templates, and datasets for XCP-D."""

import json
import shutil
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs, write_json
from nibabel.cifti2.cifti2_axes import BrainModelAxis, SeriesAxis

from painprint.atlas.image import find_atlases, image_names, read_atlas
from painprint.bids.filter import read_bids_filter
from painprint.bids.find import DataSelection, find_runs
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, Dataset, atlas_name, parse_name
from painprint.files.images import Grayordinates
from painprint.files.maps import write_labels
from painprint.parcellate.individual_file import (
    AreaFiles,
    write_atlas,
    write_atlas_dataset,
    write_bids_atlas,
)
from painprint.results.all_columns import AREA_COLUMNS
from painprint.results.files import ParticipantFiles

N_VERTICES = 32_492
LEFT = BrainModelAxis.from_surface(np.arange(20), N_VERTICES, name="cortex_left")
RIGHT = BrainModelAxis.from_surface(np.arange(20), N_VERTICES, name="cortex_right")
AXIS = LEFT + RIGHT
POINTS = Grayordinates(AXIS)
SCALES = {"scale-2": np.repeat([1, 2], 20), "scale-4": np.repeat([1, 2, 3, 4], 10)}


def write_dseg(folder, stem, labels, *, column="name"):
    """An image with its table; regions are named after the stem."""
    folder.mkdir(parents=True, exist_ok=True)
    known = np.unique(labels)
    write_labels(folder / f"{stem}.dlabel.nii", POINTS, labels, {int(k): f"x{k}" for k in known})
    networks = [f"N{k % 2}" for k in known]
    names = [f"{len(known)}of{k}" for k in known]
    table = pd.DataFrame({"index": known, column: names, "network_label": networks})
    table.to_csv(folder / f"{stem}.tsv", sep="\t", index=False)
    write_json(folder / f"{stem}.json", {"Name": stem})
    return folder / f"{stem}.dlabel.nii"


def write_scales(root, folder="tpl-fsLR", **options):
    """An atlas of two scales, as BIDS 1.11 names it."""
    for scale, labels in SCALES.items():
        stem = f"tpl-fsLR_atlas-Schaefer2018_{scale}_den-32k_dseg"
        write_dseg(root / folder, stem, labels, **options)
    write_json(root / "dataset_description.json", {"Name": "S", "DatasetType": "derivative"})
    return root


def find(tree, *derivatives, **choices):
    datasets = [Dataset(path, f"derivatives{k}") for k, path in enumerate(derivatives, start=1)]
    return find_runs(Dataset(tree.root, "raw"), datasets, "01", DataSelection(**choices))


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("space-fsLR_atlas-Gordon_stat-mean_timeseries.tsv", "Gordon"),
        ("space-fsLR_seg-Gordon_stat-mean_timeseries.tsv", "Gordon"),  # XCP-D before 0.10
        ("space-fsLR_atlas-S_scale-100_den-91k_timeseries.ptseries.nii", "S_scale-100"),
        ("space-fsLR_atlas-S_scale-100_seg-7n_timeseries.tsv", "S_seg-7n_scale-100"),
        ("tpl-fsLR_atlas-S_seg-17n_scale-400_den-32k_dseg.dlabel.nii", "S_seg-17n_scale-400"),
        ("space-fsLR_den-91k_bold.dtseries.nii", ""),
        ("scale-100_dseg.tsv", ""),
    ],
)
def test_segmentation_and_scale_are_part_of_an_atlass_name(name, right):
    path = Path("/d", name)
    assert BidsFile(path, path.parent, "d", *parse_name(name)).atlas == right
    if right:  # names of outputs contain it, and are read back
        assert atlas_name(parse_name(f"sub-01_task-t_atlas-{right}_metrics.json")[0]) == right


def test_a_filter_file_may_ask_for_a_scale(tmp_path):
    names = [f"sub-01_task-t_atlas-S_scale-{k}_timeseries.tsv" for k in (100, 400)]
    files = [BidsFile(Path("/d/func", n), Path("/d"), "d", *parse_name(n)) for n in names]
    write_json(tmp_path / "f.json", {"bold": {"scale": 400}})
    chosen = read_bids_filter(tmp_path / "f.json").choose("bold", files)
    assert [file.path.name for file in chosen] == names[1:]


def test_figures_of_a_scale_are_not_those_of_the_atlas_without_scale(tmp_path):
    stems = [f"sub-01_task-t_atlas-{atlas}" for atlas in ("S", "S_scale-100", "S_seg-7n_scale-100")]
    (tmp_path / "sub-01/figures").mkdir(parents=True)
    files = [ParticipantFiles(tmp_path, "01", stem) for stem in stems]
    for one in files:
        one.figure("a_b").touch()
    assert [one.figures() for one in files] == [[one.figure("a_b")] for one in files]


# --- regional time series ---------------------------------------------------------------------


@pytest.fixture
def scaled(tree, rng):
    """Time series of two scales of one atlas, with 8 and 12 regions."""
    for n_regions, scale in ((8, "scale-100"), (12, "scale-1000")):
        for run in simulate_runs(rng, n_regions=n_regions):
            tree.add_run(run, atlas=f"atlas-Schaefer2018_{scale}")
        names = [f"r{k}" for k in range(n_regions)]
        tree.add_atlas(names, [scale] * n_regions, label=f"Schaefer2018_{scale}")
    return tree


@pytest.mark.parametrize("prefix", ["", "atlas-"])
def test_time_series_of_several_scales_are_several_atlases(scaled, prefix):
    for scale, n_regions in (("scale-100", 8), ("scale-1000", 12)):
        found = find(scaled, scaled.derivatives, atlas=f"{prefix}Schaefer2018_{scale}")
        assert found.atlas == f"Schaefer2018_{scale}" and not found.excluded
        widths = {len(pd.read_csv(r.series.path, sep="\t", nrows=1).columns) for r in found.runs}
        assert widths == {n_regions} and len(found.runs) == 10
        table = pd.read_csv(found.region_table.path, sep="\t")
        assert set(table["network_label"]) == {scale} and len(table) == n_regions
        stem = ParticipantFiles.of(scaled.root, found).stem
        assert stem == f"sub-01_task-rating_atlas-Schaefer2018_{scale}"


def test_a_scale_must_be_chosen_and_the_choices_are_named(scaled):
    names = "Schaefer2018_scale-100, Schaefer2018_scale-1000"
    with pytest.raises(DerivativesError, match=f"choose one with --atlas: {names}"):
        find(scaled, scaled.derivatives)
    with pytest.raises(DerivativesError, match=f"no atlas Schaefer2018. There are: {names} "):
        find(scaled, scaled.derivatives, atlas="Schaefer2018")


def test_a_table_of_another_scale_names_no_regions(scaled):
    for path in scaled.derivatives.glob("atlases/*scale-100/*.tsv"):
        path.unlink()
    found = find(scaled, scaled.derivatives, atlas="Schaefer2018_scale-100")
    assert found.region_table is None


def test_time_series_of_an_individual_atlas_say_whose_it_is(tree, participant):
    """XCP-D copies the sidecar of an atlas to its outputs."""
    for run in participant:
        tree.add_run(run, atlas="atlas-individual01")
    folder = tree.derivatives / "sourcedata/atlases/tpl-fsLR"
    folder.mkdir(parents=True)
    sidecar = folder / "tpl-fsLR_atlas-individual01_den-32k_dseg.json"
    write_json(sidecar, {"Participant": "01", "Sessions": ["01", "02"], "Halves": {}})
    found = find(tree, tree.derivatives)
    assert found.made_from.participant == "01" and found.made_from.sessions == ("01", "02")
    assert not [note for note in found.notes if "own" in note]
    write_json(sidecar, {"Participant": "02", "Sessions": ["01"], "Halves": {}})
    notes = find(tree, tree.derivatives).notes
    assert "the atlas is sub-02's own, not this person's." in notes
    write_json(sidecar, {"Name": "a group's"})
    assert find(tree, tree.derivatives).made_from is None


# --- images -----------------------------------------------------------------------------------

FOLDERS = ["tpl-fsLR", "tpl-fsLR/anat", "atlases/tpl-fsLR", "sourcedata/atlases/tpl-fsLR/anat"]


@pytest.mark.parametrize("column", ["name", "label"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_an_atlas_in_folders_of_templates_is_found_with_its_table(tmp_path, folder, column):
    dataset = Dataset(write_scales(tmp_path, folder, column=column), "d")
    assert image_names([dataset]) == ["Schaefer2018_scale-2", "Schaefer2018_scale-4"]
    for scale, labels in SCALES.items():
        (files,) = find_atlases(f"Schaefer2018_{scale}", [dataset])
        atlas = read_atlas(files)
        n = len(np.unique(labels))
        assert files.space == "fsLR" and files.label == f"Schaefer2018_{scale}"
        assert atlas.regions.names == tuple(f"{n}of{k}" for k in range(1, n + 1))
        np.testing.assert_array_equal(atlas.on(POINTS).region_of_point, labels - 1)
    assert find_atlases("Schaefer2018", [dataset]) == []


@pytest.mark.parametrize("column", ["name", "label"])
@pytest.mark.parametrize("folder", ["atlas-A", "atlases/atlas-A", "sourcedata/atlases/atlas-A"])
def test_the_older_spelling_of_atlases_is_still_read(tmp_path, folder, column):
    write_dseg(
        tmp_path / folder, "atlas-A_space-fsLR_den-32k_dseg", SCALES["scale-2"], column=column
    )
    table = tmp_path / folder / "atlas-A_space-fsLR_den-32k_dseg.tsv"
    table.rename(table.with_name("atlas-A_dseg.tsv"))
    (files,) = find_atlases("A", [Dataset(tmp_path, "d")])
    assert read_atlas(files).regions.networks == ("N1", "N0")


def test_a_folder_of_several_scales_names_them(tmp_path):
    write_scales(tmp_path)
    names = "Schaefer2018_scale-2, Schaefer2018_scale-4"
    with pytest.raises(DerivativesError, match=f"several atlases: {names}. Pass the file of one"):
        find_atlases(str(tmp_path), [])
    image = tmp_path / "tpl-fsLR/tpl-fsLR_atlas-Schaefer2018_scale-4_den-32k_dseg.dlabel.nii"
    (files,) = find_atlases(str(image), [])
    assert len(read_atlas(files).regions.names) == 4


def test_a_table_without_scale_does_not_name_regions_of_a_scale(tmp_path):
    """Four rows would fit the labels 1 and 2, but not name them."""
    write_scales(tmp_path)
    folder, stem = tmp_path / "tpl-fsLR", "tpl-fsLR_atlas-Schaefer2018"
    (folder / f"{stem}_scale-4_den-32k_dseg.tsv").rename(folder / f"{stem}_dseg.tsv")
    (folder / f"{stem}_scale-2_den-32k_dseg.tsv").unlink()
    (files,) = find_atlases("Schaefer2018_scale-2", [Dataset(tmp_path, "d")])
    assert files.table is None and read_atlas(files).regions.names == ("x1", "x2")
    shared = folder / f"{stem}_scale-4_dseg.tsv"  # without the density, as it may be
    (folder / f"{stem}_dseg.tsv").rename(shared)
    (files,) = find_atlases("Schaefer2018_scale-4", [Dataset(tmp_path, "d")])
    assert files.table == shared


def test_an_atlas_dataset_among_the_derivatives_serves_dense_bold(tree, participant, tmp_path, rng):
    dense = tree.root / "derivatives/fmriprep"
    for run in participant:
        name = tree.add_run(run).name.partition("_space")[0]
        folder = dense / f"sub-01/ses-{run.session}/func"
        folder.mkdir(parents=True, exist_ok=True)
        series = SeriesAxis(0, run.tr_s, 2)
        image = nib.Cifti2Image(rng.normal(size=(2, 40)).astype(np.float32), (series, AXIS))
        image.to_filename(folder / f"{name}_space-fsLR_den-91k_bold.dtseries.nii")
    atlases = write_scales(tmp_path / "atlases")
    found = find(tree, dense, atlases, atlas="Schaefer2018_scale-4")
    assert found.atlas == found.image.label == "Schaefer2018_scale-4" and len(found.runs) == 10
    assert found.region_table.path == found.image.table
    with pytest.raises(DerivativesError) as said:
        find(tree, dense, atlases, atlas="Schaefer2018")
    assert "Atlases with an image: Schaefer2018_scale-2, Schaefer2018_scale-4;" in str(said.value)


# --- datasets for XCP-D -----------------------------------------------------------------------

ENTITIES = {
    "template": r"[_/\\]+tpl-([a-zA-Z0-9+]+)",
    "atlas": r"[_/\\]+atlas-([a-zA-Z0-9+]+)",
    "hemi": r"[_/\\]+hemi-(L|R)",
    "res": r"[_/\\]+res-([a-zA-Z0-9]+)",
    "den": r"[_/\\]+den-([a-zA-Z0-9]+)",
    "desc": r"[_/\\]+desc-([a-zA-Z0-9+]+)",
    "suffix": r"(?:^|[_/\\])([a-zA-Z0-9]+)\.[^/\\]+$",
    "extension": r"[^./\\](\.[^/\\]+)$",
}
"""Entities by which XCP-D 26 finds atlases, for pybids."""
QUERY = {
    "template": ["fsLR"],
    "den": ["32k", "91k"],
    "suffix": ["dseg"],
    "extension": [".dlabel.nii"],
}
"""What XCP-D 26 asks for when it processes CIFTI, beside the names of --atlases."""


def query(root, atlas):
    """The images that XCP-D 26 finds in a derivative dataset, stated without pybids."""
    description = json.loads((root / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"  # others are passed over
    found = []
    for path in sorted(root.rglob("*")):
        entities, suffix, extension = parse_name(path.name)
        named = {"template": entities.get("tpl"), "den": entities.get("den")}
        named |= {"suffix": suffix, "extension": extension}
        asked = all(named[name] in values for name, values in QUERY.items())
        if asked and entities.get("atlas") == atlas:
            found.append(path)
    return found


def query_with_pybids(root, atlas):
    """The images, each with its table and sidecar."""
    from bids.layout import BIDSLayout, Config

    known = {name for own in ("bids", "derivatives") for name in Config.load(own).entities}
    found = []
    for beside, has in (((), ()), (("bids", "derivatives"), known)):  # versions of 26 differ
        entities = [
            {"name": name, "pattern": pattern, **({"directory": "{template}"} if k == 0 else {})}
            for k, (name, pattern) in enumerate(ENTITIES.items())
            if name not in has
        ]
        config = [*beside, {"name": "atlas", "entities": entities}]
        layout = BIDSLayout(root, config=config, validate=False)
        assert layout.get_dataset_description()["DatasetType"] == "derivative"
        for image in layout.get(atlas=atlas, return_type="file", **QUERY):
            table = layout.get_nearest(image, extension=".tsv", strict=False)
            sidecar = layout.get_nearest(image, extension=".json", strict=True)
            found.append(tuple(map(Path, (image, table, sidecar))))
    return found


def write_own(out_dir, participant="01", label="individual", labels=SCALES["scale-4"]):
    """An individual atlas as `painprint parcellate` writes it."""
    files = AreaFiles(out_dir, participant, label, "space-fsLR_den-91k")
    n = labels.max()
    names = [f"L_Vis_{participant}{k}" for k in range(n)]
    table = pd.DataFrame({"index": np.arange(1, n + 1), "label": names, "name": names})
    table = table.reindex(columns=list(AREA_COLUMNS["dseg"])).assign(network_label="Vis")
    about = {
        "Name": f"areas of sub-{participant}", "Description": "areas", "SampleSize": 1,
        "Participant": participant, "Sessions": ["01"], "Halves": {},
    }  # fmt: skip
    write_atlas(files, POINTS, labels, table, about)
    made = {"Name": "painprint", "Version": "0.1.0"}
    description = {"Name": about["Name"], "BIDSVersion": "1.10.0", "DatasetType": "atlas"}
    write_bids_atlas(files, {**description, "GeneratedBy": [made]})
    assert write_atlas_dataset(files, "32k")
    return files


def test_an_individual_atlas_is_a_derivative_dataset_that_xcpd_finds(tmp_path):
    files = write_own(tmp_path)
    root = tmp_path / "sub-01/parcellation/atlases"
    stem = "tpl-fsLR/tpl-fsLR_atlas-individual01_den-32k_dseg"
    assert {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()} == {
        *(f"{stem}{extension}" for extension in (".dlabel.nii", ".tsv", ".json")),
        "dataset_description.json",
        "atlas-individual01_description.json",
    }
    assert query(root, "individual01") == [root / f"{stem}.dlabel.nii"]
    assert query(root, "individual") == query(root, "individual02") == []
    description = json.loads((root / "dataset_description.json").read_text())
    assert description == {
        "Name": "areas of sub-01", "BIDSVersion": "1.11.0", "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "painprint", "Version": "0.1.0"}],
    }  # fmt: skip
    about = json.loads((root / "atlas-individual01_description.json").read_text())
    assert about["Name"] == "areas of sub-01" and about["SampleSize"] == 1
    table = pd.read_csv(root / f"{stem}.tsv", sep="\t")
    assert table["index"].tolist() == [1, 2, 3, 4] and table["name"].tolist()[0] == "L_Vis_010"
    labels = nib.load(root / f"{stem}.dlabel.nii").header.get_axis(0).label[0]
    assert [labels[k][0] for k in table["index"]] == table["name"].tolist()
    for named in ([str(root)], ["individual01", [Dataset(root, "d")]]):
        (found,) = find_atlases(*(named if len(named) == 2 else (*named, [])))
        assert read_atlas(found).regions.names == tuple(table["name"])
        assert found.made_from.participant == "01"
    (older,) = find_atlases(str(files.bids_atlas), [])  # for earlier versions of XCP-D
    assert older.label == "individual"


def test_no_atlas_takes_the_place_of_another_persons_or_label(tmp_path):
    """XCP-D keeps the first of several atlases of one label in its outputs."""
    people = [write_own(tmp_path, one) for one in ("01", "02")]
    early = write_own(tmp_path, "01", "early", SCALES["scale-2"])
    assert early.atlas_dataset == people[0].atlas_dataset
    names = [f.own_label for f in (*people, early)]
    assert names == ["individual01", "individual02", "early01"]
    for files, n in zip((*people, early), (4, 4, 2), strict=True):
        (image,) = query(files.atlas_dataset, files.own_label)
        regions = read_atlas(find_atlases(str(image), [])[0]).regions.names
        assert len(regions) == n and all(f"_{files.participant}" in name for name in regions)


def test_an_atlas_of_another_density_leaves_nothing_behind(tmp_path):
    files = write_own(tmp_path)
    before = {p: p.read_bytes() for p in files.atlas_dataset.rglob("*") if p.is_file()}
    assert write_atlas_dataset(files, "59k")
    (image,) = files.atlas_dataset.rglob("*.dlabel.nii")
    assert "_den-59k_" in image.name and query(files.atlas_dataset, "individual01") == []
    shutil.rmtree(files.atlas_dataset)
    assert write_atlas_dataset(files, "32k")
    assert {p: p.read_bytes() for p in files.atlas_dataset.rglob("*") if p.is_file()} == before


def test_an_atlas_of_an_unknown_space_is_no_such_dataset(tmp_path):
    files = AreaFiles(tmp_path, "01", "individual", "")
    assert not write_atlas_dataset(files, "32k") and not files.atlas_dataset.exists()


@pytest.mark.needs("pybids")
@pytest.mark.filterwarnings("ignore")
def test_xcpds_own_query_finds_the_atlas(tmp_path):
    files = write_own(tmp_path)
    write_own(tmp_path, "01", "early", SCALES["scale-2"])
    for label in (files.own_label, "early01"):
        first, second = query_with_pybids(files.atlas_dataset, label)
        assert first == second
        image, table, sidecar = first
        assert [image] == query(files.atlas_dataset, label)
        stem = image.name.removesuffix(".dlabel.nii")
        assert (table.name, sidecar.name) == (f"{stem}.tsv", f"{stem}.json")


@pytest.mark.needs("wb_command")
def test_workbench_opens_the_atlas(tmp_path):
    (image,) = query(write_own(tmp_path).atlas_dataset, "individual01")
    said = subprocess.run(
        ["wb_command", "-file-information", str(image)], capture_output=True, text=True, check=True
    ).stdout
    assert "Number of Maps:" in said and "CortexLeft" in said and "L_Vis_013" in said
