"""Figures: functions that draw results and return Axes; they compute nothing.

Every figure of the pages is drawn by one of them, in the widths of a journal's columns
(:data:`SINGLE`, :data:`DOUBLE`) and with the Matplotlib settings :data:`STYLE`. Each names the
output file whose contents it takes. What is the same in all of them: ``ax`` are the Axes to draw
on, by default those of a new figure; ``label`` is that of the axis, or colour bar, of the values;
``metrics`` and ``scale`` are those of the primary scale; ``unit`` (or ``leave_out``) is what was
held out.
"""

from painprint.report.figures.areas import plot_rotated, plot_sizes, plot_vertex_map
from painprint.report.figures.brain import plot_views
from painprint.report.figures.carriers import (
    plot_network_weights,
    plot_strengths,
    plot_structure,
    plot_univariate,
)
from painprint.report.figures.estimates import plot_estimates, plot_importance, plot_variants
from painprint.report.figures.evidence import (
    plot_error_ahead,
    plot_future,
    plot_learning_curve,
    plot_motion_distance,
    plot_null,
    plot_prior_curve,
    plot_rest,
    plot_significant_draws,
)
from painprint.report.figures.multiverse import plot_specification_curve
from painprint.report.figures.overview import plot_overview
from painprint.report.figures.people import (
    plot_identification,
    plot_reading,
    plot_similarity,
    plot_transfer,
    plot_transfer_matrix,
)
from painprint.report.figures.performance import (
    plot_calibration,
    plot_observed_predicted,
    plot_roc,
    plot_sessions,
)
from painprint.report.figures.sessions import plot_months, plot_session_traces, plot_timeline
from painprint.report.figures.style import DOUBLE, SCALE_NAMES, SINGLE, STYLE, new_axes

__all__ = [
    "DOUBLE", "SCALE_NAMES", "SINGLE", "STYLE", "new_axes", "plot_calibration", "plot_error_ahead",
    "plot_estimates", "plot_future", "plot_identification", "plot_importance",
    "plot_learning_curve", "plot_prior_curve", "plot_months", "plot_motion_distance",
    "plot_network_weights", "plot_null", "plot_observed_predicted", "plot_overview",
    "plot_reading", "plot_rest", "plot_roc", "plot_rotated", "plot_session_traces",
    "plot_sessions", "plot_significant_draws", "plot_similarity", "plot_sizes",
    "plot_specification_curve", "plot_strengths", "plot_structure", "plot_timeline",
    "plot_transfer", "plot_transfer_matrix", "plot_univariate", "plot_variants",
    "plot_vertex_map", "plot_views",
]  # fmt: skip
