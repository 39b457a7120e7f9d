"""Where the readings of a run go while it is read: a page, and the lab streaming layer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from painprint.apps.arguments import UsageError
from painprint.apps.live_source import NEEDS_EXTRA
from painprint.errors import DerivativesError
from painprint.live.options import LiveOptions
from painprint.live.probe import ProbedRating
from painprint.live.reader import LiveReading


@contextmanager
def serve_page(
    current: Callable[[], LiveReading | None], rating: ProbedRating | None, options: LiveOptions
) -> Iterator[None]:
    """Serve the page while the run is read."""
    if options.no_page:
        yield
        return
    try:
        from painprint.server.live_page import live_app
        from painprint.server.local import serve
    except ImportError as error:
        raise UsageError(f"{NEEDS_EXTRA.format(error.name)} Or pass --no-page.") from error
    kept = options.out / f".{options.name}_live_address"
    port, token = _address_before(kept)
    with ExitStack() as stack:
        try:
            address = stack.enter_context(
                serve(live_app(current, rating), options.port or port, token)
            )
        except DerivativesError:
            if options.port or not port:
                raise
            address = stack.enter_context(
                serve(live_app(current, rating))
            )  # that of before is taken
        _keep_address(kept, address.port, address.token)
        stack.callback(kept.unlink, missing_ok=True)
        print(
            f"The reading is shown at\n  {address.url()}\nOther programs get the last number at\n"
            f"  {address.url('/get_prediction')}",
            flush=True,
        )
        if rating is not None:
            print(f"The participant rates at\n  {address.url('/rate/')}", flush=True)
        if options.open_page:
            import webbrowser

            webbrowser.open(address.url())
        yield


def _address_before(path: Path) -> tuple[int, str]:
    """Port and token of a program that was killed, so that its pages go on; 0 and "" without."""
    try:
        port, token = path.read_text(encoding="ascii").split()
        return int(port), token
    except (OSError, ValueError):  # there is none, or none that can be used
        return 0, ""


def _keep_address(path: Path, port: int, token: str) -> None:
    """Write port and token where only the user can read them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{port} {token}\n")


@contextmanager
def stream_to_lsl(reading: LiveReading, options: LiveOptions) -> Iterator[None]:
    """Send what is read to the lab streaming layer, too, if that was asked for."""
    if not options.lsl:
        yield
        return
    from painprint.live.outlet import Outlet

    try:
        outlet = Outlet(reading)
    except (ImportError, RuntimeError) as error:  # pylsl without its library is a RuntimeError
        raise UsageError(f"--lsl needs pylsl: pip install 'painprint[lsl]' ({error}).") from error
    yield
    outlet.close()
