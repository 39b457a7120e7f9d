"""Figures: functions that draw results and return Axes; they compute nothing.

Every figure of the pages is drawn by one of them, in the widths of a journal's columns
(:data:`SINGLE`, :data:`DOUBLE`) and with the Matplotlib settings :data:`STYLE`.
"""

from painprint.report.figures.areas import plot_rotated, plot_sizes, plot_vertex_map
from painprint.report.figures.brain import plot_views
from painprint.report.figures.carriers import (
    plot_by_network,
    plot_network_weights,
    plot_strengths,
    plot_structure,
    plot_univariate,
)
from painprint.report.figures.evidence import (
    plot_dots,
    plot_error_ahead,
    plot_estimates,
    plot_future,
    plot_learning_curve,
    plot_motion_distance,
    plot_null,
    plot_rest,
    plot_significant_draws,
)
from painprint.report.figures.people import (
    plot_identification,
    plot_reading,
    plot_transfer,
    plot_transfer_matrix,
)
from painprint.report.figures.performance import (
    plot_calibration,
    plot_levels,
    plot_months,
    plot_observed_predicted,
    plot_roc,
    plot_session_traces,
    plot_sessions,
    plot_timeline,
    session_colours,
)
from painprint.report.figures.style import DOUBLE, SCALE_NAMES, SINGLE, STYLE, new_axes

__all__ = [
    "DOUBLE", "SCALE_NAMES", "SINGLE", "STYLE", "new_axes", "plot_by_network", "plot_calibration",
    "plot_dots", "plot_error_ahead", "plot_estimates", "plot_future", "plot_identification",
    "plot_learning_curve", "plot_levels", "plot_months", "plot_motion_distance",
    "plot_network_weights", "plot_null", "plot_observed_predicted", "plot_reading", "plot_rest",
    "plot_roc", "plot_rotated", "plot_session_traces", "plot_sessions", "plot_significant_draws",
    "plot_sizes",
    "plot_strengths", "plot_structure", "plot_timeline", "plot_transfer", "plot_transfer_matrix",
    "plot_univariate", "plot_vertex_map", "plot_views", "session_colours",
]  # fmt: skip
