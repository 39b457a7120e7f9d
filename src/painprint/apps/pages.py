"""Write the pages of finished results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from painprint.apps.study import log
from painprint.errors import DerivativesError
from painprint.files.dataset import no_folder
from painprint.parcellate.individual_file import AreaFiles, find_area_results
from painprint.results.files import ParticipantFiles
from painprint.results.group import GroupFiles, read_group
from painprint.results.multiverse import MultiverseFiles, find_multiverses, read_multiverse
from painprint.results.provenance import versions
from painprint.results.read import Results, find_results, read_results
from painprint.results.record import changed_pages, read_record, record_pages
from painprint.store.lock import lock
from painprint.wording import duration

if TYPE_CHECKING:
    from painprint.report.svg import Drawn
    from painprint.report.transfer import Transfer

OfParticipant = TypeVar("OfParticipant", ParticipantFiles, MultiverseFiles, AreaFiles)
Page = tuple[str, partial[None]]
"""The name of what is locked while a page is written, and what writes it."""


def announce_page(name: str) -> Callable[[Path], None]:
    """Say that a page is being made; returns a function to call with its path when it is."""
    began = time.monotonic()
    log.info("%s: making the page", name)

    def written(page: Path) -> None:
        log.info("%s: page written: %s (%s)", name, page, duration(time.monotonic() - began))

    return written


@contextmanager
def _made_of(page: str, files: object, command: str) -> Iterator[None]:
    """Make a page of files; content that it cannot be made of is an error of the files."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise DerivativesError(
            f"{page} cannot be made of {files} ({error!r}). Run `{command}` again."
        ) from error


def write_group_page(files: GroupFiles, *, pdf: bool = False) -> None:
    """Write the page and figures of the group from its output files; with ``pdf``, PDF figures too.

    Raises
    ------
    DerivativesError
        If a file is missing or damaged, or participants were decoded again since.
    """
    from painprint.report.group import write_group_report

    results = read_group(files)
    written = announce_page("group")
    with _made_of("the group's page", files.table("*").parent, "painprint run ... group"):
        write_group_report(results, pdf=pdf)
    pages = [files.page, *files.figures()]
    record_pages(files.table("metrics", ".json"), pages, files.out_dir)
    written(files.page)


def write_page(
    files: ParticipantFiles, *, pdf: bool = False, transfer: Transfer | None = None
) -> None:
    """:func:`make_page`, told in the log with the headline."""
    written = announce_page(f"sub-{files.participant}")
    sentence = make_page(files, pdf=pdf, transfer=transfer)
    log.info("sub-%s: %s", files.participant, sentence)
    written(files.page)


def make_page(
    files: ParticipantFiles,
    *,
    pdf: bool = False,
    transfer: Transfer | None = None,
    redraw: bool = True,
) -> str:
    """Write the participant's page and figures from the output files, of which nothing is computed
    again; its headline.

    Parameters
    ----------
    pdf : bool
        Whether figures are written as PDF too.
    transfer : Transfer, optional
        Results of the group level. Default: those of the output folder.
    redraw : bool
        False to keep the figures that this version has drawn, but for that of the group.

    Raises
    ------
    DerivativesError
        If a file is missing, damaged, or of another version.
    """
    from painprint.report.html import write_report
    from painprint.report.transfer import find_group, transfer_to
    from painprint.report.words import headline

    results = read_results(files)
    if transfer is None:
        transfer = transfer_to(find_group(files.out_dir), files.participant)
    known = {} if redraw else _figures(results)
    with _made_of(f"sub-{files.participant}: the page", f"{files.stem}_*", "painprint run"):
        write_report(results, transfer, pdf=pdf, known=known)
        sentence = headline(results)
    pages = [files.page, *files.figures(), *files.texts()]
    record_pages(files.decoding("provenance", ".json"), pages, files.out_dir)
    return sentence


