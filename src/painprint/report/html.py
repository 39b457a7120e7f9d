"""One HTML page per participant, made from the output files alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from painprint import wording
from painprint.atlas.brain import Brain
from painprint.atlas.geometry import read_brain
from painprint.option_fields import flag
from painprint.report import calibration, figures, words
from painprint.report.brain_views import BrainViews
from painprint.report.carpets import bold_rows
from painprint.report.drawings import brain_drawings, drawings, transfer_drawing
from painprint.report.glossary import OF_A_PERSON, glossary
from painprint.report.methods_text import methods_paragraph
from painprint.report.network_names import full_names
from painprint.report.overlays import AnyOverlay, overlays
from painprint.report.registration import describe_registration
from painprint.report.reporting import reporting
from painprint.report.sections import NOT_INTERPRETABLE, arrange
from painprint.report.summary import summarise
from painprint.report.svg import Drawing, Drawn, draw_figure, inline
from painprint.report.texts import write_texts
from painprint.report.transfer import MOST_DRAWN, Transfer
from painprint.report.viewer import viewer_data
from painprint.results.conclusion import conclude
from painprint.results.read import Results
from painprint.store.files import write_bytes, write_text


@dataclass(frozen=True, eq=False)
class BrainSection:
    """The brain section of a page.

    Attributes
    ----------
    painted : list of Overlay or NetworkOverlay
        Maps that can be shown on it; the first is shown initially.
    """

    brain: Brain
    painted: list[AnyOverlay]


def write_report(
    results: Results,
    transfer: Transfer,
    *,
    pdf: bool = False,
    known: Mapping[str, Drawn] | None = None,
) -> None:
    """Write the participant's figures and page.

    Parameters
    ----------
    transfer : Transfer
        Several people's signatures on this person's ratings.
    pdf : bool
        Whether to write the figures also as PDF.
    known : mapping of str to Drawn, optional
        Figures that need not be drawn again, by name.
    """
    files, known = results.files, known or {}
    wanted = drawings(results)
    section = None
    brain = read_brain(files.decoding("dseg", ""), files.anat, files.participant)
    if brain is not None:
        section = BrainSection(brain, overlays(results, brain.regions))
        wanted |= brain_drawings(BrainViews(brain), section.painted, known)
    if transfer.drawn is not None:
        wanted["transfer"] = transfer_drawing(transfer.drawn, results.bins.at)
    drawn = {
        name: known[name] if name in known else draw_figure(name, drawing.draw, pdf=pdf)
        for name, drawing in wanted.items()
    }
    for old in files.figures():
        old.unlink()  # also those of an earlier run with other stages
    write_figures(files.figure, drawn)
    write_texts(results)
    write_text(files.page, render_page(results, wanted, drawn, transfer, section))


def write_figures(path_of: Callable[[str, str], Path], drawn: Mapping[str, Drawn]) -> None:
    """Write every figure in the formats it was drawn in.

    Parameters
    ----------
    path_of : callable
        Returns the path for a name and an extension.
    """
    for name, figure in drawn.items():
        write_bytes(path_of(name, ".svg"), figure.svg)
        if figure.pdf is not None:
            write_bytes(path_of(name, ".pdf"), figure.pdf)


def make_environment() -> Environment:
    """Templates with the filters that pages use."""
    environment = Environment(
        loader=PackageLoader("painprint.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=wording.number,
        span=wording.span,
        estimate=wording.estimate,
        p=wording.p_value,
        rounded=wording.rounded,
        cell=_cell,
        flag=flag,
    )
    environment.globals.update(script=_script, tables=set(environment.list_templates()))
    return environment


def _script(name: str) -> Markup:
    """A script of the package, to be embedded in the page."""
    return Markup(package_files("painprint.report").joinpath("templates", name).read_text("utf-8"))


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
    try:
        return (
            make_environment()
            .get_template("person.html")
            .render(
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
        )
    except UndefinedError as error:
        raise KeyError(str(error)) from error


def _networks(results: Results, section: BrainSection | None) -> list[str]:
    """Labels of the networks that the page shows."""
    table = results.stage_tables.get("networkimportance")
    labels = [] if table is None else table["network"].tolist()
    return labels + ([] if section is None else list(section.brain.regions.networks))


def region_titles(section: BrainSection | None) -> dict[int, str]:
    """Tooltip of each region's outline: name, network and value."""
    if section is None:
        return {}
    regions, first = section.brain.regions, section.painted[0]
    titles = {}
    for index, (name, network) in enumerate(zip(regions.names, regions.networks, strict=True)):
        value = first.value_text(index)
        titles[index] = f"{name}, {network or 'no network'}" + (f": {value}" if value else "")
    return titles


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


def _cell(value: Any, digits: int = 2) -> str:
    """Text of a table cell: n/a for missing values, integers without decimals."""
    if value is None or value != value or value == "":
        return wording.MISSING
    if isinstance(value, float) and value != int(value):
        return wording.number(value, digits)
    return str(int(value)) if isinstance(value, float) else str(value)
