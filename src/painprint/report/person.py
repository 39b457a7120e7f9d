"""What the page of a participant shows, as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
from jinja2 import UndefinedError

from painprint import wording
from painprint.report import calibration, figures, words
from painprint.report.carpets import bold_rows
from painprint.report.environment import make_environment
from painprint.report.glossary import OF_A_PERSON, glossary
from painprint.report.methods_text import methods_paragraph
from painprint.report.network_names import full_names
from painprint.report.overlays import BrainSection, region_titles
from painprint.report.registration import describe_registration
from painprint.report.reporting import reporting
from painprint.report.sections import NOT_INTERPRETABLE, arrange
from painprint.report.summary import summarise
from painprint.report.svg import Drawing, Drawn, inline
from painprint.report.transfer import MOST_DRAWN, Transfer
from painprint.report.viewer import viewer_data
from painprint.results.conclusion import conclude
from painprint.results.read import Results


def render_page(
    results: Results,
    wanted: Mapping[str, Drawing],
    drawn: Mapping[str, Drawn],
    transfer: Transfer,
    section: BrainSection | None = None,
) -> str:
    """The page as one self-contained text.

    Raises
    ------
    KeyError
        If a number is missing from the results.
    """
    titles = region_titles(section)
    images = {name: inline(d.svg, wanted[name].what, titles) for name, d in drawn.items()}
    page = make_environment().get_template("person.html")
    try:
        return page.render(
            participant=results.files.participant,
            metrics=results.metrics,
            audit=results.audit,
            provenance=results.provenance,
            images=images,
            cards=summarise(results),
            methods=methods_paragraph(results),
            reporting=reporting(results),
            registration=results.registration,
            registered=describe_registration(results.registration),
            calibration_text=words.calibration_sentences(results.metrics),
            selected=words.selected_sentences(results.metrics),
            runs=results.runs.to_dict(orient="records"),
            bold=bold_rows(results),
            cleaned_here=bool(results.bold_quality["tsnr"].notna().any()),
            quality=results.rating_quality.to_dict(orient="records"),
            range_is_unknown=bool(results.rating_quality["share_at_floor"].isna().any()),
            scale_names=figures.SCALE_NAMES,
            few_groups=wording.FEW_GROUPS,
            parts=arrange(results),
            is_shown=conclude(results.metrics).is_shown,
            not_interpretable=NOT_INTERPRETABLE,
            primary=results.primary,
            bins=results.bins,
            at_primary=partial(_at_primary, results),
            fewest_bins=_fewest_bins(results),
            calibration=calibration.sentence(),
            brain=section.brain if section else None,
            painted=section.painted if section else [],
            brain_data=viewer_data(section.brain, section.painted) if section else None,
            transfer=_records(transfer.rows),
            transfer_missing=transfer.missing,
            most_drawn=MOST_DRAWN,
            n_others=transfer.n_others,
            glossary=glossary(OF_A_PERSON, results.bins),
            network_names=full_names(_networks(results, section)),
        )
    except UndefinedError as error:
        raise KeyError(str(error)) from error


def _networks(results: Results, section: BrainSection | None) -> list[str]:
    """Labels of the networks that the page shows."""
    table = results.stage_tables.get("networkimportance")
    labels = [] if table is None else table["network"].tolist()
    return labels + ([] if section is None else list(section.brain.regions.networks))


def _fewest_bins(results: Results) -> int:
    """The smallest number of bins over which an r within a run or a group is defined."""
    tested = results.predictions[results.predictions["scale"] == results.primary]
    of_runs = tested.groupby(["session", "task", "run"], dropna=False).size()
    n_bins = pd.concat([of_runs, results.per_session["n_bins"]])
    return int(n_bins[n_bins > 1].min()) if (n_bins > 1).any() else 0


def _at_primary(results: Results, table: str) -> list[dict[Any, Any]]:
    """Rows of a stage's table, at the primary scale where it has several; empty without it."""
    rows = results.stage_tables.get(table)
    if rows is not None and "scale" in rows:
        rows = rows[rows["scale"] == results.primary]
    return _records(rows)


def _records(table: pd.DataFrame | None) -> list[dict[Any, Any]]:
    """Rows of a table; empty where there is no table."""
    return [] if table is None else table.to_dict(orient="records")
