"""A person's own areas, from dense scans to atlas and page, and every way to go wrong."""

import datetime
import json
import logging
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from conftest import check_outputs
from nibabel.cifti2.cifti2_axes import BrainModelAxis, SeriesAxis
from threadpoolctl import threadpool_limits

from painprint.apps import parcellate as parcellating
from painprint.apps.parcellate import parcellate_participant
from painprint.atlas.brain import neighbouring_regions
from painprint.atlas.geometry import read_brain
from painprint.atlas.image import find_atlases, read_atlas
from painprint.bids.filter import BidsFilter
from painprint.cli import main
from painprint.cortex.evaluate import compare
from painprint.cortex.networks import NETWORKS
from painprint.cortex.settings import AreaSettings
from painprint.errors import DerivativesError
from painprint.files.cifti import read_brain_models
from painprint.files.coordinates import subcortical_voxels
from painprint.files.gifti import read_surface, write_surface
from painprint.files.images import Grayordinates, Voxels
from painprint.files.labels import read_label_image
from painprint.files.maps import write_labels, write_maps
from painprint.parcellate import scans as area_scans
from painprint.parcellate import stages as area_stages
from painprint.parcellate.individual_file import find_area_results, read_area_results
from painprint.parcellate.inputs import read_subcortical
from painprint.parcellate.maps import Maps
from painprint.parcellate.study import AreaStudy
from painprint.report.parcellation import _overlays, methods_paragraph
from painprint.results.record import record_pages
from painprint.simulate.person import Person
from painprint.simulate.world import World
from painprint.simulate.write import write_people

TR_S, RUN_S, N_SESSIONS, N_VERTICES = 2.0, 200, 4, 642
WORLD = World(divisions=8, n_regions=20, n_runs=1, run_s=RUN_S, tr_s=TR_S)
QUICK = {"rest_low_pass_hz": 0.0, "n_seeds": 150, "rank": 40, "n_checked": 0, "n_trials": 2}
STRUCTURES = {"L": "CIFTI_STRUCTURE_CORTEX_LEFT", "R": "CIFTI_STRUCTURE_CORTEX_RIGHT"}
REGION_NAMES = ("front left", "<script>alert(1)</script>", "behind left", "behind right")
NOWHERE = "out in the air"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Arrays are small: threads of linear algebra would wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def scans(tmp_path_factory):
    """A simulated person with planted areas on small surfaces; not to be changed."""
    root = tmp_path_factory.mktemp("scans") / "bids"
    write_people(root, [Person(N_SESSIONS, world=WORLD)], layout="fmriprep_surfaces", random_seed=1)
    return root


@pytest.fixture
def bids(scans, tmp_path):
    """A copy, to be bent out of shape."""
    return Path(shutil.copytree(scans, tmp_path / "bids"))


def bold_of(bids, session="01"):
    (path,) = bids.glob(f"derivatives/fmriprep/sub-01/ses-{session}/func/*rest*_bold.dtseries.nii")
    return path


def surface_of(bids, side):
    (path,) = bids.glob(f"derivatives/fmriprep/sub-01/anat/*hemi-{side}*_midthickness.surf.gii")
    return path


def bend(bids, side, change):
    """Write a surface again, changed."""
    path = surface_of(bids, side)
    write_surface(path, *change(*read_surface(path)), side)


def change_bold(bids, change, sessions=("01", "02", "03", "04")):
    """Write resting BOLD again; what changes it is given and gives data and brain models."""
    for session in sessions:
        path = bold_of(bids, session)
        image = nib.load(path)
        data, axis = change(np.asarray(image.dataobj).copy(), image.header.get_axis(1))
        series = SeriesAxis(0, TR_S, len(data))
        nib.Cifti2Image(data.astype(np.float32), (series, axis)).to_filename(path)


def truth_of(bids):
    """The planted area of every grayordinate, from 1; 0 for voxels. And networks of areas."""
    folder = bids / "derivatives/fmriprep/atlases/atlas-Simulated01"
    (image,) = folder.glob("*.dlabel.nii")
    atlas = read_label_image(image)
    planted = np.where(atlas.points.axis.surface_mask, atlas.labels, 0)
    table = pd.read_csv(next(folder.glob("*.tsv")), sep="\t").set_index("index")["network_label"]
    return planted, table


@pytest.fixture(scope="session")
def maps(scans, tmp_path_factory):
    """Files to name areas with and to compare them with."""
    root = tmp_path_factory.mktemp("maps")
    points = read_brain_models(bold_of(scans))
    planted, network_of = truth_of(scans)
    code = {name: k for k, name in enumerate(sorted(set(network_of)), start=1)}
    template = np.array([code[network_of[one]] if one else 0 for one in planted])
    template[template == len(code)] = 9  # action-mode network
    write_maps(root / "networks.dscalar.nii", points, {"networks": template.astype(float)})
    prior = (planted == planted[planted > 0][0]).astype(float)
    write_maps(root / "scan.dscalar.nii", points, {"prior": prior})
    names = {int(one): str(one) for one in np.unique(planted) if one}
    write_labels(root / "group.dlabel.nii", points, planted, names)
    return Maps(
        network_template=root / "networks.dscalar.nii",
        scan_prior=root / "scan.dscalar.nii",
        reference_atlas=root / "group.dlabel.nii",
        subcortical_atlas=write_deep(root / "tpl-MNI152NLin6Asym_atlas-Deep_dseg.nii.gz", points),
    )


def quarter(places):
    """1 to 4 by left and right, front and behind; the voxels' grid has no voxel on a border."""
    return 1 + (places[:, 0] > 0) + 2 * (places[:, 1] < -29)


def write_deep(path, points, shift_mm=0.3):
    """Quarters of the voxels on a 1-mm grid that starts elsewhere, and one region far away."""
    _, places = subcortical_voxels(points)
    affine = np.eye(4)
    affine[:3, 3] = np.floor(places.min(axis=0)) - 3 + shift_mm
    shape = np.ceil(places.max(axis=0) - affine[:3, 3]).astype(int) + 4
    centres = np.argwhere(np.ones(shape, bool)) + affine[:3, 3]
    near = np.zeros(len(centres), bool)
    for first in range(0, len(centres), 1000):
        away = np.abs(centres[first : first + 1000, None] - places).max(axis=2)
        near[first : first + 1000] = (away <= 1).any(axis=1)
    labels = np.where(near, 3 * quarter(centres) + 7, 0)
    labels[0] = 40
    write_labels(path, Voxels(np.ones(shape, bool), affine), labels, {})
    table = pd.DataFrame({"index": [10, 13, 16, 19, 40], "name": [*REGION_NAMES, NOWHERE]})
    table.to_csv(str(path).replace(".nii.gz", ".tsv"), sep="\t", index=False)
    return path


