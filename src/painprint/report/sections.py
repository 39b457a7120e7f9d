"""The sections of a participant's page: their order, headings and templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from painprint.report.stage_figures import drawings_of_stage
from painprint.report.svg import Drawing
from painprint.results.conclusion import conclude
from painprint.results.read import Results

if TYPE_CHECKING:
    from painprint.evidence.stage import Stage


@dataclass(frozen=True, eq=False)
class StageSection:
    """What a page shows of a stage of evidence.

    Attributes
    ----------
    numbers : mapping
        Of the stage, from ``metrics.json``.
    findings : str
        Empty where the stage could not be computed.
    explained : list of str
        Paragraphs that are folded initially.
    figures : dict of Drawing
        By name.
    """

    numbers: Mapping[str, Any]
    findings: str
    explained: list[str]
    figures: Mapping[str, Drawing]


@dataclass(frozen=True, eq=False)
class Section:
    """A section of the page.

    Attributes
    ----------
    name : str
        Its address within the page.
    title : str
        Its heading, also in the navigation.
    template : str
        Path of its template.
    is_open : bool
        Whether it is unfolded initially.
    stage : StageSection or None
        None where it is not that of a stage.
    """

    name: str
    title: str
    template: str
    is_open: bool = False
    stage: StageSection | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """A group of sections.

    Attributes
    ----------
    not_run : list of Stage
        Stages of this part that were skipped.
    """

    name: str
    title: str
    sections: list[Section]
    not_run: list[Stage]


NOT_INTERPRETABLE = (
    "The signature was not shown to track changes of the rating, so its weights, and the "
    "importance of regions, cannot be interpreted."
)
"""Above what describes the weights of such a signature."""


def arrange(results: Results) -> list[Part]:
    """The parts of a participant's page, in order."""
    is_shown = conclude(results.metrics).is_shown
    return [
        Part("data", "Data", [
            Section("quality", "Data quality and exclusions", "person/quality.html", True),
            Section("timeline", "Ratings and held-out predictions", "person/timeline.html", True),
        ], []),
        Part("prediction", "Prediction", [
            *_registered(results),
            Section(
                "performance", "How well are ratings predicted?", "person/performance.html", True
            ),
            *_stages("prediction", results),
            Section(
                "transfer", "Do signatures of other people predict these ratings?",
                "person/transfer.html",
            ),
        ], _not_run("prediction", results)),
        Part("regions", "Brain", [
            Section("brain", "On the brain", "person/brain.html", is_shown),
            *_stages("brain", results),
        ], _not_run("brain", results)),
        Part("about", "Methods and files", [
            Section("methods", "Methods, from the settings actually used", "person/methods.html"),
            Section("reporting", "Reporting", "reporting.html"),
            Section("settings", "Settings and provenance", "provenance.html"),
            Section("words", "Glossary", "person/glossary.html"),
            Section("files", "Files beside this page", "person/files.html"),
        ], []),
    ]  # fmt: skip


def _registered(results: Results) -> list[Section]:
    """The section of a study that was registered."""
    if results.registration is None:
        return []
    title = "What was registered, and what departed from it?"
    return [Section("registration", title, "person/registration.html", True)]


def _is_there(stage: Stage, results: Results) -> bool:
    """Whether there is what a stage is about."""
    return not stage.needs or stage.needs in results.metrics


def _stages(part: str, results: Results) -> list[Section]:
    """Sections of the stages of a part that were not skipped: first those that are unfolded."""
    answered = {
        stage.name: stage.describe(written)
        for stage, written in results.answered()
        if stage.part == part
    }
    is_shown = conclude(results.metrics).is_shown
    sections = []
    for stage in results.stages:
        numbers = results.metrics["stages"].get(stage.name)
        if stage.part != part or numbers is None or not _is_there(stage, results):
            continue
        text = answered.get(stage.name, "")
        is_meaningless = stage.of_weights and not is_shown
        findings, *explained = text.split("\n")
        if is_meaningless and text:
            findings, explained = NOT_INTERPRETABLE, [findings, *explained]
        figures = drawings_of_stage(stage.name, results) if text else {}
        is_open = stage.is_open and not is_meaningless
        content = StageSection(numbers, findings, explained, figures)
        sections.append(Section(stage.name, stage.question, "person/stage.html", is_open, content))
    return sorted(sections, key=lambda section: not section.is_open)


def _not_run(part: str, results: Results) -> list[Stage]:
    return [
        stage
        for stage in results.stages
        if stage.part == part
        and results.metrics["stages"].get(stage.name) is None
        and _is_there(stage, results)
    ]
