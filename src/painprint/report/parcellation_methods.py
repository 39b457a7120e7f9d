"""The Methods paragraph of an individual parcellation, from its settings and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.report.methods_text import describe_regression
from painprint.wording import plural
from painprint.works import CitedText

NAMED = {
    "communities": "Communities were detected by Infomap at twelve edge densities and named by "
    "their overlap with the networks of a group template; an area has the name from the sparsest "
    "graph that gives one.",
    "overlap": "Each area was given the network of a group template that contains most of its "
    "vertices.",
    "numbers": "Communities were detected by Infomap and numbered; an area has the community of "
    "most of its vertices.",
    "none": "",
}
"""How areas were named, by the way; empty where they have no names."""


def methods_paragraph(metrics: Mapping[str, Any]) -> CitedText:
    """The Methods paragraph, from the contents of a parcellation's ``metrics.json``."""
    sentences = [
        _data(metrics),
        _denoising(metrics),
        *_areas(metrics),
        NAMED[metrics["networks"]["way"]],
        *_evaluation(metrics),
    ]
    return CitedText(" ".join(filter(None, sentences)))


def _data(metrics: Mapping[str, Any]) -> str:
    return (
        f"{'Simulated resting scans' if metrics['simulated'] else 'Resting scans'} of one "
        f"participant ({metrics['n_frames']:,} frames in {plural(metrics['n_runs'], 'run')} of "
        f"{plural(metrics['n_sessions'], 'session')}, {metrics['minutes']:.0f} min after "
        f"censoring) were parcellated with painprint "
        f"{metrics['provenance']['versions']['painprint']} by boundary mapping "
        "[@laumann2015; @gordon2016]."
    )


def _denoising(metrics: Mapping[str, Any]) -> str:
    settings = {name: row["value"] for name, row in metrics["provenance"]["settings"].items()}
    kept = metrics["share_of_variance"]
    components = (
        f"; principal components with {100 * kept:.0f}% of the variance replaced the frames"
        if kept < 1 - 1e-6
        else ""
    )
    return (
        f"From each run, {describe_regression(settings, settings['rest_low_pass_hz'])}. Runs were "
        f"centred and concatenated{components}."
    )


def _areas(metrics: Mapping[str, Any]) -> list[str]:
    similarity = metrics["similarity"]
    how = (
        " after Fisher's z"
        if similarity["kind"] == "exact"
        else f", in its closed form without Fisher's z (rank {similarity['rank']})"
    )
    return [
        "The similarity of two vertices is the correlation of their connectivity maps"
        f"{how}. Gradients of the maps of {similarity['n_seeds']:,} vertices along the person's "
        "midthickness surfaces were smoothed (6 mm FWHM) and segmented by a watershed from their "
        "minima, and the boundaries were averaged over maps.",
        "Areas are the watershed regions of this map, merged across borders below its median, "
        "without vertices above its 75th percentile; areas below 30 vertices were merged, and "
        f"those below 10 excluded, which left {plural(metrics['n_areas'], 'area')}.",
    ]


def _evaluation(metrics: Mapping[str, Any]) -> list[str]:
    """How reproducibility and homogeneity were assessed, as far as they were."""
    sentences = []
    if metrics["halves"]:
        sentences.append(
            "For split-half reliability, odd and even sessions were parcellated separately and "
            "compared by the adjusted Rand index."
        )
    tested = metrics["homogeneity"].get("individual")
    if tested is not None and tested["z"] is not None:
        sentences.append(
            "The homogeneity of areas was compared with that of the same areas rotated on the "
            f"sphere (spin test, {tested['n_turns']} rotations)."
        )
    return sentences
