"""QC-FC: does motion show in connectivity?"""

from __future__ import annotations

from painprint.evidence.qcfc import motion_and_edges
from painprint.evidence.stage import Stage, WrittenResult
from painprint.wording import number

TABLES: dict[str, dict[str, str]] = {
    "qcfc": {
        "distance": "mean distance between the two regions of an edge (mm); n/a where not known",
        "n_edges": "edges in this bin of distance",
        "median_r": "correlation over runs of edge strength and mean framewise displacement of the "
        "frames used: median over edges",
        "r_25": "its lower quartile",
        "r_75": "its upper quartile",
        "share_significant": "edges with p < .05, uncorrected: about .05 by chance",
    },
}


def describe(result: WrittenResult) -> str:
    numbers = result.numbers
    share = numbers["share_significant"]
    sentences = [
        f"Across {numbers['n_runs']} runs, the strength of an edge correlates with the mean "
        "framewise displacement of the frames used with a median |r| of "
        f"{number(numbers['median_abs_r'])}; {share:.0%} of {numbers['n_edges']:,} edges have "
        "p < .05 (uncorrected; 5% are expected by chance)."
    ]
    if numbers["rho_distance"] is not None:
        sentences.append(
            "The rank correlation of this r with the distance between the two regions is "
            f"{number(numbers['rho_distance'])}; residual motion artefacts strengthen short "
            "edges and weaken long ones, which makes this correlation negative."
        )
    return " ".join(sentences)


def methods(result: WrittenResult) -> str:
    distance = result.numbers["rho_distance"] is not None
    return (
        "As a check of residual motion, the strength of each edge was correlated with mean "
        f"framewise displacement across {result.numbers['n_runs']} runs"
        + ", and this correlation with the distance between the two regions" * distance
        + " [@ciric2017]."
    )


STAGE = Stage(
    name="qcfc",
    question="Do motion artefacts remain in connectivity?",
    part="brain",
    compute=motion_and_edges,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
