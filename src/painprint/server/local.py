"""A server for pages on this computer, which runs in a thread of its own."""

from __future__ import annotations

import logging
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from painprint.errors import DerivativesError
from painprint.server.guard import App, Guard

HOST = "127.0.0.1"
FIRST_REQUEST_S = 10.0
"""Time in which a connection must have sent its first request (s)."""
LARGEST_HEADERS = 16 * 1024
START_S = 10.0
"""Time in which the server must answer (s)."""


class ImpatientProtocol(H11Protocol):
    """HTTP that closes a connection over which no whole request has come for a while."""

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.loop.call_later(FIRST_REQUEST_S, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.scope is None and not self.transport.is_closing():
            self.transport.close()


@dataclass(frozen=True)
class Address:
    """Where the server is.

    Attributes
    ----------
    token : str
        Needed in every request.
    """

    port: int
    token: str

    def url(self, path: str = "/") -> str:
        """Address of a page."""
        return f"http://{HOST}:{self.port}{path}?token={self.token}"


@contextmanager
def serve(app: App, port: int = 0, token: str = "") -> Iterator[Address]:
    """Serve an application on 127.0.0.1 until the ``with`` ends.

    Parameters
    ----------
    port : int
        0 for one that is free.
    token : str
        That of a server before, whose pages are to go on; empty for a new one.

    Raises
    ------
    DerivativesError
        If the port is taken or may not be used.
    """
    token = token or secrets.token_urlsafe(24)
    guard = Guard(app, token)
    listener = _listen(port)
    address = Address(listener.getsockname()[1], token)
    guard.listen_at(address.port)
    config = uvicorn.Config(
        guard, http=ImpatientProtocol, ws="none", lifespan="off", access_log=False, log_config=None,
        server_header=False, date_header=False, timeout_keep_alive=75,
        timeout_graceful_shutdown=1, h11_max_incomplete_event_size=LARGEST_HEADERS,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="server", daemon=True
    )
    thread.start()
    try:
        _wait_for(server, thread)
        yield address
    finally:
        # a page that listens for events is cut off, of which the server would print a traceback
        server_log = logging.getLogger("uvicorn.error")
        level = server_log.level
        server_log.setLevel(logging.CRITICAL + 1)
        server.should_exit = True
        thread.join(timeout=5)
        server_log.setLevel(level)
        listener.close()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise DerivativesError(
            f"port {port} of this computer cannot be used ({error.strerror}). Choose another with "
            "--port, or leave it out for one that is free."
        ) from error
    return listener


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    began = time.monotonic()
    while not server.started:
        if not thread.is_alive() or time.monotonic() - began > START_S:
            raise DerivativesError("the local server did not start. Run the command again.")
        time.sleep(0.01)
