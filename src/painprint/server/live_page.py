"""The page of a live reading, its events, and its last number for other programs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route

from painprint.live.probe import ProbedRating
from painprint.live.reader import LiveReading
from painprint.server.rating_page import rating_app
from painprint.server.template import page_of

WAIT_S = 2.0
"""Longest time without an event (s), so that a page sees that the program goes on."""
NO_PREDICTION = "nan"


def live_app(
    current: Callable[[], LiveReading | None], rating: ProbedRating | None = None
) -> Starlette:
    """The page of a reading at ``/``, its events at ``/events``, and the mean of the last minute as
    plain text at ``/get_prediction``: "nan" where there is no prediction.

    Parameters
    ----------
    current : callable
        Returns the reading; None before the first volume.
    rating : ProbedRating, optional
        Questions that the reading asks, on a page for the person at ``/rate/``.
    """

    async def page(_: Request) -> Response:
        reading = current()
        return page_of("waiting") if reading is None else live_page(reading)

    async def events(request: Request) -> Response:
        reading = current()
        if reading is None:
            return PlainTextResponse("no volume has come", status_code=503)
        first = request.headers.get("last-event-id", "0")
        number = int(first) if first.isdecimal() else 0
        return StreamingResponse(_events(reading, number, rating), media_type="text/event-stream")

    async def prediction(_: Request) -> Response:
        reading = current()
        row = None if reading is None else reading.latest()
        mean = None if row is None else row["mean"]
        return PlainTextResponse(NO_PREDICTION if mean is None else f"{mean:.9g}")

    routes: list[BaseRoute] = [
        Route("/", page),
        Route("/events", events),
        Route("/get_prediction", prediction),
    ]
    if rating is not None:
        routes.append(Mount("/rate", app=rating_app(rating)))
    return Starlette(routes=routes)


async def _events(
    reading: LiveReading, number: int, rating: ProbedRating | None
) -> AsyncIterator[str]:
    """Readings after the first ``number`` as server-sent events, several in one."""
    while True:
        rows, number, has_ended = await run_in_threadpool(reading.since, number, WAIT_S)
        content = {"rows": rows, "counts": reading.counts, "ended": has_ended}
        if reading.probes is not None and rating is not None:
            content |= {
                "asked": len(reading.probes.asked),
                "answers": [[a["onset"], a["rating"]] for a in reading.probes.answers],
                "rating_page": rating.has_page(),
            }
        yield f"id: {number}\ndata: {json.dumps(content, allow_nan=False)}\n\n"
        if has_ended and not rows:
            return


def live_page(reading: LiveReading) -> Response:
    """The page, which draws what comes as events."""
    signature = reading.scorer.signature
    about: dict[str, Any] = {
        "tr": reading.scorer.tr_s,
        "lag": signature.models[0].lag_s,
        "range": signature.rating_range,
        "history": reading.scorer.levels,
        "warmUp": reading.scorer.first_scored * reading.scorer.tr_s,
    }
    return page_of(
        "live",
        who=escape(f"sub-{signature.participant}" if signature.participant else "one person"),
        simulated="" if signature.simulated else "hidden",
        lag=f"{signature.models[0].lag_s:g}",
        about=json.dumps(about).replace("<", "\\u003c"),
    )
