"""Signatures from elsewhere: read strictly, matched by name, scored as ours are."""

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs
from nibabel.cifti2 import BrainModelAxis, ParcelsAxis, SeriesAxis

from painprint import Settings, decode_runs
from painprint.bids.dense import find_dense, load_dense
from painprint.decode.metrics import score_scale
from painprint.decode.training import average_frames
from painprint.dense.image import Dense
from painprint.edges import edges_to_matrix, score_frames
from painprint.errors import DerivativesError
from painprint.evidence.case import Case, Material
from painprint.evidence.external import score_external, weigh_points
from painprint.evidence.external_weights import ExternalWeights
from painprint.evidence.weights_file import read_weights
from painprint.files.dataset import Dataset
from painprint.runs import RunKey

SETTINGS = Settings(n_bootstraps=100)


@pytest.fixture
def runs(rng):
    return simulate_runs(rng)


@pytest.fixture
def decoding(runs):
    return decode_runs(runs, SETTINGS)


def ask(decoding, *external, **material):
    return score_external(Case(decoding, material=Material(external=external, **material)))


def write_edges(path, decoding, weights, intercept=None):
    """Weights of edges as our own weights.tsv has them."""
    names = np.array(decoding.regions.names)
    a, b = np.triu_indices(len(names), k=1)
    table = pd.DataFrame({"region_a": names[a], "region_b": names[b], "weight": weights})
    table.to_csv(path, sep="\t", index=False)
    if intercept is not None:
        path.with_suffix(".json").write_text(json.dumps({"Intercept": intercept}))
    return table


def parcels(names):
    voxels = BrainModelAxis.from_mask(np.ones((len(names), 1, 1), bool), affine=np.eye(4))
    return ParcelsAxis.from_brain_models([(n, voxels[i : i + 1]) for i, n in enumerate(names)])


def write_pconn(path, names, matrix):
    axis = parcels(names)
    nib.save(nib.Cifti2Image(matrix.astype(np.float32), (axis, axis)), path)


def in_sample(decoding):
    """Metrics of the final model's own scores, computed by hand."""
    final, frames = decoding.final, decoding.frames
    scores = [score_frames(one.signals, final.weights, final.intercept) for one in frames]
    codes = decoding.training.group_index
    table = average_frames(frames, scores, codes, SETTINGS.rules)
    table["training_mean"] = [decoding.folds[k].training_mean for k in table["group"]]
    rng = np.random.default_rng(0)
    return {
        scale: score_scale(table[table["scale"] == scale], n_bootstraps=100, rng=rng)
        for scale in ("1min", "2min", "run", "session")
    }


def test_our_own_final_model_given_as_a_file_scores_as_it_does(decoding, tmp_path):
    path = tmp_path / "ours.tsv"
    write_edges(path, decoding, decoding.final.weights, decoding.final.intercept)
    found = ask(decoding, read_weights(path))
    table = found.tables["external"].set_index("scale")
    assert list(table.index) == ["1min", "2min", "run", "session"] and set(table["signature"]) == {
        "ours"
    }
    for scale, metrics in in_sample(decoding).items():
        for name in ("n", "r", "centred_r", "auc", "skill", "mae"):
            expected = getattr(metrics, name)
            np.testing.assert_array_equal(
                table.loc[scale, name], np.nan if expected is None else expected
            )
    assert found.not_done == ()
    numbers = found.numbers["signatures"]["ours"]
    assert (numbers["kind"], numbers["n_regions_without_weight"]) == ("edges", 0)
    assert numbers["centred_r"][0] == table.loc["1min", "centred_r"]
    assert list(found.tables["external"].columns) == [
        "signature",
        "scale",
        "n",
        *("r", "r_low", "r_high", "r_p"),
        *("centred_r", "centred_r_low", "centred_r_high", "auc", "skill", "mae"),
    ]


