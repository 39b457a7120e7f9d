"""Page of an individual parcellation, from the output files alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from painprint import wording
from painprint.atlas.brain import Brain
from painprint.atlas.geometry import read_brain
from painprint.cortex.settings import ADVISED_MIN
from painprint.files.labels import read_cortex_maps
from painprint.parcellate.individual_file import AreaResults
from painprint.report import figures
from painprint.report.brain_views import BrainViews
from painprint.report.drawings import brain_drawings
from painprint.report.html import BrainSection, make_environment, region_titles, write_figures
from painprint.report.methods import NUISANCE
from painprint.report.overlays import AnyOverlay, NetworkOverlay, Overlay
from painprint.report.summary import Card
from painprint.report.svg import Drawing, draw_figure, inline
from painprint.report.viewer import viewer_data
from painprint.store.files import write_text
from painprint.wording import SIGNIFICANT

RELIABILITY = ((0.7, "good", "Yes"), (0.4, "caution", "In part"), (-1.0, "bad", "Hardly"))
"""Thresholds of the adjusted Rand index of the halves for each answer; a convention."""
MOST_CANDIDATES = 10


def write_parcellation_report(results: AreaResults, *, pdf: bool = False) -> None:
    """Write the page and its figures, optionally as PDF too.

    Raises
    ------
    DerivativesError
        If a file is corrupted.
    """
    files = results.files
    brain = read_brain(files.path("dseg", ""), files.folder, files.participant)
    assert brain is not None  # surfaces were written with the areas
    painted = _overlays(brain, results.areas)
    section = BrainSection(brain, painted)
    drawings = _drawings(results, BrainViews(brain), painted)
    drawn = {name: draw_figure(name, d.draw, pdf=pdf) for name, d in drawings.items()}
    for old in files.figures():
        old.unlink()
    write_figures(files.figure, drawn)
    titles = region_titles(section)
    images = {name: inline(d.svg, drawings[name].what, titles) for name, d in drawn.items()}
    metrics = results.metrics
    candidates = results.scan
    if candidates is not None:
        candidates = candidates.head(MOST_CANDIDATES)
    page = (
        make_environment()
        .get_template("parcellation.html")
        .render(
            metrics=metrics,
            provenance=metrics["provenance"],
            homogeneity=metrics["homogeneity"],
            cards=summarise(metrics),
            methods=methods_paragraph(metrics),
            images=images,
            brain=brain,
            painted=painted,
            brain_data=viewer_data(brain, painted),
            scan=None if candidates is None else candidates.to_dict(orient="records"),
        )
    )
    write_text(files.page, page)


def _overlays(brain: Brain, areas: pd.DataFrame) -> list[AnyOverlay]:
    """What is painted on the brain; the first is shown."""
    return [
        NetworkOverlay(brain.regions),
        Overlay(
            "homogeneity", "Homogeneity",
            "share of the variance of an area's connectivity explained by one component",
            areas["homogeneity"].to_numpy(float),
        ),
        Overlay("area", "Size", "area (mm²)", areas["area_mm2"].to_numpy(float)),
    ]  # fmt: skip


def _drawings(
    results: AreaResults, views: BrainViews, painted: list[AnyOverlay]
) -> dict[str, Drawing]:
    """Figures of the page, by name."""
    density = read_cortex_maps(results.files.path("boundaries", ".dscalar.nii"))["density"]
    drawings = {
        **brain_drawings(views, painted),
        "boundaries": Drawing(
            "Boundary map on the cortex",
            partial(
                figures.plot_vertex_map, views.pictures, density,
                "share of maps in which a vertex lies on a boundary",
            ),
        ),
        "sizes": Drawing("Sizes of areas", partial(figures.plot_sizes, results.areas)),
    }  # fmt: skip
    if len(results.homogeneity):
        drawings["turned"] = Drawing(
            "Homogeneity of areas and of the same areas rotated",
            partial(figures.plot_rotated, results.homogeneity),
        )
    return drawings


def summarise(metrics: Mapping[str, Any]) -> list[Card]:
    """Cards with the main results of a parcellation."""
    return [
        _reproducibility(metrics), _homogeneity(metrics), _amount(metrics), _networks(metrics),
    ]  # fmt: skip


def _reproducibility(metrics: Mapping[str, Any]) -> Card:
    question = "Are the areas reproducible?"
    if not metrics["halves"]:
        return Card(question, "Not known", metrics["no_halves"], "", "caution")
    agreement = metrics["halves"]["agreement"]
    status, answer = next((m, a) for least, m, a in RELIABILITY if agreement["ari"] >= least)
    return Card(
        question,
        answer,
        "Odd and even sessions were parcellated separately and compared.",
        f"adjusted Rand index {wording.number(agreement['ari'])}, median Dice "
        f"{wording.number(agreement['dice'])}; {agreement['n_areas'][0]} and "
        f"{agreement['n_areas'][1]} areas",
        status,
    )


def _homogeneity(metrics: Mapping[str, Any]) -> Card:
    question = "Is connectivity homogeneous within them?"
    tested = metrics["homogeneity"].get("individual")
    if tested is None or tested["z"] is None:
        return Card(question, "Not tested", " ".join(metrics["not_done"]), "", "caution")
    above_chance = tested["p"] < SIGNIFICANT
    return Card(
        question,
        "Yes" if above_chance else "Not more than by chance",
        "They were compared with the same areas, rotated on the sphere (spin test).",
        f"homogeneity {wording.number(tested['observed'])}, rotated "
        f"{wording.number(tested['null_mean'])}; z {wording.number(tested['z'], 1)}, p "
        f"{wording.is_value(tested['p'])}, {tested['n_turns']} rotations",
        "good" if above_chance else "bad",
    )


def _amount(metrics: Mapping[str, Any]) -> Card:
    minutes = metrics["minutes"]
    enough = minutes >= ADVISED_MIN
    return Card(
        "Were there enough data?",
        "Yes" if enough else "Less than advised",
        f"About {ADVISED_MIN} minutes of rest, after censoring, are advised; reliability rises "
        "beyond.",
        f"{minutes:.0f} minutes ({metrics['n_frames']:,} frames) of {metrics['n_sessions']} "
        f"session{'s' if metrics['n_sessions'] != 1 else ''}",
        "good" if enough else "caution",
    )


def _networks(metrics: Mapping[str, Any]) -> Card:
    way = metrics["networks"]["way"]
    answer = {
        "communities": "By communities",
        "overlap": "By overlap",
        "numbers": "By number",
        "none": "Without networks",
    }[way]
    named = [name for name in metrics["networks"]["counts"] if name]
    return Card(
        "How are the areas named?",
        answer,
        metrics["networks"]["said"],
        f"{len(named)} networks",
        "" if way in ("communities", "overlap") else "caution",
    )


def methods_paragraph(metrics: Mapping[str, Any]) -> str:
    """Methods paragraph from the settings and numbers of this parcellation."""
    settings = {name: row["value"] for name, row in metrics["provenance"]["settings"].items()}
    similarity, kept = metrics["similarity"], metrics["share_of_variance"]
    sentences = [
        f"{'Simulated resting scans' if metrics['simulated'] else 'Resting scans'} "
        f"({metrics['n_frames']:,} frames in {metrics['n_runs']} runs of {metrics['n_sessions']} "
        f"sessions, {metrics['minutes']:.0f} min after censoring) were parcellated with painprint "
        f"{metrics['provenance']['versions']['painprint']} by boundary mapping (Laumann et al. "
        "2015; Gordon et al. 2016).",
        f"Each run was denoised in a single regression ({NUISANCE[settings['nuisance_regressors']]}"
        f"; {_band(settings['high_pass_hz'], settings['rest_low_pass_hz'])}; "
        + (
            f"frames above {settings['fd_thresh_mm']:g} mm of framewise displacement"
            if settings["fd_thresh_mm"]
            else "no frames for motion"
        )
        + " censored), centred and concatenated"
        + (
            f"; principal components with {100 * kept:.0f}% of the variance replaced the frames."
            if kept < 1 - 1e-6
            else "."
        ),
        "Similarity of two vertices is the correlation of their connectivity maps"
        + (
            " after Fisher's z"
            if similarity["kind"] == "exact"
            else f", in its closed form without Fisher's z (rank {similarity['rank']})"
        )
        + f"; the gradients of the maps of {similarity['n_seeds']:,} vertices along the person's "
        "midthickness surfaces were smoothed (6 mm FWHM) and segmented by a watershed from their "
        "minima, and the boundaries averaged over maps.",
        "Areas are the watershed regions of this map, merged across borders below its median, "
        "without vertices above its 75th percentile; areas below 30 vertices were merged, those "
        "below 10 excluded.",
        metrics["networks"]["said"],
    ]
    return " ".join(sentences)


def _band(high_pass_hz: float, low_pass_hz: float) -> str:
    """Frequencies that are retained."""
    if high_pass_hz and low_pass_hz:
        return f"{high_pass_hz:g} to {low_pass_hz:g} Hz"
    if low_pass_hz:
        return f"below {low_pass_hz:g} Hz"
    return f"above {high_pass_hz:g} Hz" if high_pass_hz else "all frequencies"
