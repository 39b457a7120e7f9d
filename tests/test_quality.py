"""Quality ratings, DVARS, carpets, and motion against connectivity."""

import numpy as np
import pytest
from conftest import simulate_runs

from painprint import Settings
from painprint.decode.decoding import decode_runs
from painprint.evidence.case import Case, Material
from painprint.evidence.qcfc import FEWEST_RUNS, motion_and_edges
from painprint.quality import BoldQuality, Limits, carpet, judge, median_dvars
from painprint.report.carpets import MOST_COLUMNS, carpet_image
from painprint.runs import FD
from painprint.stats.correlation import correlate_columns

LIMITS = Limits((0.2, 0.5), (0.25, 0.5), (30, 15), (0.98, 0.9))
FINE = dict(mean_fd_mm=0.1, share_censored=0.1, tsnr=60, share_covered=1.0)


@pytest.mark.parametrize(
    ("change", "rating", "reason"),
    [
        ({}, "good", None),
        ({"mean_fd_mm": 0.2}, "good", None),
        ({"mean_fd_mm": 0.21}, "caution", r"mean FD 0.21 mm \(limit 0.2\)"),
        ({"mean_fd_mm": 0.6}, "bad", r"mean FD 0.6 mm \(limit 0.5\)"),
        ({"share_censored": 0.3}, "caution", "30% of frames censored"),
        ({"tsnr": 14.0}, "bad", r"tSNR 14 \(limit 15\)"),
        ({"share_covered": 0.95}, "caution", "95% of regions covered"),
        ({"tsnr": np.nan, "share_covered": np.nan}, "good", None),
        ({"tsnr": 20, "mean_fd_mm": 0.6}, "bad", "mean FD"),
    ],
)
def test_the_quality_rating_is_the_worst_of_its_reasons(change, rating, reason):
    import re

    found, reasons = judge(BoldQuality(**{**FINE, **change}), LIMITS)
    assert found == rating
    assert (not reasons) if reason is None else re.search(reason, " ".join(reasons))


def test_dvars_is_the_change_in_percent(rng):
    data = rng.normal(size=(200, 30))
    expected = np.median([np.sqrt(np.mean((data[t] - data[t - 1]) ** 2)) for t in range(1, 200)])
    assert median_dvars(data, 50.0) == pytest.approx(expected / 50 * 100)
    assert np.isnan(median_dvars(data, 0.0)) and np.isnan(median_dvars(data[:1], 50.0))


def test_a_carpet_leaves_out_what_is_not_there(rng):
    data = rng.normal(size=(90, 12))
    data[:, 3] = np.nan
    kept = np.ones(100, bool)
    kept[20:30] = False
    shades = carpet(data, kept)
    assert shades.shape == (12, 100) and shades.dtype == np.uint8
    assert (shades[3] == 0).all() and (shades[:, 20:30] == 0).all()
    assert (np.delete(shades, 3, axis=0)[:, kept] > 0).all()
    assert carpet(data).shape == (12, 90)


def test_a_carpet_becomes_a_small_image(rng):
    import base64
    import io

    from PIL import Image

    shades = rng.integers(1, 255, size=(200, 1383)).astype(np.uint8)
    uri = carpet_image(shades, shades)
    content = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    assert len(content) < 30_000
    assert Image.open(io.BytesIO(content)).size == (MOST_COLUMNS, 122)


def test_correlations_are_numpys(rng):
    columns, y = rng.normal(size=(15, 4)), rng.normal(size=15)
    columns[:, 2] = 1
    found = correlate_columns(columns, y[:, None])
    for i in (0, 1, 3):
        assert found[i] == pytest.approx(np.corrcoef(columns[:, i], y)[0, 1])
    assert np.isnan(found[2])


def decoded(rng, leak=0.0, n_sessions=8, places=True):
    """A person in whom motion makes near regions alike."""
    runs = simulate_runs(rng, n_sessions=n_sessions, n_regions=16, n_frames=200)
    if leak:
        runs = [shaken(run, rng, leak) for run in runs]
    decoding = decode_runs(runs, Settings(n_bootstraps=100))
    where = {name: [10.0 * i, 0, 0] for i, name in enumerate(decoding.regions.names)}
    return Case(decoding, material=Material(coordinates=where if places else {}))


def shaken(run, rng, leak):
    from dataclasses import replace

    amount = rng.uniform(0.05, 1)
    along = np.arange(16)
    near = np.exp(-((along[:, None] - along) ** 2) / 8)
    noise = rng.normal(size=run.signals.shape) @ np.linalg.cholesky(near + 1e-9 * np.eye(16)).T
    signals = run.signals + leak * amount * noise
    fd = np.abs(rng.normal(amount, 0.05, size=len(signals)))
    return replace(run, signals=signals, confounds={FD: fd})


def test_motion_that_leaks_is_seen_and_falls_with_distance(rng):
    found = motion_and_edges(decoded(rng, leak=3.0))
    assert found.numbers["n_runs"] == 16
    assert found.numbers["share_significant"] > 0.2
    assert found.numbers["rho_distance"] < -0.5
    table = found.tables["qcfc"]
    assert (np.diff(table["distance"]) >= 0).all() and table["n_edges"].sum() == 120


def test_motion_that_does_not_leak_is_at_chance(rng):
    found = motion_and_edges(decoded(rng))
    assert found.numbers["share_significant"] < 0.15


def test_without_places_there_is_no_distance(rng):
    found = motion_and_edges(decoded(rng, places=False))
    assert found.numbers["rho_distance"] is None
    assert "coordinates of the regions are not known" in found.not_done[0]
    assert len(found.tables["qcfc"]) == 1


def test_few_runs_say_so(rng):
    found = motion_and_edges(decoded(rng, n_sessions=4))
    assert f"at least {FEWEST_RUNS} runs" in found.not_done[0] and not found.tables
