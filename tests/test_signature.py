"""The signature file, and scoring with it."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import EXAMPLE, QUICK, simulate_runs
from safetensors.numpy import save

from painprint import Settings, decode_runs
from painprint.cli import main
from painprint.errors import DerivativesError
from painprint.runs import Run, RunKey
from painprint.signature.file import read_signature, write_signature
from painprint.signature.model import make_signature
from painprint.signature.predict import predict_run, was_trained_on
from painprint.store.files import content_key


@pytest.fixture
def decoding(participant):
    return decode_runs(participant, Settings(n_bootstraps=100))


@pytest.fixture
def signature(decoding):
    return make_signature(decoding, simulated=True, metrics={"n_runs": 10})


@pytest.fixture
def folder(tmp_path, signature):
    write_signature(tmp_path / "s", signature)
    return tmp_path / "s"


def test_a_run_trained_a_signature_by_its_whole_name():
    """Of runs without sessions: run 1 is not run 10."""
    runs = [
        replace(run, session="", run=str(10 + number))
        for number, run in enumerate(simulate_runs(np.random.default_rng(1), n_runs=1))
    ]
    settings = Settings(n_bootstraps=100, leave_out="run")
    signature = make_signature(decode_runs(runs, settings), simulated=True, metrics={})
    assert was_trained_on(signature, RunKey("", "rating", "10"))
    assert not was_trained_on(signature, RunKey("", "rating", "1"))


@pytest.mark.parametrize("preset", ["recommended", "paper"])
def test_a_left_out_run_is_predicted_as_in_the_study(participant, preset):
    decoding = decode_runs(participant, Settings(n_bootstraps=100, preset=preset))
    signature = make_signature(decoding, simulated=True, metrics={})
    for run in participant:
        unrated = Run(
            run.signals, np.full(360, np.nan), 1.0, censored=run.censored, regions=run.regions
        )
        found = predict_run(signature, unrated, held_out=run.session)
        rows = decoding.predictions.query(f"session == '{run.session}' and run == '{run.run}'")
        minutes = rows[rows["scale"] == "1min"]
        np.testing.assert_allclose(found.minutes["predicted"], minutes["predicted"], atol=1e-10)
        np.testing.assert_allclose(found.minutes["onset"], minutes["onset"])
        assert found.run == pytest.approx(
            float(rows[rows["scale"] == "run"]["predicted"].iloc[0]), abs=1e-10
        )


def test_a_signature_comes_back_as_it_was(folder, signature):
    read = read_signature(folder)
    np.testing.assert_array_equal(read.weights, signature.weights)
    assert read.regions == signature.regions and read.models == signature.models
    assert (read.preset, read.drop_s, read.tr_s) == ("recommended", 30.0, (1.0,))
    assert read.simulated is True and read.metrics == {"n_runs": 10}
    assert read_signature(folder / "signature.json").models == read.models


def test_regions_are_matched_by_name(participant, signature):
    run = participant[0]
    order = [3, 1, 0, 2, 7, 6, 5, 4]
    moved = Run(
        np.column_stack([run.signals[:, order], np.zeros(360)]),
        run.rating,
        1.0,
        censored=run.censored,
        regions=[*(run.regions[i] for i in order), "extra"],
    )
    one, other = predict_run(signature, run), predict_run(signature, moved)
    np.testing.assert_allclose(one.minutes["predicted"], other.minutes["predicted"], rtol=1e-10)


def test_missing_or_dead_regions_are_refused_by_name(participant, signature):
    run = participant[0]
    fewer = Run(run.signals[:, :7], run.rating, 1.0)
    with pytest.raises(ValueError, match=r"1 of the signature's 8 regions .*\(first: 8\)"):
        predict_run(signature, fewer)
    dead = np.array(run.signals)
    dead[:, 2] = 1.0
    with pytest.raises(ValueError, match="first: 3"):
        predict_run(signature, Run(dead, run.rating, 1.0))


def test_what_differs_from_training_is_a_warning(rng, signature):
    run = simulate_runs(rng, n_sessions=1, n_runs=1, n_frames=200, tr_s=0.5)[0]
    censored = np.zeros(200, bool)
    censored[70:190] = True
    found = predict_run(signature, Run(run.signals, run.rating, 0.5, censored=censored))
    said = " ".join(found.warnings)
    for words in ("simulated data", "TR is 0.5 s", "s are usable", "60 % of the frames"):
        assert words in said
    with pytest.raises(ValueError, match="nothing can be predicted"):
        predict_run(signature, Run(run.signals, run.rating, 0.5, censored=np.ones(200, bool)))


def test_an_unknown_fold_names_those_there_are(participant, signature):
    with pytest.raises(ValueError, match="no fold held out '09'. Choose one of 01, 02"):
        predict_run(signature, participant[0], held_out="09")


def change(folder, **parts):
    """Other parts under a hash that fits them, so that what is said of them is looked at."""
    path = folder / "signature.json"
    content = {**json.loads(path.read_text()), **parts}
    content.pop("sha256")
    path.write_text(json.dumps({**content, "sha256": content_key(content)}))


def arrays_of(shape):
    """Arrays of a signature, all 0."""
    return {"weights": np.zeros(shape), "pattern": np.zeros(28)}


BROKEN = {
    "not ours": (lambda f: change(f, format="x"), "is not a painprint signature"),
    "newer": (lambda f: change(f, version=99), "Update painprint"),
    "no models": (lambda f: change(f, models=[]), "must hold float64"),
    "regions no list": (lambda f: change(f, regions={"a": 1}), "no valid signature"),
    "a name no text": (
        lambda f: change(f, regions=[{"name": 1, "network": ""}]),
        "no valid signature",
    ),
    "a number no number": (lambda f: change(f, drop_s="soon"), "no valid signature"),
    "unknown preset": (lambda f: change(f, preset="mine"), "no valid signature"),
    "a start that cannot be": (lambda f: change(f, drop_s=-30.0), "no valid signature"),
    "changed by hand": (
        lambda f: (f / "signature.json").write_text(
            (f / "signature.json").read_text().replace('"lag_s": 6.0', '"lag_s": 5.0')
        ),
        "not what was written",
    ),
    "no weights": (lambda f: (f / "weights.safetensors").unlink(), "cannot be read"),
    "cut weights": (
        lambda f: (f / "weights.safetensors").write_bytes(b"\x08" * 40),
        "bytes, but about",
    ),
    "no safetensors": (
        lambda f: (f / "weights.safetensors").write_bytes(b"\xff" * (7 * 28 * 8 + 80)),
        "not a safetensors file",
    ),
    "other weights": (
        lambda f: (f / "weights.safetensors").write_bytes(save(arrays_of((6, 28)))),
        "SHA-256 differs",
    ),
    "other shape": (
        lambda f: (f / "weights.safetensors").write_bytes(save(arrays_of((28, 6)))),
        "must hold float64 weights",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_signature_is_refused_with_a_reason(folder, case):
    damage, message = BROKEN[case]
    damage(folder)
    with pytest.raises(DerivativesError, match=message):
        read_signature(folder)


def test_a_signature_holds_no_time_series_date_or_name(folder, tmp_path):
    text = (folder / "signature.json").read_text()
    assert str(tmp_path) not in text and "rating_" not in text


def test_the_command_scores_a_run_and_says_what_to_know(tmp_path, capsys):
    words = f"run {EXAMPLE} {tmp_path} participant --task-id rating --rating-start 10"
    assert main([*words.split(), *QUICK]) == 0
    capsys.readouterr()
    (folder,) = tmp_path.rglob("*_signature")
    series = next(EXAMPLE.rglob("*ses-02*run-2*timeseries.tsv"))
    assert main(["predict", str(folder), str(series), "--fold", "02"]) == 0
    printed = capsys.readouterr()
    assert "simulated data" in printed.err
    (tmp_path / "t.tsv").write_text(printed.out)
    table = pd.read_csv(tmp_path / "t.tsv", sep="\t")
    (path,) = tmp_path.rglob("*_predictions.tsv")
    study = pd.read_csv(path, sep="\t", dtype={"session": str, "run": str})
    study = study.query("session == '02' and run == '2'")
    for scale in ("1min", "run"):
        np.testing.assert_allclose(
            table.query(f"scale == '{scale}'")["predicted"],
            study.query(f"scale == '{scale}'")["predicted"],
            atol=1e-10,
        )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["/nonexistent.tsv"], "no file /nonexistent.tsv"),
        ([str(EXAMPLE / "participants.tsv")], "not called like regional time series"),
    ],
)
def test_a_run_that_cannot_be_scored_is_refused(folder, capsys, words, message):
    assert main(["predict", str(folder), *words]) == 1
    assert message in capsys.readouterr().err


def test_a_run_of_another_atlas_is_refused(folder, capsys):
    series = next(EXAMPLE.rglob("*timeseries.tsv"))
    assert main(["predict", str(folder), str(series)]) == 1
    assert "Use the same atlas" in capsys.readouterr().err