def make(bids, out, maps=None, *, n_jobs=1, bids_filter=None, **options):
    """Parcellate, and read what was written."""
    study = AreaStudy(
        bids, out, (bids / "derivatives/fmriprep",), AreaSettings(**{**QUICK, **options}),
        maps or Maps(), n_jobs, bids_filter or BidsFilter(), existing="overwrite",
    )  # fmt: skip
    parcellate_participant(study, "01")
    (files,) = [f for f in find_area_results(out) if f.label == study.settings.label]
    return read_area_results(files)


def refusal(bids, out, maps=None, **options):
    """What is said instead of a parcellation; nothing else is written."""
    with pytest.raises((DerivativesError, ValueError)) as said:
        make(bids, out, maps, **options)
    assert not list(out.glob("sub-01/parcellation/*"))
    return str(said.value)


@pytest.fixture
def no_page(monkeypatch):
    """Pages take seconds, and are tested elsewhere."""
    monkeypatch.setattr(parcellating, "write_parcellation_page", lambda *_, **__: None)


@pytest.fixture
def little_will_do(monkeypatch):
    """A minute of rest is enough."""
    monkeypatch.setattr(area_scans, "LEAST_MIN", 1)
    monkeypatch.setattr(area_scans, "LEAST_OF_HALF_MIN", 1)


@pytest.fixture(scope="session")
def found(scans, maps, tmp_path_factory):
    """Areas with everything there is; not to be changed."""
    with threadpool_limits(1):
        return make(scans, tmp_path_factory.mktemp("found"), maps, n_checked=60)


def labels_of(results, half=""):
    return read_label_image(results.files.path("dseg", ".dlabel.nii", half=half))


def agreement(bids, results):
    """With the planted areas."""
    image = labels_of(results)
    own = np.where(image.points.axis.surface_mask, image.labels, 0)
    planted = truth_of(bids)[0]
    if len(planted) == len(own):
        return compare(np.unique(planted, return_inverse=True)[1].astype(np.int64), own)
    whole = read_label_image(next(bids.glob("derivatives/fmriprep/atlases/*/*.dlabel.nii")))
    planted = np.where(image.points.axis.surface_mask, whole.on(image.points), 0)
    return compare(np.unique(planted, return_inverse=True)[1].astype(np.int64), own)


