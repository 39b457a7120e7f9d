"""The page of several people, made from the output files of the group level alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd
from markupsafe import Markup

from painprint import wording
from painprint.report import figures
from painprint.report.html import make_environment, write_figures
from painprint.report.summary import Card
from painprint.report.svg import Drawing, draw_figure, inline
from painprint.report.transfer import without_few
from painprint.results.group import GroupResults
from painprint.store.files import write_text

OWN_ENDS = ("centred_r_low", "centred_r_high")
NO_RELATION = "0: no relation"
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
            label=f"{r}, own sessions held out ({NO_RELATION})", ends=OWN_ENDS,
        ),
    )  # fmt: skip
    if transfer["model"].nunique() > 1:
        drawn["matrix"] = Drawing(
            "Centred r of every signature on every person",
            partial(figures.plot_transfer_matrix, transfer, label=f"{r} ({NO_RELATION})"),
        )
        drawn["transfer"] = Drawing(
            "The same with intervals",
            partial(figures.plot_transfer, transfer, label=f"{r} ({NO_RELATION})"),
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
            cards=summarise(results),
        )
    )


def summarise(results: GroupResults) -> list[Card]:
    """Cards: own signatures on held-out sessions, between-participant transfer, identification."""
    transfer = without_few(results)
    is_own = transfer["model"] == transfer["person"]
    return [
        _own(transfer[is_own], results),
        _between(transfer[~is_own], results),
        _identification(results),
    ]


def _above_zero(rows: pd.DataFrame, what: str, at: str) -> tuple[str, str]:
    """In how many rows the interval of centred r lies above 0; and the range of centred r."""
    known = rows["centred_r_low"].notna()
    n_above = int((rows["centred_r_low"] > 0).sum())
    answer = f"For {n_above} of {wording.plural(int(known.sum()), what)}"
    if not known.any():
        answer = "Not known: too few sessions"
    r = rows["centred_r"]
    few = f"; {int((~known).sum())} without interval" if not known.all() else ""
    return answer, (
        f"centred r {at} from {wording.number(r.min())} to {wording.number(r.max())}; "
        f"{n_above} of {wording.plural(int(known.sum()), '95% interval')} above 0{few}, not "
        "corrected for their number"
    )


def _own(own: pd.DataFrame, results: GroupResults) -> Card:
    answer, numbers = _above_zero(own, "participant", results.bins.at)
    return Card(
        "Does a participant's own signature predict their held-out sessions?",
        answer,
        "Each signature was tested on sessions of the same participant that did not train it. "
        "The numbers are of 95% intervals of the centred r that are above 0.",
        numbers,
    )


def _between(others: pd.DataFrame, results: GroupResults) -> Card:
    question = "Do signatures generalise to other participants?"
    if not len(others):
        return Card(
            question, "Not tested", "No signature could be applied to another participant.", ""
        )
    answer, numbers = _above_zero(others, "pair", results.bins.at)
    return Card(
        question,
        answer,
        "Between-participant transfer: each signature was applied to every other participant with "
        "the same atlas. The numbers are of 95% intervals of the centred r that are above 0.",
        numbers,
    )


def _identification(results: GroupResults) -> Card:
    question = "Can participants be identified by their signature?"
    identified = results.metrics["identified"]
    if not identified:
        return Card(question, "Not tested", "No session could be compared.", "")
    each = identified.values()
    n_sessions = sum(one["n_sessions"] for one in each)
    chance = sum(one["n_sessions"] * one["chance"] for one in each)
    shares = (
        f"{name} {one['n_own_best']} of {one['n_sessions']}, p {wording.is_value(one['p'])}"
        for name, one in identified.items()
    )
    return Card(
        question,
        f"In {sum(one['n_own_best'] for one in each)} of {wording.plural(n_sessions, 'session')}",
        "In these sessions the participant's own signature has the largest r with the rating; "
        f"{wording.number(chance, 1)} are expected by chance.",
        "; ".join(shares),
    )
