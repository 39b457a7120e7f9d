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
    """Paragraph of the page."""
    numbers = result.numbers
    share = numbers["share_significant"]
    sentences = [
        f"Over {numbers['n_runs']} runs, the strength of an edge goes with mean framewise "
        f"displacement of the frames used with a median |r| of {number(numbers['median_abs_r'])}; "
        f"{share:.0%} of {numbers['n_edges']:,} edges have p < .05, where 5% would by chance."
    ]
    if numbers["rho_distance"] is not None:
        sentences.append(
            "Rank correlation of that r with the distance of the two regions: "
            f"{number(numbers['rho_distance'])}; motion that cleaning leaves makes near edges "
            "stronger and far ones weaker, so that it falls below 0."
        )
    return " ".join(sentences)


STAGE = Stage(
    name="qcfc",
    question="Does motion show in connectivity?",
    link="Motion",
    compute=motion_and_edges,
    tables=TABLES,
    describe=describe,
    references=(
        "Ciric et al. (2017). NeuroImage 154, 174-187. doi:10.1016/j.neuroimage.2017.03.020 "
        "(motion in connectivity)",
    ),
)
