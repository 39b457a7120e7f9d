"""The page of several people, made from the output files of the group level alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from markupsafe import Markup

from painprint import wording
from painprint.report import figures
from painprint.report.across_people import MEASURES, across_people, group_methods
from painprint.report.environment import make_environment, records
from painprint.report.summary import Card
from painprint.report.svg import Drawing, draw_figure, inline, write_figures
from painprint.report.transfer import without_few
from painprint.results.group import GroupResults
from painprint.store.files import write_text

OWN_ENDS = ("centred_r_low", "centred_r_high")
NO_RELATION = "0: no relation"
MOST_PEOPLE = 20
"""With more people, not every pair has a row of its own on the page, nor in a figure."""
MOST_NOTES = 5
"""Further notes are folded."""


def write_group_report(results: GroupResults, *, pdf: bool = False) -> None:
    """Write the page of the group and its figures (also as PDF if asked for)."""
    wanted = _drawings(results)
    drawn = {name: draw_figure(name, drawing.draw, pdf=pdf) for name, drawing in wanted.items()}
    for old in results.files.figures():
        old.unlink()
    write_figures(results.files.figure, drawn)
    images = {name: inline(figure.svg, wanted[name].what) for name, figure in drawn.items()}
    write_text(results.files.page, render_group(results, images))


def _drawings(results: GroupResults) -> dict[str, Drawing]:
    drawn: dict[str, Drawing] = {}
    transfer = without_few(results)
    own = transfer[transfer["model"] == transfer["person"]]
    label = f"centred r {results.bins.at} ({NO_RELATION})"
    drawn["people"] = Drawing(
        "Centred r of every person's own signature",
        partial(
            figures.plot_estimates, own["person"], own, "centred_r", ends=OWN_ENDS,
            label=f"centred r {results.bins.at}, own sessions held out ({NO_RELATION})",
        ),
    )  # fmt: skip
    if transfer["model"].nunique() > 1:
        what = "Centred r of every signature on every person"
        order = results.metrics["order"]
        for name, by in (("matrix", order), ("matrixbyname", sorted(order))):
            if name == "matrix" or by != order:
                draw = partial(figures.plot_transfer_matrix, transfer, order=by, label=label)
                drawn[name] = Drawing(what, draw)
        if len(order) <= MOST_PEOPLE:
            drawn["transfer"] = Drawing(
                "The same with intervals", partial(figures.plot_transfer, transfer, label=label)
            )
    if results.metrics["identified"]:
        drawn["identification"] = Drawing(
            "Share of sessions in which the own signature agrees best with the rating",
            partial(figures.plot_identification, results.metrics["identified"]),
        )
    return drawn | _across_people(results)


def _across_people(results: GroupResults) -> dict[str, Drawing]:
    """Figures of findings across people."""
    drawn, tables = {}, results.tables
    if "networks" in tables:
        rows = tables["networks"]
        drawn["networks"] = Drawing(
            "Centred r of the part of each network, mean over people",
            partial(
                figures.plot_estimates, rows["network"], rows, "r", ends=("r_low", "r_high"),
                label=f"centred r of the network's part, mean over people ({NO_RELATION})",
            ),
        )  # fmt: skip
    if "similarity" in tables:
        drawn["similarity"] = Drawing(
            "Similarity of patterns of the same person and of different people",
            partial(figures.plot_similarity, tables["similarity"]),
        )
    if "clinical" in tables:
        rows = tables["clinical"]
        names = [
            f"{variable}, {MEASURES[measure]}"
            for variable, measure in zip(rows["variable"], rows["measure"], strict=True)
        ]
        drawn["clinical"] = Drawing(
            "Rank correlation of variables of people with performance",
            partial(
                figures.plot_estimates, names, rows, "rho", ends=("rho_low", "rho_high"),
                label=f"Spearman's rank correlation over people ({NO_RELATION})",
            ),
        )  # fmt: skip
    return drawn


def render_group(results: GroupResults, images: Mapping[str, Markup]) -> str:
    """The page as one self-contained text."""
    transfer = without_few(results)
    rows, order = records(transfer), results.metrics["order"]
    is_large = len(results.metrics["participants"]) > MOST_PEOPLE
    shown = [name for name in ("networks", "clinical") if name in results.tables]
    return make_environment().get_template("group.html").render(
        metrics=results.metrics,
        rows=rows,
        own={row["person"]: row for row in rows if row["model"] == row["person"]},
        images=images,
        few_groups=wording.FEW_GROUPS,
        bins=results.bins,
        cards=summarise(results),
        tables={name: records(results.tables[name]) for name in shown},
        measures=MEASURES,
        is_large=is_large,
        most_notes=MOST_NOTES,
        pairs=_compact(transfer, order) if is_large else None,
        order=order,
        methods=group_methods(results),
    )  # fmt: skip


def _compact(transfer: pd.DataFrame, order: Sequence[str]) -> dict[str, Any]:
    """All pairs as the page's script reads them: people by their number in the order."""
    position = {name: i for i, name in enumerate(order)}
    columns = [transfer[name].map(position).tolist() for name in ("model", "person")]
    columns.append(transfer["n"].tolist())
    for name in ("centred_r", *OWN_ENDS, "skill", "r", "auc", "mae"):
        rounded = transfer[name].astype(float).round(3).astype(object)
        columns.append(rounded.where(rounded.notna(), None).tolist())
    return {"people": list(order), "rows": list(zip(*columns, strict=True))}


def summarise(results: GroupResults) -> list[Card]:
    """Cards: own signatures on held-out sessions, between-participant transfer, identification,
    and findings across people."""
    transfer = without_few(results)
    is_own = transfer["model"] == transfer["person"]
    cards = [
        _own(transfer[is_own], results),
        _between(transfer[~is_own], results),
        _identification(results),
    ]
    return cards + across_people(results)


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
    shares = [
        f"{name} {one['n_own_best']} of {one['n_sessions']}, p {wording.is_value(one['p'])}"
        for name, one in identified.items()
    ]
    if len(shares) > MOST_PEOPLE:
        n_above = sum(one["p"] < wording.SIGNIFICANT for one in each)
        shares = [
            f"p below .05 for {n_above} of {wording.plural(len(shares), 'participant')}, not "
            "corrected for their number"
        ]
    return Card(
        question,
        f"In {sum(one['n_own_best'] for one in each)} of {wording.plural(n_sessions, 'session')}",
        "In these sessions the participant's own signature has the largest r with the rating; "
        f"{wording.number(chance, 1)} are expected by chance.",
        "; ".join(shares),
    )
