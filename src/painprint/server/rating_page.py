"""The page of the rating task, and what it sends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from painprint.rating_task.batch import InvalidBatch, checked_batch
from painprint.rating_task.seat import Verdict
from painprint.rating_task.task import TEXT_NAMES, RatingTask
from painprint.server.template import page_of

STATUS = {"kept": 200, "elsewhere": 409, "late": 410}
"""HTTP status of a batch, by what became of it."""


class Rated(Protocol):
    """What a page shows and sends to: a run of the task, or the questions of a live reading."""

    @property
    def task(self) -> RatingTask: ...

    def take(self, batch: Mapping[str, Any]) -> Verdict: ...

    def reply(self) -> dict[str, Any]: ...

    def state(self) -> dict[str, Any]: ...


def rating_app(run: Rated) -> Starlette:
    """The page of a run at ``/``, its state at ``/state``, and its batches to ``/batch``."""

    async def page(_: Request) -> Response:
        return rating_page(run.task)

    async def state(_: Request) -> Response:
        return JSONResponse(run.state())

    async def batch(request: Request) -> Response:
        try:
            content = checked_batch(json.loads(await request.body()))
        except InvalidBatch as error:
            return JSONResponse({"error": f"invalid: {error}"}, status_code=400)
        except (ValueError, RecursionError):
            return JSONResponse({"error": "invalid JSON"}, status_code=400)
        try:
            verdict = await run_in_threadpool(run.take, content)
        except OSError as error:  # the page keeps the batch, and sends it again
            return JSONResponse({"error": error.strerror or "cannot be written"}, status_code=507)
        return JSONResponse(run.reply(), status_code=STATUS[verdict])

    return Starlette(
        routes=[
            Route("/", page),
            Route("/state", state),
            Route("/batch", batch, methods=["POST"]),
        ]
    )


def rating_page(task: RatingTask) -> Response:
    """The page: its texts, colours and keys are those of the task, which is complete."""
    texts = {name: escape(getattr(task, name)) for name in TEXT_NAMES}
    return page_of(
        "rating",
        **{**texts, "instruction": texts["instruction"].strip()},
        direction="rtl" if task.right_to_left else "ltr",
        background=task.background_colour,
        ink=task.text_colour,
        mark=task.mark_colour,
        minimum=f"{task.lowest:g}",
        maximum=f"{task.highest:g}",
        task=json.dumps(asdict(task)).replace("<", "\\u003c"),
    )
