"""Texts that are written with a participant's page."""

from __future__ import annotations

from painprint.report.checklist import COLUMNS, checklist
from painprint.report.facts import facts
from painprint.report.methods_text import methods_paragraph
from painprint.report.model_card import as_markdown, model_card
from painprint.results.read import Results
from painprint.store.files import write_json, write_table, write_text


def write_texts(results: Results) -> None:
    """Write the works that the Methods cite, the checklist and the model card."""
    path, known = results.files.decoding, facts(results)
    write_text(path("references", ".bib"), methods_paragraph(results).bibtex)
    write_table(path("checklist", ".tsv"), checklist(known))
    described = {name: {"Description": text} for name, text in COLUMNS.items()}
    write_json(path("checklist", ".json"), described)
    card = model_card(results, known)
    write_json(path("modelcard", ".json"), card)
    write_text(path("modelcard", ".md"), as_markdown(card))
