"""What is shown of an object at a prompt: a few words, and no array."""

import dataclasses
import inspect
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs

import painprint
from painprint import Case, Regions, Settings, decode_runs, run_stage
from painprint.arrays import short_repr
from painprint.results.read import find_results, read_results
from painprint.runs import Frames
from painprint.signature.file import read_signature

REFERENCE = "".join(
    path.read_text() for path in (Path(__file__).parents[1] / "docs" / "api").glob("*.md")
)
MODULES = [import_module(name) for name in re.findall(r"automodule:: (\S+)", REFERENCE)]
CLASSES = {
    kind
    for module in (*MODULES, painprint)
    for name in dir(module)
    if inspect.isclass(kind := getattr(module, name)) and dataclasses.is_dataclass(kind)
    if kind.__module__ == module.__name__ or module is painprint
    if not name.startswith("_")
}


@pytest.fixture(scope="module")
def decoding():
    runs = simulate_runs(np.random.default_rng(1), n_sessions=9, n_runs=1, n_frames=200)
    networks = {str(i + 1): "VIS" if i > 5 else "DMN" for i in range(8)}
    return decode_runs(runs, Settings(n_bootstraps=100, n_permutations=19), regions=networks)


@pytest.fixture(scope="module")
def shown(decoding):
    (run,) = simulate_runs(np.random.default_rng(1), n_sessions=1, n_runs=1, n_frames=200)
    case = Case(decoding, pd.DataFrame({"session": ["01"], "dose": [1.0]}))
    return {
        "run": repr(run),
        "frames": repr(decoding.frames[0]),
        "decoding": repr(decoding),
        "prepared": repr(decoding.prepared),
        "training": repr(decoding.training),
        "fold": repr(decoding.final),
        "evaluation": repr(decoding.evaluation),
        "case": repr(case),
        "result": repr(run_stage(case, "null")),
        "regions": repr(decoding.regions),
        "settings": repr(decoding.settings),
    }


def test_a_class_that_holds_arrays_does_not_show_them():
    assert len(CLASSES) > 80
    with_arrays = [kind for kind in CLASSES if not kind.__dataclass_params__.eq]
    assert len(with_arrays) > 60
    generated = [k.__qualname__ for k in with_arrays if hasattr(k.__repr__, "__wrapped__")]
    assert not generated


def test_what_is_shown_is_short(shown):
    for text in shown.values():
        assert len(text) < 300 and text.count("\n") < 3 and "array(" not in text


def test_what_is_shown_says_what_it_is(shown, decoding):
    minute = decoding.scales["1min"]
    assert shown["run"] == (
        "Run(session='01', task='rating', run='1', 200 frames x 8 regions, TR 1 s)"
    )
    assert shown["frames"].startswith("Frames(ses-01 task-rating run-1, 1")
    assert shown["regions"] == "Regions(8 regions in 2 networks: DMN, VIS)"
    assert repr(Regions(("a",), ("",))) == "Regions(1 region)"
    assert shown["prepared"] == (
        "Prepared(9 runs in 9 sessions, 8 regions; excluded: 0 runs, 0 regions)"
    )
    assert shown["training"] == "Training(9 folds, 9 runs, 28 edges)"
    assert shown["settings"] == "Settings(n_bootstraps=100, n_permutations=19)"
    first, second = shown["decoding"].splitlines()
    assert first == "Decoding(9 sessions, 9 runs, 8 regions; ridge, leave-one-session-out;"
    assert second.strip() == (
        f"session-centred r {minute.centred_r:.2f} and skill {minute.skill:.2f} at 1 min)"
    )
    assert shown["case"] == f"Case({shown['decoding']}, covariates of sessions: dose)"
    assert "weights=array (28,)" in shown["fold"]
    assert "tables={null" in shown["result"]


def test_a_signature_and_results_say_whose_they_are(decoded):
    (files,) = find_results(decoded)
    signature = read_signature(files.decoding("signature", ""))
    assert repr(signature) == "Signature(sub-01, 8 regions, 5 folds, ridge of edges, lag 6 s)"
    assert len(repr(read_results(files))) < 800


def test_long_values_are_cut():
    @short_repr
    @dataclasses.dataclass(frozen=True, eq=False)
    class Thing:
        text: str
        names: tuple[str, ...]
        tables: dict[str, int]
        frames: Frames | None
        make: object

    thing = Thing("x" * 100, tuple("abcdef"), dict.fromkeys("abcdef", 1), None, decode_runs)
    assert repr(thing) == (
        f"Thing(text='{'x' * 59}..., names=6 values, tables={{a, b, c, d, ...}}, frames=None, "
        "make=decode_runs)"
    )
