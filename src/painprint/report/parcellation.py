"""Page of an individual parcellation, from the output files alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from painprint import wording
from painprint.atlas.brain import Brain
from painprint.atlas.geometry import read_brain
from painprint.cortex.settings import ADVISED_MIN
from painprint.files.labels import read_cortex_maps
from painprint.parcellate.individual_file import AreaResults
from painprint.report import figures
from painprint.report.brain_views import BrainViews
from painprint.report.drawings import brain_drawings
from painprint.report.environment import make_environment
from painprint.report.overlays import (
    AnyOverlay,
    AreaOverlay,
    BrainSection,
    NetworkOverlay,
    Overlay,
    region_titles,
)
from painprint.report.parcellation_methods import methods_paragraph
from painprint.report.summary import Card
from painprint.report.svg import Drawing, draw_figure, inline, write_figures
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
    painted = _overlays(brain, results)
    drawings = _drawings(results, BrainViews(brain), painted)
    drawn = {name: draw_figure(name, d.draw, pdf=pdf) for name, d in drawings.items()}
    for old in files.figures():
        old.unlink()
    write_figures(files.figure, drawn)
    titles = region_titles(BrainSection(brain, painted))
    images = {name: inline(d.svg, drawings[name].what, titles) for name, d in drawn.items()}
    metrics, scan = results.metrics, results.scan
    page = make_environment().get_template("parcellation.html")
    write_text(
        files.page,
        page.render(
            metrics=metrics,
            provenance=metrics["provenance"],
            homogeneity=metrics["homogeneity"],
            cards=summarise(metrics),
            methods=methods_paragraph(metrics),
            images=images,
            brain=brain,
            painted=painted,
            brain_data=viewer_data(brain, painted),
            scan=None if scan is None else scan.head(MOST_CANDIDATES).to_dict(orient="records"),
        ),
    )


def _overlays(brain: Brain, results: AreaResults) -> list[AnyOverlay]:
    """What is painted on the brain; the first is shown: networks, where areas have them."""
    areas, of_networks = results.areas, NetworkOverlay(brain.regions)
    has_networks = results.metrics["networks"]["way"] != "none"
    return [
        *([of_networks] if has_networks else []),
        AreaOverlay.of(brain),
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
                "share of maps in which a vertex is on a boundary",
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
        "Split-half reliability: odd and even sessions were parcellated separately and compared.",
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
        "Yes" if above_chance else "No more than by chance",
        "They were compared with the same areas, rotated on the sphere (spin test).",
        f"homogeneity {wording.number(tested['observed'])}, rotated "
        f"{wording.number(tested['null_mean'])}; z {wording.number(tested['z'], 1)}, p "
        f"{wording.is_value(tested['p'])}, {tested['n_turns']} rotations",
        "good" if above_chance else "",
    )


def _amount(metrics: Mapping[str, Any]) -> Card:
    minutes = metrics["minutes"]
    enough = minutes >= ADVISED_MIN
    return Card(
        "Were there enough data?",
        "Yes" if enough else "Less than advised",
        f"About {ADVISED_MIN} minutes of rest, after censoring, are advised; reliability "
        "continues to rise with more.",
        f"{minutes:.0f} minutes ({metrics['n_frames']:,} frames) of "
        f"{wording.plural(metrics['n_sessions'], 'session')}",
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
