"""Texts that are written with a participant's page."""

from __future__ import annotations

from painprint.report.methods import methods_paragraph
from painprint.results.read import Results
from painprint.store.files import write_text


def write_texts(results: Results) -> None:
    """Write the references of the Methods paragraph as BibTeX."""
    write_text(results.files.decoding("references", ".bib"), methods_paragraph(results).bibtex)