def test_held_out_averages_are_those_of_the_decoding(decoding):
    codes, frames = decoding.training.group_index, decoding.frames
    scores = [
        score_frames(one.signals, decoding.folds[k].weights, decoding.folds[k].intercept)
        for one, k in zip(frames, codes, strict=True)
    ]
    table = average_frames(frames, scores, codes, SETTINGS.rules)
    expected = decoding.predictions.drop(columns="training_mean")
    pd.testing.assert_frame_equal(table, expected, check_exact=True)


def test_rows_and_ends_of_edges_in_any_order_score_the_same(decoding, tmp_path, rng):
    table = write_edges(tmp_path / "w.tsv", decoding, decoding.final.weights)
    expected = ask(decoding, read_weights(tmp_path / "w.tsv")).tables["external"]
    turned = table.sample(frac=1, random_state=0)
    swap = rng.random(len(turned)) < 0.5
    ends = turned[["region_a", "region_b"]].to_numpy()
    turned[["region_a", "region_b"]] = np.where(swap[:, None], ends[:, ::-1], ends)
    turned.to_csv(tmp_path / "w.tsv", sep="\t", index=False)
    assert ask(decoding, read_weights(tmp_path / "w.tsv")).tables["external"].equals(expected)


def test_a_matrix_scores_as_its_edges_whatever_its_order_and_diagonal(decoding, tmp_path, rng):
    weights = decoding.final.weights.astype(np.float32).astype(float)
    write_edges(tmp_path / "w.tsv", decoding, weights)
    order = rng.permutation(8)
    matrix = edges_to_matrix(weights)
    np.fill_diagonal(matrix, np.nan)
    names = [decoding.regions.names[i] for i in order]
    write_pconn(tmp_path / "w.pconn.nii", names, matrix[np.ix_(order, order)])
    scores = ask(decoding, read_weights(tmp_path / "w.pconn.nii")).tables["external"]
    expected = ask(decoding, read_weights(tmp_path / "w.tsv")).tables["external"]
    pd.testing.assert_frame_equal(scores, expected, check_exact=True)


def test_weights_of_regions_are_a_weighted_sum_and_regions_without_one_count_nothing(
    decoding, tmp_path
):
    path = tmp_path / "regions.tsv"
    path.write_text("weight\tregion\n2\t5\n-1\t2\n0\telsewhere\n")
    found = ask(decoding, read_weights(path))
    frames = decoding.frames
    scores = [2 * one.signals[:, 4] - one.signals[:, 1] for one in frames]
    table = average_frames(frames, scores, decoding.training.group_index, SETTINGS.rules)
    for scale in ("1min", "2min"):
        rows = table[table["scale"] == scale]
        r = np.corrcoef(rows["rating"], rows["predicted"])[0, 1]
        assert found.tables["external"].set_index("scale").loc[scale, "r"] == pytest.approx(r)
    numbers = found.numbers["signatures"]["regions"]
    assert (numbers["n_matched"], numbers["n_regions_without_weight"]) == (2, 6)


def test_activity_that_is_z_scored_within_run_is_not_scored_between_runs(decoding):
    weights = ExternalWeights("w", "regions", np.arange(8.0), decoding.regions.names)
    found = ask(decoding, weights)
    assert list(found.tables["external"]["scale"]) == ["1min", "2min"]
    assert "w: not scored by run and session, for the mean of a z-scored" in found.not_done[0]


def test_without_an_intercept_nothing_in_units_of_the_rating_is_said(decoding, tmp_path):
    write_edges(tmp_path / "w.tsv", decoding, decoding.final.weights)
    table = ask(decoding, read_weights(tmp_path / "w.tsv")).tables["external"]
    assert table[["skill", "mae"]].isna().all(axis=None)
    assert table[["r", "auc", "r_p"]].notna().all(axis=None)


def test_regions_that_the_data_lack_are_named_and_nothing_is_scored(decoding, tmp_path):
    for name in ("strange", "fine"):
        write_edges(tmp_path / f"{name}.tsv", decoding, decoding.final.weights)
    path = tmp_path / "strange.tsv"
    path.write_text(path.read_text() + "".join(f"PAG{i}\t1\t0.5\n" for i in range(5)))
    found = ask(decoding, read_weights(path), read_weights(tmp_path / "fine.tsv"))
    assert found.not_done == (
        "External signature strange was not scored: 5 of its 13 regions are not among the 8 that "
        "were decoded (first: PAG0, PAG1, PAG2). Use weights of the same atlas, decode "
        "with these regions, or set their weights to 0.",
    )
    assert (
        set(found.tables["external"]["signature"]) == set(found.numbers["signatures"]) == {"fine"}
    )


