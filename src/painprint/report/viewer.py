"""Data of the page's interactive brain: meshes, regions of their vertices, and overlays."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from painprint.atlas.brain import Brain, CorticalMesh
from painprint.report.overlays import AnyOverlay, Overlay

MOST_VERTICES = 65_535
"""Of an interactive hemisphere: its faces then fit 16 bits, and the page stays small."""
GAP_MM = 4.0
"""Between inflated hemispheres."""
STEPS = 12
"""Colours of an overlay's colour bar."""


def viewer_data(brain: Brain, painted: Sequence[AnyOverlay]) -> Markup:
    """Regions, overlays and, unless too large, meshes, as JSON for a script element."""
    interactive = brain.meshes and all(
        len(s.region) <= MOST_VERTICES for s in brain.meshes.values()
    )
    data = {
        "regions": [
            {"name": name, "network": network}
            for name, network in zip(brain.regions.names, brain.regions.networks, strict=True)
        ],
        "overlays": [_overlay(overlay, len(brain.regions.names)) for overlay in painted],
        "sheets": [_mesh(side, mesh) for side, mesh in brain.meshes.items()] if interactive else [],
    }
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _overlay(overlay: AnyOverlay, n_regions: int) -> dict[str, Any]:
    data = {
        "name": overlay.name,
        "title": overlay.title,
        "label": overlay.label,
        "colours": overlay.colours,
        "said": [overlay.value_text(region) for region in range(n_regions)],
    }
    if isinstance(overlay, Overlay):
        bar = [to_hex(overlay.colour_map(x)) for x in np.linspace(0, 1, STEPS)]
        low, high = overlay.ends
        below, above = overlay.beyond
        ends = [f"{'≤ ' if below else ''}{low:.3g}", f"{'≥ ' if above else ''}{high:.3g}"]
        ends = [end.replace("-", "−") for end in ends]
        return {**data, "bar": bar, "ends": ends}
    return {**data, "legend": overlay.legend}


def _mesh(side: str, mesh: CorticalMesh) -> dict[str, Any]:
    shapes = {}
    for name, vertices in mesh.shapes.items():
        xyz = np.asarray(vertices, dtype=float)
        if name != "folded":  # each hemisphere has its own origin: place them side by side
            edge = xyz[:, 0].max() if side == "L" else xyz[:, 0].min()
            xyz = xyz - [edge + (GAP_MM if side == "L" else -GAP_MM), 0, 0]
        step = float(np.abs(xyz).max()) / np.iinfo(np.int16).max
        shapes[name] = {"step": step, "vertices": _packed(xyz / step, np.int16)}
    return {
        "side": side,
        "shapes": shapes,
        "faces": _packed(mesh.faces, np.uint16),
        "region": _packed(mesh.region, np.int16),
    }


def _packed(values: NDArray[Any], kind: type[np.integer[Any]]) -> str:
    """Rounded values as little-endian integers in base64."""
    integers = np.rint(values).astype(np.dtype(kind).newbyteorder("<"))
    return b64encode(integers.tobytes()).decode()
