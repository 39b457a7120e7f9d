"""What the page's brain view needs: one mesh, the regions of its vertices, and many overlays."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from painprint.atlas.brain import Brain, Sheet
from painprint.report.overlays import AnyOverlay, Overlay

MOST_VERTICES = 65_535
"""Of a hemisphere that can be turned: its faces then fit 16 bits, and the page stays small."""
GAP_MM = 4.0
"""Between hemispheres that would touch."""
STEPS = 12
"""Colours of the bar that explains an overlay."""


def viewer_data(brain: Brain, painted: Sequence[AnyOverlay]) -> Markup:
    """Regions, overlays and, where it is not too large, the mesh, as JSON for a script element."""
    turnable = brain.sheets and all(len(s.region) <= MOST_VERTICES for s in brain.sheets.values())
    data = {
        "regions": [
            {"name": name, "network": network}
            for name, network in zip(brain.regions.names, brain.regions.networks, strict=True)
        ],
        "overlays": [_overlay(one, len(brain.regions.names)) for one in painted],
        "sheets": [_sheet(side, one) for side, one in brain.sheets.items()] if turnable else [],
    }
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _overlay(overlay: AnyOverlay, n_regions: int) -> dict[str, Any]:
    said = {
        "name": overlay.name,
        "title": overlay.title,
        "label": overlay.label,
        "colours": overlay.colours,
        "said": [overlay.said(place) for place in range(n_regions)],
    }
    if isinstance(overlay, Overlay):
        bar = [to_hex(overlay.colour_map(x)) for x in np.linspace(0, 1, STEPS)]
        low, high = overlay.ends
        below, above = overlay.beyond
        ends = [f"{'≤ ' if below else ''}{low:.3g}", f"{'≥ ' if above else ''}{high:.3g}"]
        return {**said, "bar": bar, "ends": ends}
    return {**said, "legend": overlay.legend}


def _sheet(side: str, sheet: Sheet) -> dict[str, Any]:
    shapes = {}
    for name, vertices in sheet.shapes.items():
        placed = np.asarray(vertices, dtype=float)
        if name != "folded":  # each hemisphere has its own origin: lay them side by side
            edge = placed[:, 0].max() if side == "L" else placed[:, 0].min()
            placed = placed - [edge + (GAP_MM if side == "L" else -GAP_MM), 0, 0]
        step = float(np.abs(placed).max()) / np.iinfo(np.int16).max
        shapes[name] = {"step": step, "vertices": _packed(placed / step, np.int16)}
    return {
        "side": side,
        "shapes": shapes,
        "faces": _packed(sheet.faces, np.uint16),
        "region": _packed(sheet.region, np.int16),
    }


def _packed(values: NDArray[Any], kind: type[np.integer[Any]]) -> str:
    """Whole numbers, little-endian, in base64."""
    whole = np.rint(values).astype(np.dtype(kind).newbyteorder("<"))
    return b64encode(whole.tobytes()).decode()