def test_where_none_was_given_that_is_said(decoding):
    assert ask(decoding).not_done == ("No external signature was given (--external).",)


def test_a_signature_has_its_own_random_numbers_and_name(decoding):
    a = ExternalWeights("a", "regions", np.ones(8), decoding.regions.names)
    b = replace(a, name="b")
    both = ask(decoding, a, b, a)
    assert "External signature a was not scored: another one has the same name." in both.not_done
    alone = ask(decoding, b).tables["external"]
    table = both.tables["external"]
    of_b = table[table["signature"] == "b"].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_b, alone, check_exact=True)
    steps = []
    case = Case(decoding, material=Material(external=(a, b)))
    score_external(case, on_step=lambda done, of: steps.append((done, of)))
    assert steps == [(1, 2), (2, 2)]


BROKEN_TABLES = {
    "no columns": ("a\tb\n1\t2\n", "needs the columns region and weight"),
    "no weight": ("region_a\tregion_b\n1\t2\n", "needs the columns"),
    "empty": ("", "is empty"),
    "no rows": ("region\tweight\n", "holds no weights"),
    "text": ("region\tweight\n1\tmuch\n", "'much', which is not a number"),
    "missing": ("region\tweight\n1\tn/a\n2\t1\n3\t\n", "2 of 3 weights are missing"),
    "infinite": ("region\tweight\n1\tinf\n2\t1\n", "1 of 2 weights are missing or not finite"),
    "a region twice": ("region\tweight\n1\t1\n1\t1\n", "1 are repeated .first: 1."),
    "no region": ("region\tweight\n1\t1\n\t1\n", "row 2 names no region"),
    "a loop": ("region_a\tregion_b\tweight\n1\t2\t1\n3\t3\t1\n", "row 2 joins 3 with itself"),
    "no end": ("region_a\tregion_b\tweight\n1\t2\t1\n3\t\t1\n", "row 2 names no region"),
    "an edge twice": ("region_a\tregion_b\tweight\n1\t2\t1\n2\t1\t1\n", "given twice .first: 2, 1"),
    "a short row": ("region\tweight\n1\n", "1 columns, but 2 are expected"),
}


@pytest.mark.parametrize("case", BROKEN_TABLES)
def test_a_broken_table_is_refused_by_name(tmp_path, case):
    content, message = BROKEN_TABLES[case]
    path = tmp_path / "mine.tsv"
    path.write_text(content)
    with pytest.raises(DerivativesError, match=f"mine.tsv: .*{message}"):
        read_weights(path)


@pytest.mark.parametrize("value", ['"0.5"', "true", "NaN", "[1]"])
def test_an_intercept_that_is_no_number_is_refused(tmp_path, value):
    (tmp_path / "w.tsv").write_text("region\tweight\n1\t1\n")
    (tmp_path / "w.json").write_text(f'{{"Intercept": {value}}}')
    with pytest.raises(DerivativesError, match="w.json: .*a number is needed"):
        read_weights(tmp_path / "w.tsv")


def test_a_sidecar_without_an_intercept_gives_none(tmp_path):
    (tmp_path / "w.tsv").write_text("region\tweight\n1\t1\n")
    (tmp_path / "w.json").write_text('{"weight": {"Description": "z"}}')
    assert read_weights(tmp_path / "w.tsv").intercept is None


