"""The page, the figures and the texts of a participant, written from the output files alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from painprint.atlas.geometry import read_brain
from painprint.report import figures
from painprint.report.brain_views import BrainViews
from painprint.report.checklist import COLUMNS, checklist
from painprint.report.drawings import brain_drawings, drawings
from painprint.report.facts import facts
from painprint.report.methods_text import methods_paragraph
from painprint.report.model_card import as_markdown, model_card
from painprint.report.overlays import BrainSection, overlays
from painprint.report.person import render_page
from painprint.report.svg import Drawing, Drawn, draw_figure, write_figures
from painprint.report.transfer import Transfer
from painprint.results.read import Results
from painprint.store.files import write_json, write_table, write_text


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
        label = f"centred r {results.bins.at}"
        wanted["transfer"] = Drawing(
            "Centred r of several people's signatures on this person's ratings",
            partial(figures.plot_transfer, transfer.drawn, label=label),
        )
    drawn = {
        name: known[name] if name in known else draw_figure(name, drawing.draw, pdf=pdf)
        for name, drawing in wanted.items()
    }
    for old in files.figures():
        old.unlink()  # also those of an earlier run with other stages
    write_figures(files.figure, drawn)
    _write_texts(results)
    write_text(files.page, render_page(results, wanted, drawn, transfer, section))


def _write_texts(results: Results) -> None:
    """Write the works that the Methods cite, the checklist and the model card."""
    path, known = results.files.decoding, facts(results)
    write_text(path("references", ".bib"), methods_paragraph(results).bibtex)
    write_table(path("checklist", ".tsv"), checklist(known))
    described = {name: {"Description": text} for name, text in COLUMNS.items()}
    write_json(path("checklist", ".json"), described)
    card = model_card(results, known)
    write_json(path("modelcard", ".json"), card)
    write_text(path("modelcard", ".md"), as_markdown(card))
