"""One HTML page per participant, made from the output files alone."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import matplotlib
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError
from markupsafe import Markup
from matplotlib.axes import Axes

from painprint.io.bids import parse_name
from painprint.io.carpets import find_carpets, read_carpet
from painprint.io.outputs import Results
from painprint.io.store import write_bytes, write_text
from painprint.report import calibration, figures, words
from painprint.report.carpets import carpet_image
from painprint.report.evidence import evidence
from painprint.runs import RunKey
from painprint.settings import flag


def write_report(results: Results) -> None:
    """Write the participant's figures (SVG) and page."""
    drawn = {name: svg(name, draw) for name, draw in _figures(results).items()}
    for old in results.files.figures():
        if old not in {results.files.figure(name) for name in drawn}:
            old.unlink()  # of an earlier run with other stages
    for name, image in drawn.items():
        write_bytes(results.files.figure(name), image)
    write_text(results.files.page, render_page(results, drawn))


def svg(name: str, draw: Callable[[], Axes]) -> bytes:
    """A figure as SVG, the same bytes every time and on every machine with the same fonts."""
    with matplotlib.rc_context({**figures.STYLE, "svg.hashsalt": name}):
        figure = draw().get_figure(root=True)
        assert figure is not None  # these Axes were made for one
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _figures(results: Results) -> dict[str, Callable[[], Axes]]:
    """What the page shows, by name."""
    unit, scales = results.metrics["leave_out"], results.metrics["scales"]
    by_scale = {scale: rows for scale, rows in results.predictions.groupby("scale", sort=False)}

    def scatter(scale: str) -> Callable[[], Axes]:
        return lambda: figures.plot_observed_predicted(by_scale[scale], scales[scale])

    return {
        "timeline": lambda: figures.plot_timeline(by_scale["1min"], leave_out=unit),
        **{f"scatter{scale}": scatter(scale) for scale in scales},
        "roc": lambda: figures.plot_roc(results.roc, scales),
        "sessions": lambda: figures.plot_sessions(
            results.per_session, results.metrics["within_session"]["r"], unit=unit
        ),
        "levels": lambda: figures.plot_levels(results.per_session, unit=unit),
        **_stage_figures(results),
    }


def _stage_figures(results: Results) -> dict[str, Callable[[], Axes]]:
    """Figures of the stages that were done, by name."""
    tables, drawn = results.findings, {}
    minute, unit = results.metrics["scales"]["1min"], results.metrics["leave_out"]
    if "null" in tables:
        null = tables["null"]
        drawn["nullwithin"] = lambda: figures.plot_null(null, "within", "1min", "centred_r")
        drawn["nullbetween"] = lambda: figures.plot_null(null, "between", "session", "r")
    if "controls" in tables:
        controls = results.metrics["stages"]["controls"]
        verdicts = {name: v for name, v in controls.items() if name != "not_done"}
        drawn["controls"] = lambda: figures.plot_dots(
            {name: verdict["centred_r_removed"] for name, verdict in verdicts.items()},
            reference=minute["centred_r"],
            label="centred r at 1 min with the control removed; dashed: as decoded",
            marked=[name for name, verdict in verdicts.items() if verdict["flagged"]],
        )
    if "refits" in tables:
        refits = tables["refits"].query("scale == '1min'").set_index("variant")["centred_r"]
        drawn["refits"] = lambda: figures.plot_dots(
            {str(k): None if r != r else float(r) for k, r in refits.items()},
            reference=minute["centred_r"],
            label="centred r at 1 min; dashed: as decoded",
        )
    if "learningcurve" in tables:
        curve = tables["learningcurve"]
        drawn["curve"] = lambda: figures.plot_learning_curve(curve)
        drawn["curveshare"] = lambda: figures.plot_significant_draws(curve)
    if "calibration" in tables:
        of_past = tables["calibration"]
        drawn["future"] = lambda: figures.plot_future(
            of_past, {"centred_r": "centred r", "skill": "skill"}, 0
        )
        drawn["calibration"] = lambda: figures.plot_future(of_past, {"slope": "slope"}, 1)
        drawn["ahead"] = lambda: figures.plot_error_ahead(tables["prospective"], unit=unit)
    return {**drawn, **_carrier_figures(results)}


