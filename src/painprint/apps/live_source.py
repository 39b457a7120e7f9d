"""Where the volumes of a live reading come from."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

from painprint.apps.arguments import UsageError
from painprint.apps.new_runs import find_new_runs, match_person
from painprint.atlas.image import find_atlases, read_atlas
from painprint.bids.load import load_bold
from painprint.errors import DerivativesError
from painprint.live.lines import LineSource
from painprint.live.options import LiveOptions
from painprint.live.replay import Replay
from painprint.live.volume import Source, Volume
from painprint.signature.model import Signature
from painprint.signature.predict import was_trained_on
from painprint.store.reading import open_file

log = logging.getLogger("painprint")

STANDARD_INPUT, SOCKET = "stdin", "tcp:"
OWN_SIGNALS = "_live_timeseries.tsv"
NEEDS_EXTRA = (
    "`painprint live` needs the extra live ({} is missing): pip install 'painprint[live]'."
)


class Begun:
    """A source whose first volume has come, so that its repetition time is known.

    Parameters
    ----------
    source : Source
        Waited for.
    """

    def __init__(self, source: Source) -> None:
        self._source, self._volumes = source, iter(source)
        self._first = list(islice(self._volumes, 1))

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions."""
        return self._source.regions

    @property
    def tr_s(self) -> float | None:
        """Repetition time (s)."""
        return self._source.tr_s

    @property
    def dropped(self) -> dict[str, int]:
        """What was dropped, by reason."""
        return self._source.dropped

    def __iter__(self) -> Iterator[Volume]:
        """All volumes, the first one too."""
        return chain(self._first, self._volumes)


def find_source(
    signature: Signature,
    source: str | None,
    options: LiveOptions,
    *,
    is_continued: bool,
    is_over: Callable[[], bool],
) -> Callable[[], Source]:
    """What opens the source that was named: lines may have to be waited for.

    Parameters
    ----------
    is_continued : bool
        Whether the files of a folder that are there already are of the run.
    is_over : callable
        Whether the command was asked to end.

    Raises
    ------
    UsageError
        If it is no source, or there is more than one.
    DerivativesError
        If it cannot be used.
    """
    if (source is None) == (options.replay is None):
        raise UsageError(
            "`painprint live` needs one source: the folder that the scanner fills, stdin for lines "
            "of standard input, tcp:PORT for lines of a socket, or --replay with a finished run."
        )
    if options.replay is not None:
        replay = _replay(signature, options.replay, options)
        return lambda: replay
    assert source is not None
    if source == STANDARD_INPUT:
        return lambda: LineSource(sys.stdin)
    port = source.removeprefix(SOCKET)
    if source.startswith(SOCKET) and port.isdecimal():
        return lambda: LineSource(_lines_of_socket(int(port)))
    if Path(source).is_dir():
        folder = _folder(Path(source), options, is_continued=is_continued, is_over=is_over)
        return lambda: folder
    raise UsageError(
        f"{source!r} is no folder, and no other source. Give the folder that the scanner fills, "
        "stdin for lines of standard input, or tcp:PORT for lines of a socket of this computer; a "
        "finished run is given with --replay."
    )


def _folder(
    folder: Path, options: LiveOptions, *, is_continued: bool, is_over: Callable[[], bool]
) -> Source:
    """Volumes of a folder, averaged in the regions of an atlas on the scanner's grid."""
    from painprint.live.folder import FolderSource

    if options.atlas is None:
        raise UsageError(
            "a folder of volumes needs --atlas: an image of the regions on the grid of the "
            "scanner's images of today."
        )
    found = find_atlases(str(options.atlas), ())
    if len(found) != 1:
        raise UsageError(f"there is no atlas image {options.atlas} (--atlas). Check the path.")
    (image,) = found
    source: FolderSource

    def has_ended() -> bool:
        return is_over() or (source.has_begun and source.silent_s > options.end_after_s)

    try:
        source = FolderSource(
            folder, read_atlas(image), series=options.series, include_existing=is_continued,
            until=has_ended,
        )  # fmt: skip
    except ImportError as error:
        raise UsageError(NEEDS_EXTRA.format(error.name)) from error
    log.info("Waiting for the first volume of a new series in %s.", folder)
    return source


def _replay(signature: Signature, path: Path, options: LiveOptions) -> Source:
    if path.name.endswith(OWN_SIGNALS):
        with open_file(path) as file:
            return LineSource(file.read().decode().splitlines(keepends=True))
    files = find_new_runs([path])
    person = match_person(signature, files, allowed=options.other_person)
    bold = load_bold(files[0], options.tr_s)
    run = bold.as_run(files[0].key)
    if was_trained_on(signature, run.key) and not person.other:
        log.warning("%s: the signature was trained on this session: this is no test.", path.name)
    return Replay(run, speed=options.speed)


def _lines_of_socket(port: int) -> Iterator[str]:
    """Lines of the first program that connects to a port of this computer."""
    with socket.socket() as listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise DerivativesError(
                f"port {port} of this computer cannot be used ({error.strerror}). Choose another."
            ) from error
        listener.listen(1)
        log.info("Waiting for a program that connects to 127.0.0.1, port %d.", port)
        connection, _ = listener.accept()
    with connection, connection.makefile(encoding="utf-8", errors="replace") as lines:
        yield from lines