def content_of(folder, *, but=("logs",)):
    """Bytes of every file, by relative name."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not set(p.relative_to(folder).parts) & set(but)
    }


# --- the chain --------------------------------------------------------------------------------


def test_planted_areas_are_found(scans, found):
    told = agreement(scans, found)
    assert told.ari > 0.85 and told.dice > 0.7 and told.dice_inside > 0.9
    assert abs(told.n_areas[0] - told.n_areas[1]) <= 3
    assert found.metrics["halves"]["agreement"]["ari"] > 0.7
    beside = found.metrics["reference"]
    assert beside["name"] == "group" and beside["agreement"]["ari"] == pytest.approx(told.ari)


def test_every_file_is_written(found):
    folder = found.files.folder
    stem = "sub-01_space-fsLR_den-642_atlas-individual"
    atlas = "bids-atlas/atlas-individual/atlas-individual_space-fsLR_den-642_dseg"
    ends = (".dlabel.nii", ".tsv", ".json")
    copies = {
        *(f"atlases/tpl-fsLR/tpl-fsLR_atlas-individual01_den-642_dseg{end}" for end in ends),
        "atlases/atlas-individual01_description.json",
        "atlases/dataset_description.json",
    }
    expected = {
        *(f"{stem}{half}_dseg{end}" for half in ("", "odd", "even") for end in ends),
        *(f"{atlas}{end}" for end in ends),
        "bids-atlas/dataset_description.json",
        *copies,
        *(f"{stem}_{name}.dscalar.nii" for name in ("boundaries",)),
        f"{stem}_networks.dlabel.nii",
        *(f"{stem}_{name}{end}" for name in ("homogeneity", "scan") for end in (".tsv", ".json")),
        f"{stem}_metrics.json",
        *(f"sub-01_hemi-{s}_{k}.surf.gii" for s in "LR" for k in ("midthickness", "inflated")),
    }
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {name for name in there if not name.startswith("figures/")} == expected
    check_outputs(found.files.out_dir, "An individual parcellation")
    assert found.files.page == found.files.out_dir / "sub-01_parcellation.html"
    assert found.files.page.is_file()
    outputs = found.metrics["outputs"]
    assert set(outputs) == expected - copies - {f"{stem}_metrics.json"}


def test_metrics_say_what_happened(found):
    m = found.metrics
    assert (m["n_sessions"], m["n_runs"], m["n_vertices"]) == (N_SESSIONS, N_SESSIONS, N_VERTICES)
    assert m["n_frames"] == sum(row["n_kept"] for row in m["runs"])
    assert m["minutes"] == pytest.approx(m["n_frames"] * TR_S / 60)
    assert m["simulated"] is True and 0.5 < m["share_in_area"] < 1
    assert m["check"]["n_seeds"] == 60 and m["check"]["r"] > 0.9 < m["check"]["floor"]
    assert [row["half"] for row in m["runs"]] == ["odd", "even", "odd", "even"]
    assert m["halves"]["sessions"] == {"odd": ["01", "03"], "even": ["02", "04"]}
    assert sum(m["halves"]["n_frames"].values()) == m["n_frames"]
    own, group = (m["homogeneity"][name] for name in ("individual", "reference"))
    assert own["z"] > 3 and own["p"] < 0.05 and own["n_turns"] == 100 and group["n_areas"] == 20
    assert "13 minutes of rest are kept; about 60 are advised" in m["notes"][-1]
    assert not m["not_done"]
    turns = found.homogeneity.groupby("areas").size()
    assert turns.to_dict() == {"the person's own": 101, "the reference atlas": 101}
    command = m["provenance"]["command"]
    assert "--network-template networks.dscalar.nii" in command and "--rank 40" in command
    assert sum(one["n_areas"] for one in m["networks"]["counts"].values()) == m["n_areas"]


def test_the_table_is_that_of_the_image(found):
    image, table = labels_of(found), found.areas
    n_points = np.bincount(image.labels, minlength=len(table) + 1)[1:]
    np.testing.assert_array_equal(table["n_points"], n_points)
    assert [image.names[k] for k in table["index"].astype(int)] == table["label"].tolist()
    assert table["index"].tolist() == list(range(1, len(table) + 1))
    cortical = table["hemisphere"].isin(["L", "R"])
    assert cortical.sum() == found.metrics["n_areas"]
    assert table.loc[cortical, ["area_mm2", "medoid", "x", "coverage"]].notna().all(axis=None)
    assert (table.loc[cortical, "coverage"] == 1).all()
    assert (table.loc[cortical, "x"] < 0).equals(table.loc[cortical, "hemisphere"] == "L")
    assert table.loc[cortical, "homogeneity"].between(0, 1).all()
    for side, structure in STRUCTURES.items():
        here = image.labels[image.points.axis.name == structure]
        assert (table.loc[np.unique(here[here > 0]) - 1, "hemisphere"] == side).all()


def test_nothing_of_the_machine_is_written(scans, found, maps):
    roots = (scans.parent, found.files.out_dir, maps.network_template.parent, Path.home())
    secret = [str(root) for root in roots if len(root.parts) > 2]
    secret += [datetime.date.today().isoformat()]
    host = re.compile(rf"\b{re.escape(socket.gethostname())}\b".encode())
    for name, content in content_of(found.files.out_dir).items():
        told = [one for one in secret if one.encode() in content]
        assert not told and not host.search(content), (name, told)


@pytest.mark.long
def test_results_are_the_same_whoever_works(scans, maps, found, tmp_path):
    again = make(scans, tmp_path / "elsewhere", maps, n_checked=60, n_jobs=2)
    assert content_of(again.files.out_dir) == content_of(found.files.out_dir)


def test_a_finished_parcellation_is_not_repeated(bids, tmp_path, caplog, monkeypatch, no_page):
    """Unless a surface, a scan, an option or an output is another."""
    caplog.set_level(logging.INFO, logger="painprint")
    out, made = tmp_path / "out", []
    work = parcellating._parcellate
    monkeypatch.setattr(
        parcellating, "_parcellate", lambda *words: (made.append(words), work(*words))
    )
    first = make(bids, out)
    make(bids, out, n_jobs=2)
    assert len(made) == 1 and "parcellated before, with the same inputs" in caplog.text
    bend(bids, "L", lambda place, faces: (place + 0.01 * (place > 50), faces))
    make(bids, out)
    assert len(made) == 2
    make(bids, out, random_seed=3)
    assert len(made) == 3
    table = first.files.path("dseg", ".tsv")
    content = table.read_bytes()
    table.write_bytes(content[:-9])
    make(bids, out, random_seed=3)
    assert len(made) == 4 and table.read_bytes()[-9:] == content[-9:]


@pytest.mark.long
@pytest.mark.parametrize("killed_in", ["rotated", "name"])
def test_a_killed_run_goes_on_where_it_was(
    scans, maps, found, tmp_path, monkeypatch, no_page, killed_in
):
    """What was there is not made again, and results are those of a run that was not killed."""
    out = tmp_path / "out"

    def kill(*_, **__):
        raise KeyboardInterrupt

    def refuse(*_, **__):
        raise AssertionError("boundaries were made again")

    with monkeypatch.context() as patch:
        if killed_in == "rotated":
            patch.setattr(area_stages, "compare_with_rotated", kill)
        else:
            patch.setattr(parcellating, "area_table", kill)
        with pytest.raises(KeyboardInterrupt):
            make(scans, out, maps, n_checked=60)
    folder = out / "sub-01" / "parcellation"
    kept = {p.stem for p in (folder / "stages").iterdir()}
    assert {"boundaries", "boundaries_odd", "boundaries_even", "check"} <= kept
    assert ("communities" in kept) == (killed_in == "name")
    assert [p.name for p in folder.iterdir()] == ["stages"]
    monkeypatch.setattr(area_stages, "map_boundaries", refuse)
    if killed_in == "name":
        monkeypatch.setattr(parcellating.Namer, "name", refuse)
    again = make(scans, out, maps, n_checked=60)
    folder, other = again.files.folder, found.files.folder
    metrics = again.files.path("metrics", ".json")
    record_pages(metrics, [found.files.page, *found.files.figures()], found.files.out_dir)
    assert content_of(folder) == content_of(other, but=("figures",))


def test_a_damaged_stage_is_made_again(scans, tmp_path, monkeypatch, no_page):
    def kill(*_, **__):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(area_stages, "compare_with_rotated", kill)
        make(scans, out)
    stage = out / "sub-01/parcellation/stages/boundaries.safetensors"
    stage.write_bytes(stage.read_bytes()[:-100])
    assert make(scans, out).metrics["n_areas"] > 10


def test_several_parcellations_share_a_folder(scans, tmp_path, caplog, no_page):
    """Each has a page of its own, and neither makes the other stale."""
    caplog.set_level(logging.INFO, logger="painprint")
    out = tmp_path / "out"
    first = make(scans, out, n_turns=100)
    second = make(scans, out, label="other", rank=20)
    assert second.files.page.name == "sub-01_atlas-other_parcellation.html"
    assert first.files.page.name == "sub-01_parcellation.html"
    assert not [n for n in second.metrics["outputs"] if "individual" in n]
    second.files.path("dseg", ".tsv").write_text("broken")
    make(scans, out, n_turns=100)
    assert "parcellated before" in caplog.text


def test_a_missing_page_is_made_again(scans, maps, found, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(found.files.out_dir, out)
    (out / found.files.page.name).unlink()
    dataset = found.files.atlas_dataset
    shutil.rmtree(out / dataset.relative_to(found.files.out_dir))  # as of an earlier version
    again = make(scans, out, maps, n_checked=60)
    assert again.files.page.read_bytes() == found.files.page.read_bytes()
    assert content_of(again.files.atlas_dataset) == content_of(dataset)


@pytest.mark.needs("infomap")
def test_infomap_that_was_installed_since_gives_other_networks(
    scans, maps, tmp_path, monkeypatch, no_page
):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "infomap", None)
        first = make(scans, out, maps)
    assert first.metrics["networks"]["way"] == "overlap" and first.scan is None
    assert "infomap" not in first.metrics["provenance"]["versions"]
    second = make(scans, out, maps)
    assert second.metrics["networks"]["way"] == "communities" and second.scan is not None


# --- from the command line --------------------------------------------------------------------


def test_the_command_says_what_it_did_and_what_is_wrong(scans, tmp_path, capfd, no_page):
    out = tmp_path / "out"
    words = ["parcellate", str(scans), str(out), "participant", "--rest-low-pass", "0"]
    words += ["--n-seeds", "150", "--rank", "40", "--n-checked", "0", "--n-trials", "2"]
    assert main(words) == 0
    assert len(find_area_results(out)) == 1
    assert main([*words, "--task-id", "resting"]) == 1
    assert "there is no run of the task resting. There are: rating, rest" in capfd.readouterr().err
    said = tmp_path / "said"
    assert main([*words[:2], str(said), *words[3:], "--dry-run"]) == 0
    told = capfd.readouterr().out
    assert "ses-04" in told and "of 100 frames" in told and "1,174 vertices of cortex" in told
    assert not said.exists()
    assert main([*words, "--participant-label", "07"]) != 0
    assert main([*words, "--n-turns", "3"]) != 0
    assert "--n-turns is 3; it must be at least 100" in capfd.readouterr().err.replace("\n", " ")


# --- the atlas --------------------------------------------------------------------------------


def test_voxels_are_found_by_place_whatever_the_grid(found):
    image, table = labels_of(found), found.areas
    deep = table[table["index"] > found.metrics["n_areas"]]
    assert tuple(deep["label"]) == REGION_NAMES == tuple(deep["name"])
    inside, places = subcortical_voxels(image.points)
    expected = found.metrics["n_areas"] + quarter(places)
    np.testing.assert_array_equal(image.labels[inside], expected)
    told = found.metrics["deep"]
    assert told["lost"] == [NOWHERE] and told["n_regions"] == 4 and told["atlas"] == "Deep"
    assert 0.5 < told["share_inside"] <= 1
    assert f"Excluded because they have no voxel there: {NOWHERE}" in found.files.page.read_text()


def test_a_grid_that_starts_elsewhere_changes_nothing(scans, tmp_path):
    points = read_brain_models(bold_of(scans))
    first, second = (
        read_subcortical(
            str(write_deep(tmp_path / f"atlas-D{k}_dseg.nii.gz", points, shift)), points
        )
        for k, shift in enumerate((0.3, -0.2))
    )
    np.testing.assert_array_equal(first.labels, second.labels)


def test_voxels_of_a_dlabel_serve_too(scans, tmp_path, no_page):
    """Its cortex is not taken, and is not called lost."""
    points = read_brain_models(bold_of(scans))
    inside, places = subcortical_voxels(points)
    labels = np.full(points.n_points, 5)
    labels[inside] = 10 + quarter(places)
    path = tmp_path / "whole.dlabel.nii"
    names = {5: "cortex", 11: "a", 12: "b", 13: "c", 14: "d"}
    write_labels(path, points, labels, names)
    results = make(scans, tmp_path / "out", Maps(subcortical_atlas=path))
    n = results.metrics["n_areas"]
    assert results.areas["label"].tolist()[n:] == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(labels_of(results).labels[inside], n + quarter(places))
    assert results.metrics["deep"]["lost"] == []


def test_the_atlas_is_a_dataset_that_others_read(found):
    root = found.files.bids_atlas
    told = json.loads((root / "dataset_description.json").read_text())
    assert told["DatasetType"] == "atlas" and told["BIDSVersion"] and "sub-01" in told["Name"]
    (files,) = find_atlases(str(root), [])
    atlas = read_atlas(files)
    assert files.label == "individual" and files.table.parent == files.image.parent
    assert list(atlas.regions.names) == found.areas["label"].tolist()
    assert atlas.labels.tolist() == found.areas["index"].tolist()
    name = re.compile(r"atlas-individual_space-fsLR_den-642_dseg\.(dlabel\.nii|tsv|json)")
    assert all(name.fullmatch(p.name) for p in files.image.parent.iterdir())
    assert len(list(files.image.parent.iterdir())) == 3
    table = pd.read_csv(files.table, sep="\t")
    assert {"index", "name", "label", "network_label"} <= set(table.columns)
    sidecar = json.loads(files.image.with_name(files.table.stem + ".json").read_text())
    assert sidecar["Sessions"] == ["01", "02", "03", "04"] and sidecar["Simulated"] is True
    assert sidecar["Halves"] == {"odd": "individualodd", "even": "individualeven"}
    assert set(table.columns) <= set(sidecar)
    for half, sessions in (("odd", ["01", "03"]), ("even", ["02", "04"])):
        own = json.loads(found.files.path("dseg", ".json", half=half).read_text())
        assert own["Sessions"] == sessions and own["Halves"] == {}


@pytest.mark.needs("wb_command")
def test_workbench_opens_what_is_written(found):
    def told(path, *words):
        command = ["wb_command", "-file-information", str(path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    files = found.files
    names = told(files.path("boundaries", ".dscalar.nii"), "-only-map-names").splitlines()
    assert names == ["density", "steepness", "density odd", "density even"]
    labels = told(next(files.bids_atlas.rglob("*.dlabel.nii")))
    cortical = found.areas["label"].tolist()[: found.metrics["n_areas"]]
    assert all(name in labels for name in cortical) and "front left" in labels
    assert "Type:" in told(files.path("networks", ".dlabel.nii"))
    for side in "LR":
        assert "Surface" in told(files.folder / f"sub-01_hemi-{side}_midthickness.surf.gii")


# --- the page ---------------------------------------------------------------------------------


def page_of(results):
    text = results.files.page.read_text()
    assert "{{" not in text and "{%" not in text and "None" not in re.sub(r"<script.*?</script>",
        "", text, flags=re.S)  # fmt: skip
    for tag in ("details", "table", "figure", "main"):
        assert text.count(f"<{tag}>") + text.count(f"<{tag} ") == text.count(f"</{tag}>")
    return text


def test_the_page_shows_all_of_it(found):
    page = page_of(found)
    assert "Simulated data. No person was scanned" in page
    for said in ("Are the areas reproducible?", "the reference atlas", "Boundary map", "candidate",
                 "adjusted Rand", "below 0.005 Hz", "displacement above 0.15 mm"):  # fmt: skip
        assert said in page, said
    assert "to 0 Hz" not in page


def test_names_of_regions_are_text(found):
    """In the page, in its data, and in every figure."""
    nasty = "<script>alert(1)</script>"
    page = page_of(found)
    assert nasty not in page and "&lt;script&gt;alert(1)" in page
    for path in found.files.folder.glob("figures/*.svg"):
        assert nasty not in path.read_text()


def test_the_page_says_what_there_was_not(bids, tmp_path, little_will_do):
    """One session, no maps: no halves, no reference, no template, nothing below the cortex."""
    results = make(bids, tmp_path / "out", session_label="02", fd_thresh_mm=0.0)
    assert results.metrics["halves"] is None and results.metrics["reference"] is None
    assert results.scan is None and results.metrics["deep"] is None
    page = page_of(results)
    assert "Halves of the sessions were not compared: there are" in page
    assert "the parcellation covers the cortex alone" in page
    assert "framewise displacement above" not in page.split("BibTeX")[0].split('id="methods"')[1]
    assert not list(results.files.folder.glob("*individualodd*"))


def test_halves_of_an_earlier_run_do_not_stay(scans, tmp_path, little_will_do, no_page):
    out = tmp_path / "out"
    first = make(scans, out)
    assert first.files.path("dseg", ".tsv", half="odd").is_file()
    second = make(scans, out, session_label="01")
    assert not list(second.files.folder.glob("*individualodd*"))
    assert not list(second.files.folder.glob("*individualeven*"))


def test_a_torn_wall_is_no_reason_to_stop(bids, tmp_path):
    """On a mesh that is not closed homogeneity is not tested, and that is reported."""
    axis = read_brain_models(bold_of(bids)).axis
    cortex = axis.vertex[axis.name == STRUCTURES["R"]]

    def tear(place, faces):
        on_wall = np.flatnonzero(~np.isin(faces, cortex).any(axis=1))
        return place, np.delete(faces, on_wall[0], axis=0)

    bend(bids, "R", tear)
    results = make(bids, tmp_path / "out")
    assert "homogeneity was not tested" in results.metrics["not_done"][0]
    assert len(results.homogeneity) == 0
    page = page_of(results)
    assert "Not tested" in page and "not closed like a sphere" in page


# --- what can be wrong with points ------------------------------------------------------------


def whole_mesh(value):
    """All vertices of both hemispheres, with ``value`` on the medial wall."""

    def change(data, axis):
        n = len(data)
        parts, models = [], []
        for structure in STRUCTURES.values():
            part = np.full((n, N_VERTICES), value)
            here = axis.name == structure
            part[:, axis.vertex[here]] = data[:, here]
            parts.append(part)
            models.append(BrainModelAxis.from_mask(np.ones(N_VERTICES, bool), name=structure))
        deep = axis.volume_mask
        return np.hstack([*parts, data[:, deep]]), models[0] + models[1] + axis[deep]

    return change


@pytest.mark.parametrize("value", [0.0, 0.1, np.nan])
def test_a_medial_wall_in_the_data_is_one(bids, tmp_path, no_page, value):
    """Zeros, any other constant, or no numbers at all."""
    n_cortex = int(read_brain_models(bold_of(bids)).axis.surface_mask.sum())
    change_bold(bids, whole_mesh(value))
    results = make(bids, tmp_path / "out")
    n_wall = 2 * N_VERTICES - n_cortex
    assert results.metrics["n_points"] == n_cortex
    (note,) = [one for one in results.metrics["notes"] if "medial wall" in one]
    assert note == (
        f"{n_wall} vertices of cortex (left {n_wall // 2}, right {n_wall // 2}) have no signal in "
        "any run, or are cut off by such vertices; they count as medial wall."
    )
    assert {row["n_silent"] for row in results.metrics["runs"]} == {n_wall}
    assert agreement(bids, results).ari > 0.85
    maps = nib.load(results.files.path("boundaries", ".dscalar.nii"))
    assert np.isnan(maps.get_fdata()[0]).sum() == n_wall + maps.header.get_axis(1).volume_mask.sum()


def test_points_without_a_number_are_named_and_counted(bids, tmp_path, no_page):
    """In one run: lower coverage. In all runs of one half. In all runs: medial wall."""

    def blank(*points):
        def change(data, axis):
            data[:, list(points)] = np.nan
            return data, axis

        return change

    planted = truth_of(bids)[0]
    first = np.flatnonzero(planted == planted[100])[:5].tolist()
    second = np.flatnonzero(planted == planted[900])[:4].tolist()
    change_bold(bids, blank(*first), ["02"])
    change_bold(bids, blank(*second), ["01", "03"])
    change_bold(bids, blank(40, 41))
    results = make(bids, tmp_path / "out")
    counts = [row["n_silent"] for row in results.metrics["runs"]]
    assert counts == [6, 7, 6, 2]
    (note,) = [one for one in results.metrics["notes"] if "medial wall" in one]
    assert note.startswith("2 vertices of cortex (left 2, right 0)")
    assert (results.areas["coverage"] < 1).sum() in (1, 2, 3)
    assert labels_of(results).labels[[40, 41]].tolist() == [0, 0]
    assert agreement(bids, results).ari > 0.85


def test_one_frame_without_numbers_is_a_point_without_signal(bids, tmp_path, no_page):
    def change(data, axis):
        data[50, 7] = np.inf
        return data, axis

    change_bold(bids, change, ["03"])
    results = make(bids, tmp_path / "out")
    assert [row["n_silent"] for row in results.metrics["runs"]] == [0, 0, 1, 0]


def test_a_hemisphere_without_signal(bids, tmp_path):
    def change(data, axis):
        data[:, axis.name == STRUCTURES["R"]] = 0
        return data, axis

    change_bold(bids, change)
    with pytest.raises(DerivativesError, match="no vertex of the right cortex .587 vertices. has"):
        make(bids, tmp_path / "out")


# --- what can be wrong with runs --------------------------------------------------------------


def test_runs_with_other_points_are_left_out_by_name(bids, tmp_path, no_page, little_will_do):
    change_bold(bids, lambda data, axis: (data[:, :-3], axis[:-3]), ["03"])
    results = make(bids, tmp_path / "out")
    (note,) = [one for one in results.metrics["notes"] if "excluded" in one]
    assert "ses-03" in note and bold_of(bids, "03").name in note
    assert "has other grayordinates than most runs" in note
    assert str(tmp_path) not in json.dumps(results.metrics)
    # the remaining sessions alternate between the halves
    assert results.metrics["halves"]["sessions"] == {"odd": ["01", "04"], "even": ["02"]}


def test_a_session_that_cannot_be_used_leaves_two_halves(bids, tmp_path, no_page, little_will_do):
    bold_of(bids, "02").write_bytes(b"no image")
    results = make(bids, tmp_path / "out", session_label=("01", "02", "03"))
    assert results.metrics["halves"]["sessions"] == {"odd": ["01"], "even": ["03"]}


def test_the_first_run_may_be_the_broken_one(bids, tmp_path, no_page, little_will_do):
    bold_of(bids, "01").write_bytes(b"no image")
    results = make(bids, tmp_path / "out")
    assert results.metrics["n_runs"] == 3
    assert any("cannot be read as CIFTI" in note for note in results.metrics["notes"])


def test_too_few_frames(bids, tmp_path):
    said = refusal(bids, tmp_path / "out", session_label=("01", "02"))
    assert re.match(
        r"sub-01: 6\.\d minutes of rest \(\d{3} frames\) are kept after censoring; at least 10 "
        r"are needed, and 60 advised\. Add resting runs \(--task-id\), or censor less "
        r"\(--fd-thresh\)\.",
        said,
    )


def test_frames_that_cleaning_takes_are_named(bids, tmp_path):
    said = refusal(bids, tmp_path / "out", rest_low_pass_hz=0.02)
    assert said.count(": at least") == N_SESSIONS and "0.0 minutes of rest" in said
    assert "--rest-low-pass" in said


def drop_rest(bids):
    for path in bids.rglob("*task-rest*"):
        path.unlink()


def drop_bold(bids):
    for path in bids.rglob("*_bold.dtseries.nii"):
        path.unlink()


def break_all(bids):
    for path in bids.rglob("*rest*_bold.dtseries.nii"):
        path.write_bytes(b"no image")


def drop_confounds(bids):
    for path in bids.rglob("*confounds*"):
        path.unlink()


def left_cortex_alone(bids):
    def change(data, axis):
        kept = axis.name != STRUCTURES["R"]
        return data[:, kept], axis[kept]

    change_bold(bids, change)


def no_surfaces(bids):
    shutil.rmtree(bids / "derivatives/fmriprep/sub-01/anat")


def one_surface(bids):
    surface_of(bids, "R").unlink()


def surfaces_of_another_mesh(bids):
    for side in "LR":
        path = surface_of(bids, side)
        path.rename(path.with_name(path.name.replace("den-642", "den-32k")))


def surfaces_with_more_vertices(bids):
    bend(bids, "L", lambda place, faces: (np.vstack([place, place[:5]]), faces))


def coordinates_without_a_number(bids):
    def change(place, faces):
        place[[3, 11]] = np.nan
        return place, faces

    bend(bids, "R", change)


def mesh_in_pieces(bids):
    """The faces around one point of cortex are missing."""
    axis = read_brain_models(bold_of(bids)).axis
    point = axis.vertex[axis.name == STRUCTURES["L"]][77]
    bend(bids, "L", lambda place, faces: (place, faces[(faces != point).all(axis=1)]))


def no_gifti(bids):
    surface_of(bids, "L").write_text("no surface")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (drop_rest, "sub-01: there is no run of the task rest. There are: rating. Name the resting "
            "runs with --task-id."),
        (drop_bold, "sub-01: dense BOLD on surfaces (*_bold.dtseries.nii) is needed; there is none "
            "in"),
        (break_all, "cannot be read as CIFTI"),
        (drop_confounds, "has no confounds (*_desc-confounds_timeseries.tsv"),
        (left_cortex_alone, "bold.dtseries.nii: has no CORTEX_RIGHT; both "
            "hemispheres are needed."),
        (no_surfaces, "no midthickness surfaces of both hemispheres with 642 vertices were found "
            "(there are: none). Pass the dataset that has them (fMRIPrep --cifti-output, ciftify) "
            "with --derivatives."),
        (one_surface, "(there are: sub-01_hemi-L_space-fsLR_den-642_midthickness.surf.gii)"),
        (surfaces_of_another_mesh, "with 642 vertices were found (there are: sub-01_hemi-L_space-"
            "fsLR_den-32k_midthickness.surf.gii, sub-01_hemi-R"),
        (surfaces_with_more_vertices, "sub-01_hemi-L_space-fsLR_den-642_midthickness.surf.gii: has "
            "647 vertices, but the BOLD (sub-01_ses-01_task-rest_space-fsLR_den-642_bold.dtseries."
            "nii) is of a mesh of 642. Surface and BOLD must be of one density."),
        (coordinates_without_a_number, "hemi-R_space-fsLR_den-642_midthickness.surf.gii: 2 "
            "vertices have no finite coordinates (first: 3)."),
        (mesh_in_pieces, "hemi-L_space-fsLR_den-642_midthickness.surf.gii: cortex falls into 2 "
            "pieces that are not connected by any edge of the mesh. Are faces missing, or is the "
            "medial wall wrong?"),
        (no_gifti, "hemi-L_space-fsLR_den-642_midthickness.surf.gii: cannot be read as a GIFTI "
            "surface"),
    ],
)  # fmt: skip
def test_scans_and_surfaces_that_will_not_do(bids, tmp_path, spoil, said):
    spoil(bids)
    assert said in refusal(bids, tmp_path / "out")


def test_sessions_and_people_that_are_not_there(scans, tmp_path):
    said = refusal(scans, tmp_path / "out", session_label="09")
    assert said == "sub-01: there is no session 09. There are: 01, 02, 03, 04 (--session-label)."
    study = AreaStudy(scans, tmp_path / "out", (scans / "derivatives/fmriprep",), AreaSettings())
    with pytest.raises(DerivativesError, match="sub-07: dense BOLD on surfaces"):
        parcellate_participant(study, "07")


def test_noise_gives_no_reason_to_trust_its_areas(bids, tmp_path):
    """Nothing stops; of a few huge areas homogeneity cannot be tested, and that is said."""
    rng = np.random.default_rng(3)
    change_bold(bids, lambda data, axis: (1e4 + 100 * rng.normal(size=data.shape), axis))
    results = make(bids, tmp_path / "out")
    metrics = results.metrics
    assert metrics["n_areas"] == 2 and metrics["homogeneity"] == {}
    assert metrics["not_done"] == [
        "homogeneity of the areas (the person's own) was not tested: in 100 rotations, each of the "
        "2 overlapped the medial wall every time."
    ]
    assert "each of the 2 overlapped the medial wall" in page_of(results)


def test_the_smallest_of_meshes(tmp_path, little_will_do, no_page):
    world = World(divisions=4, n_regions=8, n_runs=1, run_s=120, tr_s=TR_S)
    write_people(tmp_path / "bids", [Person(2, world=world)], layout="fmriprep_surfaces")
    metrics = make(tmp_path / "bids", tmp_path / "out").metrics
    assert metrics["n_areas"] >= 2 and metrics["n_points"] < 324


def test_no_areas_at_all(scans, tmp_path, monkeypatch):
    monkeypatch.setattr(
        area_stages, "make_parcels", lambda density, *_, **__: np.zeros(len(density), np.int64)
    )
    with pytest.raises(DerivativesError) as said:
        make(scans, tmp_path / "out")
    assert str(said.value).startswith(
        "sub-01: no areas were found: no watershed region of the boundary map has "
        "10 of the 1,174 vertices of cortex. Is there signal in the data"
    )


def test_a_half_without_areas_costs_the_halves_alone(scans, tmp_path, monkeypatch):
    work, calls = area_stages.make_parcels, []

    def make_parcels(density, *words, **more):
        calls.append(density)
        return work(density, *words, **more) * (len(calls) != 2)

    monkeypatch.setattr(area_stages, "make_parcels", make_parcels)
    results = make(scans, tmp_path / "out")
    assert results.metrics["halves"] is None and results.metrics["n_areas"] > 2
    assert results.metrics["no_halves"] == "No areas were found in the even sessions alone."
    assert not list(results.files.folder.glob("*odd_dseg*"))


def test_halves_with_little_rest_are_not_compared(scans, tmp_path, monkeypatch):
    monkeypatch.setattr(area_scans, "LEAST_OF_HALF_MIN", 30)
    results = make(scans, tmp_path / "out")
    assert results.metrics["halves"] is None
    assert "at least 30 are needed in each" in results.metrics["no_halves"]
    assert results.metrics["no_halves"] in results.files.page.read_text()


def test_an_atlas_of_a_half_holds_nothing_of_the_other(found):
    files = found.files
    half = pd.read_csv(files.path("dseg", ".tsv", half="odd"), sep="\t")
    assert half["homogeneity"].isna().all()
    rows = found.metrics["halves"]
    assert set(rows["sessions"]["odd"]).isdisjoint(rows["sessions"]["even"])


# --- what can be wrong with maps --------------------------------------------------------------


@pytest.fixture
def points(scans):
    return read_brain_models(bold_of(scans))


def deep_image(path, points, move_mm=(0, 0, 0)):
    """Quarters on a grid of the BOLD's voxels, moved."""
    inside, places = subcortical_voxels(points)
    affine = points.axis.affine.copy()
    affine[:3, 3] += move_mm
    mask = np.zeros(points.axis.volume_shape, bool)
    mask[tuple(points.axis.voxel[inside].T)] = True
    write_labels(path, Voxels(mask, affine), np.arange(int(mask.sum())) % 4 + 1, {})
    return Maps(subcortical_atlas=path)


