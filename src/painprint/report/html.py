"""The page and the figures of a participant, written from the output files alone."""

from __future__ import annotations

from collections.abc import Mapping

from painprint.atlas.geometry import read_brain
from painprint.report.brain_section import BrainSection
from painprint.report.brain_views import BrainViews
from painprint.report.drawings import brain_drawings, drawings, transfer_drawing
from painprint.report.overlays import overlays
from painprint.report.person import render_page
from painprint.report.svg import Drawn, draw_figure, write_figures
from painprint.report.texts import write_texts
from painprint.report.transfer import Transfer
from painprint.results.read import Results
from painprint.store.files import write_text


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