def _carrier_figures(results: Results) -> dict[str, Callable[[], Axes]]:
    """Figures of what carries the signature, and of what else was tried, by name."""
    tables, metrics = results.findings, results.metrics
    unit, enough = metrics["leave_out"], metrics["n_groups"] >= words.FEW_GROUPS
    drawn: dict[str, Callable[[], Axes]] = {}

    def estimates(
        names: Sequence[str] | pd.Series,
        rows: pd.DataFrame,
        column: str,
        ends: tuple[str, str],
        label: str,
        width: float = 6.0,
    ) -> Callable[[], Axes]:
        return partial(
            figures.plot_estimates, names, rows, column,
            label=label, ends=ends if enough else None, width=width,
        )  # fmt: skip

    centred = ("importance_centred", ("centred_low", "centred_high"))
    loss = f"importance: mean loss of {unit}-centred r at 1 min"
    centred_there = "importance" in tables and tables["importance"][centred[0]].notna().any()
    if centred_there:
        top = tables["importance"].nlargest(figures.MOST_REGIONS, "importance_centred")
        drawn["importance"] = estimates(top["region"], top, *centred, loss)
        drawn["strength"] = lambda: figures.plot_strengths(top)
        drawn["structure"] = lambda: figures.plot_structure(tables["structure"])
    if centred_there and "networkimportance" in tables:
        networks = tables["networkimportance"].sort_values("importance_centred", ascending=False)
        counted = zip(networks["network"], networks["n_regions"], strict=True)
        names = [f"{network} ({n})" for network, n in counted]
        drawn["networkimportance"] = estimates(names, networks, *centred, loss)
    if "rest" in tables:
        drawn["rest"] = lambda: figures.plot_rest(tables["rest"])
    if "baselines" in tables:
        others = tables["baselines"].query("scale == '1min' and method != 'painprint'")
        for key, what in (("centred_r", f"{unit}-centred r"), ("skill", "skill")):
            drawn[f"baselines{key.replace('_', '')}"] = estimates(
                others["method"], others, f"d_{key}", (f"d_{key}_low", f"d_{key}_high"),
                f"difference in {what} at 1 min", 3.6,
            )  # fmt: skip
    if "univariate" in tables:
        drawn["univariate"] = lambda: figures.plot_univariate(tables["univariate"])
    if "external" in tables:
        scored = tables["external"].query("scale == '1min'")
        drawn["external"] = estimates(
            scored["signature"], scored, "centred_r", ("centred_r_low", "centred_r_high"),
            f"{unit}-centred r at 1 min",
        )  # fmt: skip
    if "qcfc" in tables and tables["qcfc"]["distance"].notna().any():
        drawn["qcfc"] = lambda: figures.plot_motion_distance(tables["qcfc"])
    return drawn


def make_environment() -> Environment:
    """Templates with the filters that pages use."""
    environment = Environment(
        loader=PackageLoader("painprint.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=words.number,
        span=words.span,
        estimate=words.estimate,
        p=words.p_value,
        cell=_cell,
        flag=flag,
    )
    return environment


def render_page(results: Results, drawn: dict[str, bytes]) -> str:
    """The page as one self-contained text.

    Raises
    ------
    KeyError
        If the results lack something.
    """
    images = {name: inline(image) for name, image in drawn.items()}
    try:
        return (
            make_environment()
            .get_template("person.html")
            .render(
                participant=results.files.participant,
                metrics=results.metrics,
                audit=results.audit,
                provenance=results.provenance,
                images=images,
                headline=words.headline(results),
                methods=words.methods_paragraph(results),
                runs=results.runs.to_dict(orient="records"),
                bold=_bold(results),
                cleaned_here=bool(results.bold_quality["tsnr"].notna().any()),
                quality=results.rating_quality.to_dict(orient="records"),
                scale_names=figures.SCALE_NAMES,
                few_groups=words.FEW_GROUPS,
                evidence=evidence(results),
                calibration=calibration.sentence(),
                stages=results.metrics["stages"],
                baselines=_minutes(results, "baselines"),
                external=_minutes(results, "external"),
            )
        )
    except UndefinedError as error:
        raise KeyError(str(error)) from error


def _bold(results: Results) -> list[dict[Any, Any]]:
    """A row per run: its light, what it is for, and its carpet plot where there is one."""
    atlas = parse_name(results.files.stem)[0].get("atlas", "")
    carpets = find_carpets(results.files.folder, atlas)
    rows = results.bold_quality.to_dict(orient="records")
    for row in rows:
        labels = (
            "" if row[name] != row[name] else row[name] for name in ("session", "task", "run")
        )
        path = carpets.get(RunKey(*labels))
        row["carpet"] = carpet_image(*read_carpet(path)) if path else None
    return rows


def _minutes(results: Results, table: str) -> list[dict[Any, Any]]:
    """Rows of a stage's table at 1 min; none where there is no such table."""
    if table not in results.findings:
        return []
    return results.findings[table].query("scale == '1min'").to_dict(orient="records")


def inline(image: bytes) -> Markup:
    """An SVG without its XML preamble; it is our own drawing, so it is not escaped."""
    text = image.decode()
    return Markup(text[text.index("<svg") :])


def _cell(value: Any, digits: int = 2) -> str:
    """A table cell: n/a for what is missing, whole numbers as such."""
    if value is None or value != value or value == "":
        return words.MISSING
    if isinstance(value, float) and value != int(value):
        return words.number(value, digits)
    return str(int(value)) if isinstance(value, float) else str(value)
