"""Decoding with an atlas of one's own: found by its label, and named where it has seen sessions."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from conftest import QUICK
from nibabel.cifti2.cifti2_axes import LabelAxis

from painprint.atlas.image import find_atlases
from painprint.cli import main
from painprint.files.dataset import Dataset
from painprint.simulate.person import Person
from painprint.simulate.world import World
from painprint.simulate.write import write_people

pytestmark = pytest.mark.long
SESSIONS = [f"{k:02d}" for k in range(1, 9)]
STEM = "sub-01_space-fsLR_den-91k_atlas-{}_dseg"
REFITS = tuple(word for word in QUICK if word != "sensitivity")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A small simulated person with eight sessions; not to be changed."""
    root = tmp_path_factory.mktemp("own")
    person = Person(8, world=World(n_runs=1, n_regions=16, run_s=240))
    write_people(root / "bids", [person], layout="fmriprep", random_seed=2)
    return root / "bids"


def merge_pairs(image, path):
    """The same atlas with every two neighbouring labels made one."""
    atlas = nib.load(image)
    labels, models = (atlas.header.get_axis(k) for k in (0, 1))
    (names,) = labels.label
    codes = [code for code in names if code]
    data = np.zeros_like(atlas.get_fdata(dtype=np.float32))
    merged = {0: names[0]}
    for k, code in enumerate(codes):
        data[atlas.get_fdata() == code] = k // 2 + 1
        merged.setdefault(k // 2 + 1, names[code])
    nib.save(nib.Cifti2Image(data, (LabelAxis(labels.name, [merged]), models)), path)


def give_own_atlas(
    bids, folder, *, sessions=SESSIONS, halves=True, participant="01", merged="individualodd"
):
    """The planted regions as an atlas that says it was made of these sessions.

    The atlas called ``merged`` has half as many regions, so results tell which one was used.
    """
    (image,) = bids.glob("derivatives/fmriprep/atlases/*/*.dlabel.nii")
    (table,) = bids.glob("derivatives/fmriprep/atlases/*/*_dseg.tsv")
    folder.mkdir(parents=True)
    made = {"individual": list(sessions)}
    if halves:
        made |= {"individualodd": sessions[::2], "individualeven": sessions[1::2]}
    for label, own in made.items():
        stem = folder / STEM.format(label)
        rows = pd.read_csv(table, sep="\t")
        if label == merged:
            rows = rows.iloc[::2].reset_index(drop=True)
            rows["index"] = np.arange(1, len(rows) + 1)
            merge_pairs(image, f"{stem}.dlabel.nii")
        else:
            shutil.copy(image, f"{stem}.dlabel.nii")
        rows["label"] = [f"{label}{k}" for k in range(len(rows))]
        rows.to_csv(f"{stem}.tsv", sep="\t", index=False)
        said = {"Participant": participant, "Sessions": own, "Halves": {}}
        if halves and label == "individual":
            said["Halves"] = {half: f"individual{half}" for half in ("odd", "even")}
        Path(f"{stem}.json").write_text(json.dumps(said))


def decode(bids, out, *options):
    words = ["run", str(bids), str(out), "participant", "--task-id", "rating", *options, *REFITS]
    assert main([*words, "--drop", "0"]) == 0
    (path,) = out.glob("sub-01/decoding/*_audit.json")
    audit = json.loads(path.read_text())
    sensitivity = pd.read_csv(
        path.with_name(path.name.replace("audit.json", "sensitivity.tsv")), sep="\t"
    )
    return audit, sensitivity[sensitivity["scale"] == "1min"].set_index("variant")


def test_a_persons_own_atlas_is_found_by_its_label_and_named_in_the_audit(simulated, tmp_path):
    out = tmp_path / "out"
    give_own_atlas(simulated, out / "sub-01" / "parcellation")
    audit, sensitivity = decode(simulated, out, "--atlas", "individual")
    (said,) = [one for one in audit["exceptions"] if one.startswith("individual parcellation")]
    assert "8 sessions, 8 of them among the 8 decoded" in said
    assert said in (out / "sub-01.html").read_text()
    # the label is the same for everybody, so the table of regions is the person's
    table = out / "sub-01/atlases/atlas-individual/atlas-individual_dseg.tsv"
    assert table.is_file() and not (out / "atlases").exists()
    for half in ("odd", "even"):
        name = f"4 sessions outside individual{half}, areas of "
        # the atlas of the odd half has half the regions; the others are the same image
        of_all = sensitivity.loc[name + "all"]
        same, other = (sensitivity.loc[name + f"individual{atlas}"] for atlas in ("even", "odd"))
        assert of_all["n_regions"] == same["n_regions"] == 16 and other["n_regions"] == 8
        np.testing.assert_allclose(same["centred_r"], of_all["centred_r"], atol=1e-9)
        assert abs(other["centred_r"] - of_all["centred_r"]) > 1e-3
    page = (out / "sub-01.html").read_text()
    assert "with areas made from the other half" in page


def test_a_half_is_decoded_as_if_there_were_no_other_sessions(simulated, tmp_path):
    out = tmp_path / "out"
    give_own_atlas(simulated, out / "sub-01" / "parcellation", merged=None)
    _, sensitivity = decode(simulated, out, "--atlas", "individual")
    alone = tmp_path / "alone"
    give_own_atlas(simulated, alone / "sub-01" / "parcellation", halves=False)
    even = ("--session-label", *SESSIONS[1::2])
    _, some = decode(simulated, alone, "--atlas", "individual", *even)
    found = sensitivity.loc["4 sessions outside individualodd, areas of individualodd", "centred_r"]
    assert found == pytest.approx(some.loc["main analysis", "centred_r"], abs=1e-9)


def test_an_atlas_of_other_sessions_is_no_exception(simulated, tmp_path):
    out = tmp_path / "out"
    own = out / "sub-01" / "parcellation"
    give_own_atlas(simulated, own, sessions=["91", "92"], halves=False)
    audit, _ = decode(simulated, out, "--atlas", "individual")
    assert not [one for one in audit["exceptions"] if "individual parcellation" in one]


def test_a_half_that_leaves_few_sessions_is_not_tried(simulated, tmp_path):
    out = tmp_path / "out"
    give_own_atlas(simulated, out / "sub-01" / "parcellation", merged=None)
    few = ("--session-label", *SESSIONS[:6])
    _, sensitivity = decode(simulated, out, "--atlas", "individual", *few)
    assert not sensitivity.index.str.contains("areas of").any()
    (path,) = out.glob("sub-01/decoding/*_metrics.json")
    reasons = json.loads(path.read_text())["stages"]["sensitivity"]["not_done"]
    assert "3 sessions are of other sessions; at least 4 are needed" in " ".join(reasons)


def test_somebody_elses_atlas_is_noted(simulated, tmp_path):
    give_own_atlas(simulated, tmp_path / "theirs", participant="02", halves=False)
    image = tmp_path / "theirs" / f"{STEM.format('individual')}.dlabel.nii"
    audit, _ = decode(simulated, tmp_path / "out", "--atlas", str(image))
    assert "the atlas is sub-02's own, not this person's." in [n["note"] for n in audit["notes"]]
    assert not [one for one in audit["exceptions"] if "individual parcellation" in one]


def test_a_label_means_the_persons_own_atlas_before_a_shared_one(simulated, tmp_path):
    give_own_atlas(simulated, tmp_path / "sub-01" / "parcellation")
    shared = tmp_path / "atlases" / "atlas-individual"
    give_own_atlas(simulated, shared, halves=False)
    for participant, folder in (("01", "parcellation"), ("02", "atlas-individual"), ("", shared)):
        found = find_atlases("individual", [Dataset(tmp_path, "out")], participant)
        assert [one.image.parent.name for one in found] == [Path(folder).name]


def test_own_atlases_of_two_people_are_not_the_same(simulated, tmp_path, caplog):
    """Their label and names of regions are, but not their regions."""
    bids = tmp_path / "bids"
    shutil.copytree(simulated, bids)
    out = tmp_path / "out"
    give_own_atlas(bids, out / "sub-01" / "parcellation", halves=False)
    for folder in (bids, bids / "derivatives" / "fmriprep"):
        shutil.copytree(folder / "sub-01", folder / "sub-02")
        for path in sorted((folder / "sub-02").rglob("*sub-01*"), reverse=True):
            path.rename(path.with_name(path.name.replace("sub-01", "sub-02")))
    shutil.copytree(out / "sub-01", out / "sub-02")
    for path in (out / "sub-02" / "parcellation").iterdir():
        path.rename(path.with_name(path.name.replace("sub-01", "sub-02")))
    (sidecar,) = (out / "sub-02" / "parcellation").glob("*.json")
    sidecar.write_text(sidecar.read_text().replace('"01"', '"02"', 1))
    words = ["run", str(bids), str(out)]
    assert (
        main([*words, "participant", "--task-id", "rating", "--atlas", "individual", *QUICK]) == 0
    )
    caplog.set_level("INFO", logger="painprint")
    assert main([*words, "group", "--n-bootstraps", "100"]) == 0
    assert "Atlas individual of sub-02 there, individual of sub-01 here" in caplog.text


def test_sessions_whose_rest_nobody_saw_are_in_neither_half(simulated, tmp_path):
    out = tmp_path / "out"
    give_own_atlas(simulated, out / "sub-01" / "parcellation", sessions=SESSIONS[:6])
    _, sensitivity = decode(simulated, out, "--atlas", "individual")
    assert not sensitivity.index.str.contains("areas of").any()
    (path,) = out.glob("sub-01/decoding/*_metrics.json")
    reasons = " ".join(json.loads(path.read_text())["stages"]["sensitivity"]["not_done"])
    assert "of the sessions 07, 08: their rest is in neither half" in reasons
