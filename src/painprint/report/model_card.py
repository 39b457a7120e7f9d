"""Model card of a signature: what it is for, what it was made of, how well it predicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.report.facts import LABELS, NOT_FOR, USE
from painprint.results.read import Results

PARTS = {
    "Training data": (
        "participant", "treatment", "outcome", "anchors", "instruction", "scanner", "field", "tr",
        "pipelines", "denoising", "runs", "frames", "bins",
    ),
    "Model": ("features", "model", "tuning", "output", "code", "seed"),
    "Evaluation": (
        "validation", "performance", "chance", "calibration", "confounds", "sensitivity",
        "prospective", "clusters",
    ),
    "Terms": ("registration", "ethics", "license", "doi"),
}  # fmt: skip
"""Facts of each part of the card."""


def model_card(results: Results, known: Mapping[str, str | None]) -> dict[str, Any]:
    """Contents of ``modelcard.json``; what is not given is null.

    Parameters
    ----------
    known : mapping
        As :func:`~painprint.report.facts.facts` returns it.
    """
    signature = results.files.decoding("signature", "")
    described = f"decoding/{signature.name}/signature.json"
    return {
        "name": f"sub-{results.files.participant}: brain signature of pain",
        "simulated": results.metrics["simulated"],
        "signature": signature.name,
        "signature_sha256": results.provenance["outputs"].get(described),
        "intended_use": USE,
        "not_intended": NOT_FOR,
        **{
            heading.lower().replace(" ", "_"): {name: known[name] for name in names}
            for heading, names in PARTS.items()
        },
    }


def as_markdown(card: Mapping[str, Any]) -> str:
    """The card as a text for people."""
    lines = [f"# {card['name']}", ""]
    if card["simulated"]:
        lines += ["**Simulated data. No person was scanned.**", ""]
    lines += [
        f"Signature: `{card['signature']}` (SHA-256 of its `signature.json`: "
        f"{card['signature_sha256'] or 'not known'})",
        "",
        f"## Intended use\n\n{card['intended_use']}",
        "",
        f"## Not intended\n\n{card['not_intended']}",
        "",
    ]
    for heading in PARTS:
        facts = card[heading.lower().replace(" ", "_")]
        lines += [f"## {heading}", ""]
        lines += [f"- {LABELS[name]}: {text or '*not given*'}" for name, text in facts.items()]
        lines += [""]
    return "\n".join(lines)
