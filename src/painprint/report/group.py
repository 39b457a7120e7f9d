"""The page of several people, made from the output files of the group level alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from painprint.io.group import GroupResults
from painprint.io.store import write_bytes, write_text
from painprint.report import figures, words
from painprint.report.html import inline, make_environment, svg


def write_group_report(results: GroupResults) -> None:
    """Write the group's figures (SVG) and page."""
    drawn = {name: svg(name, draw) for name, draw in _figures(results).items()}
    for name in ("transfer", "identification"):
        if name in drawn:
            write_bytes(results.files.figure(name), drawn[name])
        else:
            results.files.figure(name).unlink(missing_ok=True)
    write_text(results.files.page, render_group(results, drawn))


def _figures(results: GroupResults) -> dict[str, Callable[[], Axes]]:
    drawn: dict[str, Callable[[], Axes]] = {}
    minutes = _minutes(results)
    if minutes["model"].nunique() > 1:
        drawn["transfer"] = lambda: figures.plot_transfer(minutes)
    if results.metrics["identified"]:
        drawn["identification"] = lambda: figures.plot_identification(results.metrics["identified"])
    return drawn


def render_group(results: GroupResults, drawn: Mapping[str, bytes]) -> str:
    """The page as one self-contained text."""
    minutes = _minutes(results)
    rows = minutes.astype(object).where(minutes.notna(), None).to_dict(
        orient="records"
    )  # fmt: skip
    return (
        make_environment()
        .get_template("group.html")
        .render(
            metrics=results.metrics,
            rows=rows,
            images={name: inline(image) for name, image in drawn.items()},
            few_groups=words.FEW_GROUPS,
            headline=words.group_headline(results.metrics),
        )
    )


def _minutes(results: GroupResults) -> pd.DataFrame:
    """Rows at 1 min; without the intervals of people with few groups, which mean little."""
    minutes = results.tables["transfer"].query("scale == '1min'").copy()
    few = [p["name"] for p in results.metrics["participants"] if p["n_groups"] < words.FEW_GROUPS]
    ends = [f"{name}_{end}" for name in ("centred_r", "skill") for end in ("low", "high")]
    minutes.loc[minutes["person"].isin(few), ends] = np.nan
    return minutes
