"""Which requests a local server answers: from this computer's own pages, with the token."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKEN_HEADER = b"x-painprint-token"
LARGEST_BODY = 256 * 1024
"""Upper limit for the body of a request (bytes)."""
MOST_RECEIVED = 16 * LARGEST_BODY
"""Bytes after which a body that is too large is cut off."""
LONGEST_BODY_S = 10.0
"""Time in which the body of a request must have come (s)."""
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
"""Of every answer."""


class Guard:
    """Refuses every request that does not come from a page of this server.

    A page of another site can make a browser send requests to this computer: such a request has a
    foreign Origin, or, by way of a name that leads here, a foreign Host; and it has no token.

    Parameters
    ----------
    token : str
        In the query of an address, or the header X-Painprint-Token.
    """

    def __init__(self, app: App, token: str) -> None:
        self.app, self.token = app, token
        self.hosts: frozenset[bytes] = frozenset()
        """Allowed Host headers, known with the port."""

    def listen_at(self, port: int) -> None:
        """Say at which port the server is."""
        names = ("127.0.0.1", "localhost")
        self.hosts = frozenset(f"{name}:{port}".encode() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        refused = self._refusal(scope)
        try:
            # of a refused request too: who still sends would not get the answer
            body = await asyncio.wait_for(_whole_body(receive), LONGEST_BODY_S)
        except TimeoutError:
            await _answer(send, 408, "The request did not come in time.")
            return
        if refused is not None:
            await _answer(send, *refused)
            return
        if body is None:
            await _answer(send, 413, "The request is too large.")
            return
        await self.app(scope, _once(body, receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = dict(scope["headers"])
        if headers.get(b"host", b"").lower() not in self.hosts:
            return 421, "This server answers on 127.0.0.1 only."
        origin = headers.get(b"origin")
        if origin is not None and origin.lower() not in {b"http://" + host for host in self.hosts}:
            return 403, "Requests of other pages are refused."
        if headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
            return 403, "Requests of other pages are refused."
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
        given = headers.get(TOKEN_HEADER) or query.get("token", [""])[0].encode("utf-8", "replace")
        if not secrets.compare_digest(given, self.token.encode()):
            return 403, "The address lacks the token. Open it as the program printed it."
        return None


async def _whole_body(receive: Receive) -> bytes | None:
    """The body of a request; None if it is too large. It is received to its end then, too, if that
    is not far, but not kept: who still sends would not get the answer."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= LARGEST_BODY:
            parts.append(part)
        if size > MOST_RECEIVED:
            return None
        if not message.get("more_body"):
            return b"".join(parts) if size <= LARGEST_BODY else None


def _once(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already, then whatever comes."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return waiting.pop() if waiting else await receive()

    return give


def _with_headers(send: Send) -> Send:
    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    return forward


async def _answer(send: Send, status: int, text: str) -> None:
    """Refuse a request with a sentence, and close the connection."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *HEADERS]})
    await send({"type": "http.response.body", "body": text.encode()})
