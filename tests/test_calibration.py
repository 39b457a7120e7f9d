"""What the page says of its own tests is what the calibration study found, and how it shows
whether predictions are calibrated."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color

from painprint.report import figures
from painprint.report.calibration import N_PEOPLE, SHARES, sentence
from painprint.report.figures.style import INK, PREDICTED

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def found():
    """Shares by criterion and world, from the committed table."""
    study = runpy.run_path(str(BENCHMARKS / "null_calibration.py"))
    table = pd.read_csv(BENCHMARKS / "tables" / "null_calibration.tsv", sep="\t")
    worlds = table.groupby("world")
    assert len(worlds) == 5 and (worlds.size() == N_PEOPLE).all()
    return {name: [study["shares"](rows)[name].mean() for _, rows in worlds] for name in SHARES}


@pytest.mark.parametrize("criterion", SHARES)
def test_shares_are_those_of_the_table(found, criterion):
    expected = (min(found[criterion]), max(found[criterion]))
    assert SHARES[criterion] == pytest.approx(expected, abs=1e-9)


def test_a_miss_is_said():
    assert "by the session-block interval of centred r and the paper's p of r." in sentence()


@pytest.fixture
def drawn():
    """Draws a small person with a given line."""
    minutes = pd.DataFrame({"predicted": [0.2, 0.4, 0.5], "rating": [0.1, 0.9, 0.6]})
    per_session = pd.DataFrame({"mean_predicted": [0.3, 0.5], "mean_rating": [0.5, 0.6]})

    def draw(slope, intercept):
        metrics = {"slope": slope, "intercept": intercept}
        return figures.plot_calibration(minutes, per_session, metrics, unit="run")

    return draw


def line_of(ax, colour):
    """Points of the lines without marks of this colour."""
    lines = [one for one in ax.lines if same_color(one.get_color(), colour)]
    return [one.get_xydata() for one in lines if one.get_marker() == "None"]


def test_the_calibration_plot_draws_the_line_of_the_metrics(drawn):
    ax = drawn(2.0, -0.5)
    (line,), (identity,) = line_of(ax, PREDICTED), line_of(ax, INK)
    np.testing.assert_allclose(line, [[0.2, -0.1], [0.5, 0.5]])
    np.testing.assert_array_equal(identity[:, 0], identity[:, 1])
    assert ax.get_xlim() == ax.get_ylim() and ax.get_aspect() == 1
    (means,) = (one.get_xydata() for one in ax.lines if one.get_marker() == "o")
    np.testing.assert_array_equal(means, [[0.3, 0.5], [0.5, 0.6]])
    np.testing.assert_array_equal(
        ax.collections[0].get_offsets(), [[0.2, 0.1], [0.4, 0.9], [0.5, 0.6]]
    )
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "run mean" in said and "least squares: slope 2.00" in said


def test_without_a_line_minutes_are_still_drawn(drawn):
    ax = drawn(None, None)
    assert line_of(ax, PREDICTED) == [] and len(ax.collections[0].get_offsets()) == 3
