"""Figures draw what the tables say."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color

from painprint.report import figures
from painprint.report.figures.style import PREDICTED, QUALITY_MARKS, RATING
from painprint.report.scales import round_limit
from painprint.report.svg import draw_figure


def labels_of(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


@pytest.fixture
def minutes():
    """Two sessions of one run of five minutes."""
    return pd.DataFrame(
        {
            "session": ["01"] * 5 + ["02"] * 5, "task": "rating", "run": "1", "scale": "1min",
            "rating": [0.1, 0.2, 0.3, 0.4, 0.9, *[0.5] * 5],
            "predicted": [0.3, 0.3, 0.4, 0.5, 0.6, 0.2, 0.3, 0.4, 0.5, 0.6],
        }
    )  # fmt: skip


def test_months_show_medians_quartiles_and_the_worst_quality(minutes):
    quality = pd.DataFrame(
        {"session": ["01", "01", "02"], "quality_rating": ["good", "bad", "caution"]}
    )
    sessions = pd.DataFrame({"session": ["02", "01"], "days": [30.0, 0.0]})
    ax = figures.plot_months(minutes, sessions, quality)
    rating, predicted, caution, bad = ax.lines
    np.testing.assert_allclose(rating.get_xydata(), [[0.83, 0.3], [1.83, 0.5]])
    np.testing.assert_allclose(predicted.get_xydata(), [[1.17, 0.4], [2.17, 0.4]])
    assert same_color(rating.get_color(), RATING) and same_color(predicted.get_color(), PREDICTED)
    quartiles = [segment[:, 1] for segment in ax.collections[0].get_segments()]
    np.testing.assert_allclose(quartiles, [[0.2, 0.4], [0.5, 0.5]])
    for line, level, x in ((caution, "caution", 2), (bad, "bad", 1)):
        assert line.get_xdata() == [x] and same_color(line.get_color(), QUALITY_MARKS[level][0])
    assert labels_of(ax.xaxis) == ["01\n(0)", "02\n(30)"]
    assert ax.get_xlabel() == "session, and days since the first (n = 2)"
    untimed = figures.plot_months(minutes, sessions.assign(days=[None, 1]), quality)
    assert labels_of(untimed.xaxis) == ["01", "02"]


def test_traces_show_each_session_with_its_means(minutes):
    per_session = pd.DataFrame(
        {"session": ["01", "02"], "r": [0.93, None], "mean_rating": [0.38, 0.5],
         "mean_predicted": [0.42, 0.4]}
    )  # fmt: skip
    first, second = figures.plot_session_traces(minutes, per_session)
    means = [line.get_ydata()[0] for line in first.lines[:2]]
    assert means == [0.38, 0.42]
    np.testing.assert_array_equal(first.lines[2].get_ydata(), minutes["rating"][:5])
    assert (first.get_title("right"), second.get_title("right")) == ("r = 0.93", "r = n/a")
    of_runs = figures.plot_session_traces(minutes, per_session.assign(session=["01 1", "02 1"]))
    assert [len(ax.lines) for ax in of_runs] == [2, 2]  # no means of what was not held out


@pytest.mark.parametrize(("n", "shape"), [(8, (2, 4)), (28, (4, 7)), (60, (6, 10))])
def test_the_grid_of_sessions_is_compact(minutes, n, shape):
    one = minutes[:5]
    table = pd.concat([one.assign(session=str(k)) for k in range(n)])
    means = pd.DataFrame({"session": [], "r": [], "mean_rating": [], "mean_predicted": []})
    panels = figures.plot_session_traces(table, means)
    assert len(panels) == n
    assert panels[0].get_gridspec().get_geometry() == shape


def test_a_scatter_has_equal_axes_and_names_what_it_shows(minutes):
    ax = figures.plot_observed_predicted(
        minutes, {"r": 0.2, "centred_r": -0.51}, days=[0] * 5 + [9] * 5, centred_by="session"
    )
    assert ax.get_xlim() == ax.get_ylim() and ax.get_aspect() == 1
    assert ax.get_title("left") == "session-centred r = −0.51"
    assert ax.get_xlabel() == "held-out prediction − session mean (1 min, n = 10)"
    assert ax.get_ylabel() == "rating − session mean"
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "days since the first session" and bar.get_ylim() == (0, 9)
    plain = figures.plot_observed_predicted(minutes, {"r": 0.2, "centred_r": -0.51})
    assert plain.get_title("left") == "r = 0.20"
    assert plain.figure.axes[1].get_ylabel() == "session, in order"


def test_the_roc_is_that_of_the_primary_scale():
    roc = pd.DataFrame(
        {"scale": ["1min", "1min", "session"], "false_positive_rate": [0, 1, 0.5],
         "true_positive_rate": [0, 1, 0.5]}
    )  # fmt: skip
    ax = figures.plot_roc(roc, {"auc": 0.71, "n": 80})
    assert ax.get_title("left") == "AUC = 0.71" and len(ax.lines) == 2
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), [0, 1])


def test_variants_are_beside_the_main_analysis():
    rows = pd.DataFrame(
        {"centred_r": [0.4, 0.3, 0.5], "low": [0.2, np.nan, 0.3], "high": [0.6, np.nan, 0.7]}
    )
    ax = figures.plot_variants(
        ["main analysis", "motion", "time"], rows, "centred_r", label="r", ends=("low", "high"),
        flagged=["time"], beside="low",
    )  # fmt: skip
    (bars,) = [line for line in ax.lines if line.get_marker() == "|"]
    np.testing.assert_array_equal(bars.get_xdata(), [0.2, np.nan, 0.3])
    assert labels_of(ax.yaxis) == ["main analysis", "motion", "time"]
    spans = [tuple(line.get_xdata()) for line in ax.lines if len(set(line.get_ydata())) == 1]
    assert (0.2, 0.6) in spans and (0.3, 0.7) in spans
    dashed = [line.get_xdata() for line in ax.lines if line.get_linestyle() == "--"]
    assert dashed == [[0.4, 0.4]]
    marks = {
        line.get_ydata()[0]: line.get_marker() for line in ax.lines if line.get_marker() in "os"
    }
    assert marks == {0: "o", 1: "o", 2: "s"}
    (band,) = ax.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((0.2, 0.4))


def test_an_estimate_beyond_the_axis_is_an_arrow_with_its_number():
    rows = pd.DataFrame({"skill": [0.2, -7.5, np.nan]})
    ax = figures.plot_estimates(list("abc"), rows, "skill", label="skill", ends=None)
    assert ax.get_xlim() == pytest.approx((-1 - 0.048, 0.2 + 0.048))
    assert [text.get_text() for text in ax.texts] == ["−7.50", "n/a"]
    assert ax.get_xlabel() == "skill\n(cut at the edge: outside the axis)"
    rows = pd.DataFrame({"skill": [0.2], "low": [0.1], "high": [0.3]})
    within = figures.plot_estimates(["a"], rows, "skill", label="skill", ends=("low", "high"))
    assert within.get_xlabel() == "skill"
    assert within.get_xlim() == pytest.approx((-0.012, 0.312))


def test_importance_has_networks_above_regions():
    networks = pd.DataFrame({"network": ["VIS", "DMN"], "n_regions": [3, 4], "x": [0.2, 0.1]})
    regions = pd.DataFrame({"region": ["r1"], "x": [0.3]})
    ax = figures.plot_importance(networks, regions, "x", label="loss", ends=None)
    assert labels_of(ax.yaxis) == ["VIS (3)", "DMN (4)", "r1"]
    assert [text.get_text() for text in ax.texts] == ["networks", "regions"]
    alone = figures.plot_importance(None, regions, "x", label="loss", ends=None)
    assert labels_of(alone.yaxis) == ["r1"] and not alone.texts


def test_models_of_the_past_say_how_many_sessions_they_are_tested_on():
    table = pd.DataFrame({"n_past": [3, 4], "n_test": 5, "slope": [0.9, 1.1]})
    table = table.assign(slope_low=0.5, slope_high=1.5)
    ax = figures.plot_future(table, {"slope": "slope"}, 1)
    assert labels_of(ax.xaxis) == ["3\n(5)", "4\n(5)"]
    assert ax.get_ylabel() == "slope"
    (lines,) = ax.collections
    np.testing.assert_array_equal(lines.get_segments()[1], [[4, 0.5], [4, 1.5]])


def test_a_slope_beyond_the_axis_is_an_arrow_at_its_end():
    table = pd.DataFrame({"n_past": [3, 4], "n_test": 5, "slope": [1.1, 410.0]})
    ax = figures.plot_future(table.assign(slope_low=0.5, slope_high=900.0), {"slope": "slope"}, 1)
    arrow = next(line for line in ax.lines if line.get_marker() == "^")
    assert (arrow.get_xdata().tolist(), arrow.get_ydata().tolist()) == ([4], [3])
    assert ax.get_ylim()[1] < 4


def test_an_overview_has_a_letter_for_every_panel():
    def panel(ax=None):
        ax.plot([0, 1])
        return ax

    drawn = figures.plot_overview(panel, [panel] * 3)
    letters = [ax.figure._suptitle.get_text() for ax in drawn]
    assert letters == ["a", "b", "c", "d"]
    whole = drawn[0].get_figure(root=True)
    assert whole.get_figwidth() == figures.DOUBLE


@pytest.mark.parametrize(
    ("most", "end"), [(0.0379, 0.04), (0.04, 0.04), (0.0401, 0.05), (1.0, 1.0), (96.0, 100.0)]
)
def test_ends_of_colour_scales_are_round(most, end):
    assert round_limit(most) == end


def test_text_is_shown_in_arial_and_has_two_sizes(minutes):
    drawn = draw_figure("x", lambda: figures.plot_timeline(minutes), pdf=True)
    text = drawn.svg.decode()
    assert "Arial, Helvetica, 'Liberation Sans', sans-serif;" in text and "DejaVu" not in text
    sizes = set(re.findall(r"font-size: ([^;]+)", text))
    assert sizes == {"7px", "8px"}
