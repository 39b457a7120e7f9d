"""Sensitivity analyses: are the results robust to choices of the analysis?"""

from __future__ import annotations

from painprint.evidence.sensitivity import OTHER_AREAS, sensitivity_analyses
from painprint.evidence.stage import AGREEMENT, SCALE, Stage, WrittenResult
from painprint.wording import number, plural

TABLES: dict[str, dict[str, str]] = {
    "sensitivity": {
        "variant": "name of the sensitivity analysis",
        "n_regions": "regions used",
        "scale": SCALE,
        **AGREEMENT,
    },
}


def describe(result: WrittenResult) -> str:
    """Results paragraph of the page."""
    table, unit = result.tables["sensitivity"], result.unit
    rows = table[table["scale"] == result.primary].set_index("variant")["centred_r"]
    is_other_atlas = rows.index.str.contains(OTHER_AREAS, regex=False)
    areas, rows = rows[is_other_atlas].dropna(), rows[~is_other_atlas]
    main, others = rows.iloc[0], rows.iloc[1:].dropna()
    if main != main:
        return (
            f"The {unit}-centred r {result.bins.at} is undefined. The skill of each sensitivity "
            "analysis is in sensitivity.tsv."
        )
    sentences = [f"The {unit}-centred r {result.bins.at} is {number(main)} as decoded"]
    sentences[0] += (
        "."
        if others.empty
        else f", and ranges from {number(others.min())} ({others.idxmin()}) to "
        f"{number(others.max())} ({others.idxmax()}) in the sensitivity analyses."
    )
    for start, meaning in (
        ("buffer", f"With a buffer, neighbours of the held-out {unit} do not train."),
        ("blocks", f"With blocks, neighbouring {unit}s are held out together."),
        ("first", "The first run only uses the existing predictions; all others are retrained."),
    ):
        if others.index.str.startswith(start).any():
            sentences.append(meaning)
    if len(areas):
        each = "; ".join(f"{name}: {number(r)}" for name, r in areas.items())
        sentences.append(
            "The individual parcellation was made from resting scans of sessions that are decoded. "
            "Therefore each half of the sessions was also decoded alone, with areas made from the "
            "other half, from the same half (about as much data, but of the decoded sessions) and "
            "from all sessions (about twice as much data), without excluding any region: "
            f"{each}."
        )
    return " ".join(sentences)


def methods(result: WrittenResult) -> str:
    """Sentence of the Methods section."""
    unit = result.unit
    return (
        "The analysis was repeated with a buffer of "
        f"{plural(result.settings['buffer_sessions'], unit)}, with blocks of neighbouring {unit}s "
        "held out, and with other sets of regions."
    )


STAGE = Stage(
    name="sensitivity",
    question="Does it hold in sensitivity analyses?",
    compute=sensitivity_analyses,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
