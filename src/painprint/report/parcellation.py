"""The page of a person's own areas, made from the output files alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from painprint import wording
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
from painprint.settings import SIGNIFICANT
from painprint.store.files import write_text

FOUND_AGAIN = ((0.7, "good", "Yes"), (0.4, "caution", "In part"), (-1.0, "bad", "Hardly"))
"""Adjusted Rand index of halves from which on it is called so; a convention."""
MOST_CANDIDATES = 10


def write_parcellation_report(results: AreaResults, *, pdf: bool = False) -> None:
    """Write the figures, as PDF too if asked, and the page.

    Raises
    ------
    DerivativesError
        If a file is damaged.
    """
    files = results.files
    brain = read_brain(files.path("dseg", ""), files.folder, files.participant)
    assert brain is not None  # areas lie on surfaces that were written with them
    areas = results.areas
    painted: list[AnyOverlay] = [
        NetworkOverlay(brain.regions),
        Overlay(
            "homogeneity", "Homogeneity",
            "share of the variance of an area's connectivity in one component",
            areas["homogeneity"].to_numpy(float),
        ),
        Overlay("area", "Size", "area (mm²)", areas["area_mm2"].to_numpy(float)),
    ]  # fmt: skip
    section = BrainSection(brain, painted)
    views = BrainViews(brain)
    maps = read_cortex_maps(files.path("boundaries", ".dscalar.nii"))
    density = maps["density"]
    wanted = {
        **brain_drawings(views, painted),
        "boundaries": Drawing(
            "Boundary map on the cortex",
            partial(
                figures.plot_vertex_map, views.pictures, density,
                "share of maps in which a point lies on a boundary",
            ),
        ),
        "sizes": Drawing("Sizes of areas", partial(figures.plot_sizes, areas)),
    }  # fmt: skip
    if len(results.homogeneity):
        wanted["turned"] = Drawing(
            "Homogeneity of areas and of the same areas turned",
            partial(figures.plot_turned, results.homogeneity),
        )
    drawn = {name: draw_figure(name, one.draw, pdf=pdf) for name, one in wanted.items()}
    for old in files.figures():
        old.unlink()
    write_figures(files.figure, drawn)
    titles = region_titles(section)
    images = {name: inline(d.svg, wanted[name].what, titles) for name, d in drawn.items()}
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


def summarise(metrics: Mapping[str, Any]) -> list[Card]:
    """Answers to what one asks first of somebody's areas."""
    return [_again(metrics), _alike(metrics), _enough(metrics), _named(metrics)]


def _again(metrics: Mapping[str, Any]) -> Card:
    question = "Are the areas found again?"
    if not metrics["halves"]:
        return Card(question, "Not known", metrics["no_halves"], "", "caution")
    agreement = metrics["halves"]["agreement"]
    mood, answer = next((m, a) for least, m, a in FOUND_AGAIN if agreement["ari"] >= least)
    return Card(
        question,
        answer,
        "Odd and even sessions were parcellated apart and compared.",
        f"adjusted Rand index {wording.number(agreement['ari'])}, median Dice "
        f"{wording.number(agreement['dice'])}; {agreement['n_areas'][0]} and "
        f"{agreement['n_areas'][1]} areas",
        mood,
    )


def _alike(metrics: Mapping[str, Any]) -> Card:
    question = "Is connectivity alike within them?"
    own = metrics["homogeneity"].get("individual")
    if own is None or own["z"] is None:
        return Card(question, "Not tested", " ".join(metrics["not_done"]), "", "caution")
    more = own["p"] < SIGNIFICANT
    return Card(
        question,
        "Yes" if more else "Not more than by chance",
        "They were compared with the same areas, turned to other places of the cortex.",
        f"homogeneity {wording.number(own['observed'])}, turned "
        f"{wording.number(own['null_mean'])}; z {wording.number(own['z'], 1)}, p "
        f"{wording.is_value(own['p'])}, {own['n_turns']} turns",
        "good" if more else "bad",
    )


def _enough(metrics: Mapping[str, Any]) -> Card:
    minutes = metrics["minutes"]
    enough = minutes >= ADVISED_MIN
    return Card(
        "Was there enough data?",
        "Yes" if enough else "Less than advised",
        f"About {ADVISED_MIN} minutes of rest, after censoring, are advised; reliability still "
        "grows beyond.",
        f"{minutes:.0f} minutes ({metrics['n_frames']:,} frames) of {metrics['n_sessions']} "
        f"session{'s' if metrics['n_sessions'] != 1 else ''}",
        "good" if enough else "caution",
    )


def _named(metrics: Mapping[str, Any]) -> Card:
    way = metrics["networks"]["way"]
    answer = {
        "communities": "By communities",
        "overlap": "By overlap",
        "numbers": "By number",
        "none": "They have no networks",
    }[way]
    named = [name for name in metrics["networks"]["counts"] if name]
    return Card(
        "How are they named?",
        answer,
        metrics["networks"]["said"],
        f"{len(named)} networks",
        "" if way in ("communities", "overlap") else "caution",
    )


def methods_paragraph(metrics: Mapping[str, Any]) -> str:
    """A Methods paragraph from the settings and numbers of this very parcellation."""
    settings = {name: row["value"] for name, row in metrics["provenance"]["settings"].items()}
    similarity, kept = metrics["similarity"], metrics["share_of_variance"]
    sentences = [
        f"{'Simulated resting scans' if metrics['simulated'] else 'Resting scans'} "
        f"({metrics['n_frames']:,} frames in {metrics['n_runs']} runs of {metrics['n_sessions']} "
        f"sessions, {metrics['minutes']:.0f} min after censoring) were parcellated with painprint "
        f"{metrics['provenance']['versions']['painprint']} by boundary mapping (Laumann et al. "
        "2015; Gordon et al. 2016).",
        f"Each run was cleaned in one regression ({NUISANCE[settings['nuisance_regressors']]}"
        f"; {_band(settings['high_pass_hz'], settings['rest_low_pass_hz'])}; "
        + (
            f"frames above {settings['fd_thresh_mm']:g} mm of framewise displacement"
            if settings["fd_thresh_mm"]
            else "no frames for their motion"
        )
        + " censored), centred and joined"
        + (
            f"; principal components with {100 * kept:.0f}% of the variance took the frames' place."
            if kept < 1 - 1e-6
            else "."
        ),
        "Similarity of two points is the correlation of their connectivity maps"
        + (
            " after Fisher's z"
            if similarity["kind"] == "exact"
            else f", in its closed form without Fisher's z (rank {similarity['rank']})"
        )
        + f"; the maps of {similarity['n_seeds']:,} points were differentiated along the person's "
        "own midthickness surfaces, smoothed (6 mm FWHM), flooded from their minima, and the "
        "boundaries between basins averaged over maps.",
        "Areas are the basins of this map, merged across borders below its median, without points "
        "above its 75th percentile; areas below 30 points were merged, those below 10 left out.",
        metrics["networks"]["said"],
    ]
    return " ".join(sentences)


def _band(high_pass_hz: float, low_pass_hz: float) -> str:
    """Frequencies that are kept."""
    if high_pass_hz and low_pass_hz:
        return f"{high_pass_hz:g} to {low_pass_hz:g} Hz"
    if low_pass_hz:
        return f"below {low_pass_hz:g} Hz"
    return f"above {high_pass_hz:g} Hz" if high_pass_hz else "all frequencies"