@pytest.mark.parametrize("space", ["MNI152NLin2009cAsym", "T1w"])
def test_a_volume_in_another_space_by_name(scans, points, tmp_path, space):
    path = tmp_path / f"space-{space}_atlas-Deep_dseg.nii.gz"
    said = refusal(scans, tmp_path / "out", deep_image(path, points))
    assert said == (
        f"{path.name}: is in the space {space}, but the voxels of CIFTI are in MNI152NLin6Asym. "
        "Pass the atlas in that space."
    )


def test_a_volume_in_another_space_by_content(scans, points, tmp_path):
    path = tmp_path / "deep.nii.gz"
    said = refusal(scans, tmp_path / "out", deep_image(path, points, (40, 60, -30)))
    assert said.startswith("deep.nii.gz: only 0% of its voxels lie on subcortical voxels of the")
    assert "at least 50% are needed. Is it in MNI152NLin6Asym" in said


def test_a_whole_brain_is_no_subcortical_atlas(scans, points, tmp_path):
    path = tmp_path / "aparc.nii.gz"
    mask = np.ones(points.axis.volume_shape, bool)
    write_labels(path, Voxels(mask, points.axis.affine), np.ones(mask.sum(), int), {})
    said = refusal(scans, tmp_path / "out", Maps(subcortical_atlas=path))
    assert "and a subcortical atlas?" in said


