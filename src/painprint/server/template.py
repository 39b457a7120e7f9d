"""Pages from the templates in ``pages/``."""

from __future__ import annotations

import secrets
from importlib.resources import files
from string import Template

from starlette.responses import HTMLResponse


def page_of(name: str, **values: str) -> HTMLResponse:
    """The page of a template; it runs the script of that name, if any, and loads nothing else."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    folder = files("painprint.server").joinpath("pages")
    html, script = (folder.joinpath(f"{name}.{ending}") for ending in ("html", "js"))
    text = Template(html.read_text("utf-8")).substitute(
        values, nonce=nonce, script=script.read_text("utf-8") if script.is_file() else ""
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})