def _figures(results: Results) -> dict[str, Drawn]:
    """Figures of a page as they were drawn, by name, but for that of the group; none where one was
    changed since, or another version made them."""
    from painprint.report.svg import Drawn

    files, record = results.files, results.provenance
    if record["versions"] != versions() or changed_pages(record, files.out_dir) != []:
        return {}
    paths = [path for path in files.figures() if path.suffix == ".svg"]
    drawn = {path.stem.removeprefix(f"{files.stem}_"): path for path in paths}
    return {
        name: Drawn(path.read_bytes(), None) for name, path in drawn.items() if name != "transfer"
    }


def write_page_unless_made(
    files: OfParticipant, record: Path, write: Callable[[OfParticipant], None]
) -> None:
    """Write a page of a participant, unless it and its figures exist as the record says."""
    if changed_pages(read_record(record), files.out_dir) == []:
        log.info("sub-%s: page: %s", files.participant, files.page)
    else:
        write(files)


def write_multiverse_page(files: MultiverseFiles) -> None:
    """Write the page and the figure of a multiverse from its output files.

    Raises
    ------
    DerivativesError
        If a file is missing or damaged.
    """
    from painprint.report.multiverse import write_multiverse_report

    results = read_multiverse(files)
    written = announce_page(f"sub-{files.participant}")
    with _made_of(f"sub-{files.participant}: the page", files.record, "painprint multiverse"):
        sentence = write_multiverse_report(results)
    record_pages(files.record, [files.page, files.figure], files.out_dir)
    log.info("sub-%s: %s", files.participant, sentence)
    written(files.page)


def none_finished(out_dir: Path) -> DerivativesError:
    """The error of a folder without a finished participant."""
    is_output = find_results(out_dir.parent) or find_area_results(out_dir.parent)
    remedy = (
        f"Pass the output folder, {out_dir.parent}." if is_output else "Run `painprint run` first."
    )
    return DerivativesError(
        f"no finished participant in {out_dir} (sub-*/decoding/*_provenance.json). {remedy}"
    )


def count_failed(out_dir: Path, pages: Iterable[Page]) -> int:
    """Write pages; the number of those that could not be written, which are named in the log."""
    n_failed = 0
    for name, write in pages:
        try:
            with lock(out_dir, name):
                write()
        except DerivativesError as error:
            log.error("%s", error)
            n_failed += 1
    return n_failed


def _pages_of_decodings(out_dir: Path, *, pdf: bool) -> list[Page]:
    """Pages of finished participants, of the group, and of multiverses."""
    from painprint.report.transfer import find_group, transfer_to

    of_group, group = find_group(out_dir), GroupFiles(out_dir)
    pages = [
        (
            f"sub-{f.participant}",
            partial(write_page, f, pdf=pdf, transfer=transfer_to(of_group, f.participant)),
        )
        for f in find_results(out_dir)
    ]
    if group.table("metrics", ".json").is_file():
        pages.append(("group", partial(write_group_page, group, pdf=pdf)))
    multiverses = find_multiverses(out_dir)
    return pages + [
        (f"sub-{f.participant}", partial(write_multiverse_page, f)) for f in multiverses
    ]


def write_pages(out_dir: Path) -> int:
    """Write the pages of all finished participants, of their multiverses, and of the group.

    Returns
    -------
    n_failed : int
        Number of pages that could not be written; each is named in the log.

    Raises
    ------
    DerivativesError
        If there is no finished participant.
    """
    pages = _pages_of_decodings(out_dir, pdf=False)
    if not pages:
        raise none_finished(out_dir)
    return count_failed(out_dir, pages)


def write_all_pages(out_dir: Path, *, pdf: bool = False) -> int:
    """Write the pages of all individual parcellations and decodings, as :func:`write_pages`.

    With ``pdf``, figures are written as PDF too.

    Raises
    ------
    DerivativesError
        If there is neither, or no such folder.
    """
    from painprint.apps.parcellate import write_parcellation_pages

    if not out_dir.is_dir():
        raise DerivativesError(no_folder(out_dir))
    n_parcellated, n_failed = write_parcellation_pages(out_dir, pdf=pdf)
    pages = _pages_of_decodings(out_dir, pdf=pdf)
    if not pages and not n_parcellated:
        raise none_finished(out_dir)
    return n_failed + count_failed(out_dir, pages)