def test_a_matrix_that_is_not_one_of_edges_is_refused(tmp_path, rng):
    path, names = tmp_path / "w.pconn.nii", ["a", "b", "c"]
    matrix = rng.normal(size=(3, 3))
    write_pconn(path, names, matrix)
    with pytest.raises(DerivativesError, match="is not symmetric"):
        read_weights(path)
    matrix = matrix + matrix.T
    matrix[0, 2] = np.nan
    write_pconn(path, names, matrix)
    with pytest.raises(DerivativesError, match="w.pconn.nii: 1 of 3 weights are missing"):
        read_weights(path)
    write_pconn(path, names[:1], np.ones((1, 1)))
    with pytest.raises(DerivativesError, match="holds no edges"):
        read_weights(path)
    axes = (parcels(names), parcels(["a", "c", "b"]))
    nib.save(nib.Cifti2Image(np.zeros((3, 3), np.float32), axes), path)
    with pytest.raises(DerivativesError, match="different parcels in its rows"):
        read_weights(path)
    nib.save(nib.Cifti2Image(np.zeros((4, 3)), (SeriesAxis(0, 1, 4), parcels(names))), path)
    with pytest.raises(DerivativesError, match="SeriesAxis x ParcelsAxis; a pconn.nii has"):
        read_weights(path)


@pytest.mark.parametrize("content", [b"", b"no image" * 99])
@pytest.mark.parametrize("ending", ["pconn.nii", "nii.gz", "nii", "tsv"])
def test_a_file_that_is_none_is_refused_by_name(tmp_path, voxels, content, ending):
    path = tmp_path / f"w.{ending}"
    path.write_bytes(content)
    with pytest.raises(DerivativesError, match=f"w.{ending}: "):
        read_weights(path, dense=voxels)


@pytest.mark.parametrize("name", ["w.dscalar.nii", "w.txt", "w.dtseries.nii.gz", "w"])
def test_other_kinds_of_files_are_refused_with_those_that_can_be_read(tmp_path, name):
    with pytest.raises(DerivativesError, match="a .tsv of regions or edges, a .pconn.nii"):
        read_weights(tmp_path / name)


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path):
    with pytest.raises(DerivativesError, match="there is no file"):
        read_weights(tmp_path / "w.tsv")


SHAPE = (3, 3, 2)
MASK = np.arange(18).reshape(SHAPE) < 12
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


@pytest.fixture
def voxels(tmp_path):
    """Dense BOLD of a run on a small grid, with a mask."""
    func = tmp_path / "xcp_d" / "sub-01" / "func"
    func.mkdir(parents=True)
    stem = "sub-01_task-rating_space-MNI152NLin6Asym_desc"
    data = np.random.default_rng(0).normal(size=(*SHAPE, 9))
    nib.save(nib.Nifti1Image(data, AFFINE), func / f"{stem}-denoised_bold.nii.gz")
    nib.save(nib.Nifti1Image(MASK.astype(np.uint8), AFFINE), func / f"{stem}-brain_mask.nii.gz")
    return find_dense([Dataset(tmp_path / "xcp_d", "d")], "01", [RunKey("", "rating", "")])


def test_weights_of_voxels_are_those_in_the_mask(tmp_path, voxels):
    volume = np.arange(18.0).reshape(SHAPE)
    volume[2, 2, 1] = np.nan
    path = tmp_path / "map.nii.gz"
    nib.save(nib.Nifti1Image(volume[..., None], AFFINE), path)
    weights = read_weights(path, dense=voxels)
    assert (weights.name, weights.kind, weights.n_outside) == ("map", "points", 5)
    np.testing.assert_array_equal(weights.values, volume[MASK])
    assert load_dense(voxels).n_points == len(weights.values)


def test_weights_of_voxels_on_another_grid_come_with_the_command_that_helps(tmp_path, voxels):
    path = tmp_path / "map.nii.gz"
    moved = AFFINE.copy()
    moved[1, 3] = 0.1
    for shape, affine in ((SHAPE, moved), ((4, 3, 2), AFFINE)):
        nib.save(nib.Nifti1Image(np.ones(shape), affine), path)
        with pytest.raises(DerivativesError, match="map.nii.gz: is on a grid.*resample_to_img"):
            read_weights(path, dense=voxels)


