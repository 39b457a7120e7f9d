"""One figure of several panels, for a paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_lowercase
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from painprint.report.figures.style import DOUBLE, LARGE

TALL, SHORT = 2.8, 2.2
"""Heights (inches) of a row of panels and of the wide one above them."""
IN_A_ROW = 2


class Panel(Protocol):
    """A function of this package with its results, which draws on given Axes."""

    def __call__(self, *, ax: Axes | None = None) -> Axes: ...


def plot_overview(
    wide: Panel, panels: Sequence[Panel], *, figure: Figure | None = None
) -> list[Axes]:
    """A wide panel, and beneath it smaller ones, two in a row, with letters.

    Parameters
    ----------
    wide : callable
        Such as ``partial(plot_timeline, rows)``.
    panels : sequence of callable
        The others, from left to right and from top to bottom.
    figure : Figure, optional
        Empty, with constrained layout.

    Returns
    -------
    panels : list of Axes
        In the order of their letters.
    """
    n_rows = -(-len(panels) // IN_A_ROW)
    if figure is None:
        figure = Figure(figsize=(DOUBLE, SHORT + TALL * n_rows), layout="constrained")
    rows = figure.subfigures(1 + n_rows, 1, height_ratios=[SHORT, *[TALL] * n_rows], squeeze=False)
    parts = [rows[0, 0]]
    for row in range(n_rows):
        n_columns = min(IN_A_ROW, len(panels) - row * IN_A_ROW)
        parts += list(rows[row + 1, 0].subfigures(1, n_columns, squeeze=False)[0])
    drawn = []
    draw: Callable[..., Axes]
    for letter, part, draw in zip(ascii_lowercase, parts, (wide, *panels), strict=False):
        drawn.append(draw(ax=part.add_subplot()))
        part.suptitle(letter, x=0.01, ha="left", weight="bold", fontsize=LARGE)
    return drawn
