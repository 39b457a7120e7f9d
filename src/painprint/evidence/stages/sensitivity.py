"""Sensitivity analyses: are the results robust to choices of the analysis?"""

from __future__ import annotations

import pandas as pd

from painprint.evidence.sensitivity import OTHER_AREAS, sensitivity_analyses
from painprint.evidence.stage import SCALE, SCORES, Stage, WrittenResult
from painprint.wording import enumerate_names, number, span

TABLES: dict[str, dict[str, str]] = {
    "sensitivity": {
        "variant": "the main analysis, or name of the sensitivity analysis",
        "n_regions": "regions used",
        "scale": SCALE,
        **SCORES,
        "n": "rows; scores whose n differs from that of the main analysis cannot be compared with "
        "it",
    },
}


def describe(result: WrittenResult) -> str:
    table, unit = result.tables["sensitivity"], result.unit
    at_primary = table[table["scale"] == result.primary].set_index("variant")
    is_other_atlas = at_primary.index.str.contains(OTHER_AREAS, regex=False)
    areas, rows = at_primary[is_other_atlas].dropna(subset="centred_r"), at_primary[~is_other_atlas]
    main, others = rows.iloc[0], rows.iloc[1:].dropna(subset="centred_r")
    if main["centred_r"] != main["centred_r"]:
        return (
            f"The {unit}-centred r {result.bins.at} is undefined. The skill of each sensitivity "
            "analysis is in sensitivity.tsv."
        )
    unlike = others[others["n"] != main["n"]]
    like = others.drop(unlike.index)["centred_r"].sort_values()
    sentences = [f"The {unit}-centred r {result.bins.at} of the main analysis is {_r(main)}."]
    if len(like):
        low, high = (_r(others.loc[name], name) for name in (like.index[0], like.index[-1]))
        sentences.append(
            f"It ranges from {low} to {high} in the sensitivity analyses that predict the same "
            f"{result.bins.bins}."
        )
    for name, row in unlike.iterrows():
        sentences.append(
            f"It is {_r(row)} in the analysis '{name}', which predicts {row['n']:.0f} "
            f"{result.bins.bins} rather than {main['n']:.0f}, so the two cannot be compared."
        )
    for start, meaning in (
        ("buffer", f"With a buffer, neighbours of the held-out {unit} are excluded from training."),
        ("blocks", f"With blocks, neighbouring {unit}s are held out together."),
        (
            "first",
            "The analysis 'first run only' uses the existing predictions; for all others, models "
            "were trained again.",
        ),
    ):
        if others.index.str.startswith(start).any():
            sentences.append(meaning)
    if len(areas):
        each = "; ".join(f"{name}: {_r(row)}" for name, row in areas.iterrows())
        sentences.append(
            "The individual parcellation was made from resting scans of sessions that are decoded. "
            "Therefore each half of the sessions was also decoded alone, with areas made from the "
            "other half, from the same half (about as much data, but of the decoded sessions) and "
            "from all sessions (about twice as much data), without excluding any region. These "
            "can be compared with each other within a half, but not with the main analysis, which "
            f"has other sessions: {each}."
        )
    return " ".join(sentences)


def _r(row: pd.Series, name: str = "") -> str:
    """Centred r, with the name of the analysis and its interval, where there is one."""
    ends = [row["centred_r_low"], row["centred_r_high"]]
    inside = "; ".join(([name] if name else []) + ([span(ends)] if ends[0] == ends[0] else []))
    return f"{number(row['centred_r'])} ({inside})" if inside else number(row["centred_r"])


def methods(result: WrittenResult) -> str:
    """Sentence of the Methods section; empty where the main analysis was not repeated."""
    unit, variants = result.unit, list(dict.fromkeys(result.tables["sensitivity"]["variant"]))[1:]
    halves = [name for name in variants if OTHER_AREAS in name]
    others = [name for name in variants if OTHER_AREAS not in name]
    networks = [name for name in others if name.startswith("without ")]
    n_buffer = result.settings["buffer_sessions"]
    buffer = unit if n_buffer == 1 else f"{n_buffer} {unit}s"
    parts = [
        (any(name == "first run only" for name in others), "on the first run of each session"),
        (
            any(name.startswith("buffer") for name in others),
            f"without training on the {buffer} on either side of the held-out {unit}",
        ),
        (
            any(name.startswith("blocks") for name in others),
            f"with blocks of neighbouring {unit}s held out together",
        ),
        ("only visual regions" in others, "with visual regions only"),
        ("visual regions in" in others, "with the excluded visual regions"),
        (len(networks) == 1, "".join(networks)),
        (len(networks) > 1, f"without the regions of each of {len(networks)} networks"),
        (bool(halves), "with areas made from each half and from all of the sessions"),
    ]
    done = [what for is_done, what in parts if is_done]
    return f"The analysis was repeated {enumerate_names(done)}." if done else ""


STAGE = Stage(
    name="sensitivity",
    question="Does it hold in sensitivity analyses?",
    compute=sensitivity_analyses,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