def test_weights_of_voxels_need_voxels_and_values(tmp_path, voxels):
    path = tmp_path / "map.nii"
    nib.save(nib.Nifti1Image(np.full(SHAPE, np.nan), AFFINE), path)
    with pytest.raises(DerivativesError, match="map.nii: 12 of 12 weights are missing"):
        read_weights(path, dense=voxels)
    with pytest.raises(DerivativesError, match="no run is there as voxels"):
        read_weights(path)
    nib.save(nib.Nifti1Image(np.ones((*SHAPE, 2)), AFFINE), path)
    with pytest.raises(DerivativesError, match="one volume is needed"):
        read_weights(path, dense=voxels)


def dense_of(runs, change=lambda run, signals: signals):
    by_key = {run.key: change(run, run.signals.astype(np.float32)) for run in runs}
    return Dense("voxels", 8, by_key.get)


def as_float32(runs):
    return [replace(run, signals=run.signals.astype(np.float32)) for run in runs]


def test_points_that_are_the_regions_score_as_these(runs, rng):
    runs = as_float32(runs)
    decoding = decode_runs(runs, SETTINGS)
    values = rng.normal(size=8)
    regions = ExternalWeights("w", "regions", values, decoding.regions.names, intercept=0.3)
    points = ExternalWeights("w", "points", values, intercept=0.3)
    expected = ask(decoding, regions).tables["external"]
    for change in (lambda run, x: x, lambda run, x: x[~run.censored]):
        material = {"runs": lambda: runs, "dense": dense_of(runs, change)}
        scored = ask(decoding, points, **material)
        pd.testing.assert_frame_equal(scored.tables["external"], expected, rtol=1e-9)
    assert scored.numbers["signatures"]["w"]["n_without_signal"] == 0


def test_points_without_a_signal_count_nothing_and_are_counted(rng):
    data = rng.normal(size=(50, 4)).astype(np.float32)
    data[:, 1], data[4, 2] = 7.0, np.nan
    rows = np.arange(0, 50, 2)
    score, silent = weigh_points(data, rows, np.array([1.0, 2.0, 3.0, 0.0]))
    first = data[rows, 0].astype(float)
    np.testing.assert_allclose(score, (first - first.mean()) / first.std(ddof=1), rtol=1e-10)
    assert silent == 2


def test_runs_without_points_are_left_out_by_name(runs, decoding):
    points = ExternalWeights("w", "points", np.ones(8))
    material = {"runs": lambda: runs, "dense": dense_of(runs[1:])}
    found = ask(decoding, points, **material)
    assert "not scored in ses-01 task-rating run-1: there are no voxels" in found.not_done[0]
    table = found.tables["external"].set_index("scale")
    n_bins = decoding.predictions.query("scale == '1min'").groupby("run_code").size()
    assert table.loc["1min", "n"] == n_bins[1:].sum()
    lost = ask(decoding, points, runs=lambda: runs[1:], dense=dense_of(runs))
    assert "not scored in ses-01 task-rating run-1: it cannot be read again" in lost.not_done[0]
    stranger = [replace(runs[0], session="99"), *runs]
    same = ask(decoding, points, runs=lambda: stranger, dense=dense_of(runs[1:]))
    assert same.tables["external"].equals(found.tables["external"])
    few = ask(decoding, points, runs=lambda: runs, dense=dense_of(runs[:4]))
    assert "2 of 5 sessions can be scored; at least 3 are needed" in few.not_done[0]
    assert few.tables == {}


def test_points_that_are_not_there_are_said_to_be_missing(runs, decoding):
    points = ExternalWeights("w", "points", np.ones(9))
    assert "needs dense BOLD and runs" in ask(decoding, points).not_done[0]
    other = ask(decoding, points, runs=lambda: runs, dense=dense_of(runs))
    assert "9 weights, but there are 8 voxels" in other.not_done[0]


def test_weights_that_do_not_fit_together_are_an_error():
    with pytest.raises(ValueError, match="kind is 'faces'"):
        ExternalWeights("w", "faces", np.ones(2))
    with pytest.raises(ValueError, match=r"shape \(2,\), but there are 3 regions"):
        ExternalWeights("w", "regions", np.ones(2), ("a", "b", "c"))