def test_an_atlas_of_voxels_for_cortex_alone(bids, points, tmp_path):
    deep = deep_image(tmp_path / "deep.nii.gz", points)

    def change(data, axis):
        return data[:, axis.surface_mask], axis[axis.surface_mask]

    change_bold(bids, change)
    said = refusal(bids, tmp_path / "out", deep)
    assert said == (
        "deep.nii.gz: needs voxels, but the BOLD covers the cortex alone. Omit --subcortical-atlas."
    )


def test_a_dlabel_of_cortex_is_no_subcortical_atlas(scans, points, tmp_path):
    path = tmp_path / "cortex.dlabel.nii"
    axis = points.axis[points.axis.surface_mask]
    write_labels(path, Grayordinates(axis), np.ones(len(axis), int), {1: "a"})
    said = refusal(scans, tmp_path / "out", Maps(subcortical_atlas=path))
    assert said == (
        "cortex.dlabel.nii: covers the cortex alone; subcortical regions are voxels. Pass a "
        "dlabel.nii with voxels, or a labelled volume, with --subcortical-atlas."
    )


def of_points(points, path, *maps):
    write_maps(path, points, {f"map {k}": np.asarray(one, float) for k, one in enumerate(maps)})
    return path


def other_density(points, path):
    models = [BrainModelAxis.from_mask(np.ones(162, bool), name=s) for s in STRUCTURES.values()]
    axis = models[0] + models[1]
    return of_points(Grayordinates(axis), path, np.ones(len(axis)))


