"""Sensitivity analyses: does it hold when something is changed?"""

from __future__ import annotations

from painprint.evidence.sensitivity import OTHER_AREAS, sensitivity_analyses
from painprint.evidence.stage import AGREEMENT, SCALE, Stage, WrittenResult
from painprint.wording import number, plural

TABLES: dict[str, dict[str, str]] = {
    "sensitivity": {
        "variant": "what was changed",
        "n_regions": "regions used",
        "scale": SCALE,
        **AGREEMENT,
    },
}


def describe(result: WrittenResult) -> str:
    """Paragraph of the page."""
    table, unit = result.tables["sensitivity"], result.unit
    rows = table[table["scale"] == "1min"].set_index("variant")["centred_r"]
    of_areas = rows.index.str.contains(OTHER_AREAS, regex=False)
    areas, rows = rows[of_areas].dropna(), rows[~of_areas]
    main, others = rows.iloc[0], rows.iloc[1:].dropna()
    sentences = [f"The {unit}-centred r at 1 min is {number(main)} as decoded"]
    sentences[0] += (
        "."
        if others.empty
        else f", and from {number(others.min())} ({others.idxmin()}) to {number(others.max())} "
        f"({others.idxmax()}) in changed analyses."
    )
    for start, meaning in (
        ("buffer", f"With a buffer, neighbours of the {unit} left out do not train."),
        ("blocks", f"With blocks, neighbouring {unit}s are left out together."),
        ("first", "The first run only is the existing prediction; all else is trained again."),
    ):
        if others.index.str.startswith(start).any():
            sentences.append(meaning)
    if len(areas):
        each = "; ".join(f"{name}: {number(r)}" for name, r in areas.items())
        sentences.append(
            "The individual atlas was made of resting scans of sessions that are decoded. Beside "
            "it, each half of the sessions alone, with areas made of the other half, of the same "
            f"half (about as much data, but seen), and of all (about twice as much); no region was "
            f"excluded for these: {each}."
        )
    return " ".join(sentences)


def methods(result: WrittenResult) -> str:
    """Sentence of the Methods."""
    unit = result.unit
    return (
        "The analysis was repeated with a buffer of "
        f"{plural(result.settings['buffer_sessions'], unit)}, with blocks of neighbouring {unit}s "
        "left out, and with other regions."
    )


STAGE = Stage(
    name="sensitivity",
    question="Does it hold when something is changed?",
    link="Changed",
    compute=sensitivity_analyses,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
