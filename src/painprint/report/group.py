"""The page of several people, made from the output files of the group level alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from markupsafe import Markup

from painprint import wording
from painprint.report import figures, words
from painprint.report.html import make_environment, write_figures
from painprint.report.svg import Drawing, draw_figure, inline
from painprint.report.transfer import without_few
from painprint.results.group import GroupResults
from painprint.store.files import write_text

OWN_ENDS = ("centred_r_low", "centred_r_high")
FIGURES = ("matrix", "transfer", "identification", "people")


def write_group_report(results: GroupResults, *, pdf: bool = False) -> None:
    """Write the page of the group and its figures (also as PDF if asked for)."""
    wanted = _drawings(results)
    drawn = {name: draw_figure(name, drawing.draw, pdf=pdf) for name, drawing in wanted.items()}
    for name in FIGURES:
        for extension in (".svg", ".pdf"):
            results.files.figure(name, extension).unlink(missing_ok=True)
    write_figures(results.files.figure, drawn)
    images = {name: inline(figure.svg, wanted[name].what) for name, figure in drawn.items()}
    write_text(results.files.page, render_group(results, images))


def _drawings(results: GroupResults) -> dict[str, Drawing]:
    drawn: dict[str, Drawing] = {}
    transfer = without_few(results)
    own = transfer[transfer["model"] == transfer["person"]]
    r = f"centred r {results.bins.at}"
    drawn["people"] = Drawing(
        "Centred r of every person's own signature",
        partial(
            figures.plot_estimates, own["person"], own, "centred_r",
            label=f"{r}, own sessions held out", ends=OWN_ENDS,
        ),
    )  # fmt: skip
    if transfer["model"].nunique() > 1:
        drawn["matrix"] = Drawing(
            "Centred r of every signature on every person",
            partial(figures.plot_transfer_matrix, transfer),
        )
        drawn["transfer"] = Drawing(
            "The same with intervals", partial(figures.plot_transfer, transfer, label=r)
        )
    if results.metrics["identified"]:
        drawn["identification"] = Drawing(
            "Share of sessions in which the own signature agrees best with the rating",
            partial(figures.plot_identification, results.metrics["identified"]),
        )
    return drawn


def render_group(results: GroupResults, images: Mapping[str, Markup]) -> str:
    """The page as one self-contained text."""
    transfer = without_few(results)
    rows = transfer.astype(object).where(transfer.notna(), None).to_dict(orient="records")
    return (
        make_environment()
        .get_template("group.html")
        .render(
            metrics=results.metrics,
            rows=rows,
            images=images,
            few_groups=wording.FEW_GROUPS,
            bins=results.bins,
            headline=words.group_headline(results.metrics, results.bins),
        )
    )