def left_alone(points, path):
    axis = points.axis[points.axis.name == STRUCTURES["L"]]
    return of_points(Grayordinates(axis), path, np.ones(len(axis)))


def all_zero(points, path):
    return of_points(points, path, np.zeros(points.n_points))


def two_maps(points, path):
    return of_points(points, path, np.ones(points.n_points), np.ones(points.n_points))


def shares(points, path):
    return of_points(points, path, np.linspace(0, 1, points.n_points))


def beyond(points, path):
    return of_points(points, path, 20.0 + np.arange(points.n_points) % 7)


def a_volume(points, path):
    path = path.with_name("map.nii.gz")
    deep_image(path, points)
    return path


def a_broken_file(points, path):
    path.write_bytes(b"no image")
    return path


def nothing(points, path):
    return path.with_name("nowhere.dscalar.nii")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (other_density, "map.dscalar.nii: has 162 vertices of the left cortex, the BOLD 642. Pass "
            "a map of the BOLD's mesh."),
        (left_alone, "map.dscalar.nii: has none of the right cortex, the BOLD 642."),
        (all_zero, "map.dscalar.nii: has no values above 0 on the BOLD's cortex. Is it the right "
            "map?"),
        (two_maps, "map.dscalar.nii: has 2 maps; one is needed."),
        (shares, "values that are not integers (first: "),
        (a_volume, "map.nii.gz: is not a map of grayordinates (.dlabel.nii, .dscalar.nii, "
            ".dtseries.nii)."),
        (a_broken_file, "map.dscalar.nii: cannot be read as CIFTI"),
        (nothing, "nowhere.dscalar.nii (--"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", ["network_template", "scan_prior", "reference_atlas"])
def test_maps_that_will_not_do(scans, points, tmp_path, role, wrong, said):
    path = wrong(points, tmp_path / "map.dscalar.nii")
    assert said in refusal(scans, tmp_path / "out", Maps(**{role: path}))


def test_a_template_without_networks(scans, points, tmp_path):
    path = beyond(points, tmp_path / "map.dscalar.nii")
    said = refusal(scans, tmp_path / "out", Maps(network_template=path))
    assert said == (
        "map.dscalar.nii: has numbers from 20 to 26 on the BOLD's cortex; the networks of a "
        "template have 1 to 17 (--network-template)."
    )


def test_numbers_that_are_no_networks_are_noted(scans, points, tmp_path, no_page):
    path = of_points(points, tmp_path / "map.dscalar.nii", 9 + 9 * (np.arange(points.n_points) % 2))
    results = make(scans, tmp_path / "out", Maps(network_template=path))
    (note,) = [one for one in results.metrics["notes"] if "template" in one or "map." in one]
    assert "50% of the vertices of cortex have numbers above 17 (first: 18)" in note


@pytest.mark.parametrize("role", Maps.__dataclass_fields__)
def test_a_map_that_is_not_there(scans, tmp_path, role):
    said = refusal(scans, tmp_path / "out", Maps(**{role: tmp_path / "gone"}))
    assert said == f"there is no {tmp_path / 'gone'} (--{role.replace('_', '-')})."


def test_scan_that_cannot_be_chosen_is_said_at_once(scans, maps, tmp_path, monkeypatch):
    monkeypatch.delattr(parcellating, "_parcellate")
    said = refusal(scans, tmp_path / "out", scan_community="0.001:3")
    assert said == (
        "--scan-community chooses among candidates for SCAN, which need --network-template and "
        "--scan-prior too."
    )
    said = refusal(scans, tmp_path / "out", maps, scan_community="0.001:3", community_nodes="areas")
    assert "--community-nodes is areas alone" in said
    said = refusal(scans, tmp_path / "out", maps, scan_community="0.003:3")
    assert said.startswith("0.003 (--scan-community) is none of the thresholds: 0.0001, 0.0002, ")


def test_scan_that_is_not_among_the_candidates(scans, maps, tmp_path):
    said = str(
        pytest.raises(
            ValueError, make, scans, tmp_path / "out", maps, scan_community="0.001:999"
        ).value
    )
    assert said == (
        "there is no community 999 at threshold 0.001 (--scan-community); the candidates are in "
        "the table scan.tsv of a run without that option."
    )


def test_exact_similarity_takes_all_seeds(scans, tmp_path, no_page):
    results = make(scans, tmp_path / "out", exact=True, n_checked=60)
    told = results.metrics["similarity"]
    assert told == {"kind": "exact", "rank": None, "n_seeds": results.metrics["n_points"]}
    assert results.metrics["check"] is None and agreement(scans, results).ari > 0.85


def test_codes_of_the_template_name_the_areas(scans, maps, found):
    """The excluded network of a later study is found by its name."""
    regions = read_atlas(find_atlases(str(found.files.bids_atlas), [])[0]).regions
    named = [one for one in regions.networks if one]
    assert named and set(named) <= set(NETWORKS.values())


def test_without_networks_the_page_shows_areas_in_colours_of_their_own(found):
    page = page_of(found)
    ways = re.findall(r'<option value="\d+">(Networks|Areas|Homogeneity|Size)</option>', page)
    assert ways == ["Networks", "Areas", "Homogeneity", "Size"]
    without = {**found.metrics, "networks": {**found.metrics["networks"], "way": "none"}}
    brain = read_brain(found.files.path("dseg", ""), found.files.folder, found.files.participant)
    painted = _overlays(brain, replace(found, metrics=without))
    assert [one.title for one in painted] == ["Areas", "Homogeneity", "Size"]
    near = neighbouring_regions(brain)
    colours = painted[0].colours
    assert len(near) > len(colours) / 2 and all(colours[a] != colours[b] for a, b in near)


def test_headings_are_the_words_of_the_navigation(found):
    page = page_of(found)
    links = re.findall(r'<li><a href="#(\w+)">([^<]+)</a></li>', page)
    assert links == re.findall(r'<details class="section" id="(\w+)".*?<h2>([^<]+)</h2>', page)


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ("none", "which left"),
        ("overlap", "given the network of a group template"),
    ],
)
def test_the_methods_say_what_was_done_and_nothing_to_install(found, way, sentence):
    said = "Infomap is not installed (pip install 'painprint[communities]')."  # as of old results
    methods = methods_paragraph({**found.metrics, "networks": {"way": way, "said": said}}).text
    assert sentence in methods and "pip" not in methods and "Infomap" not in methods
