"""Importance: which regions and networks carry the prediction?"""

from __future__ import annotations

from painprint.evidence.importance import importance
from painprint.evidence.stage import Stage, WrittenResult
from painprint.wording import number

TABLES: dict[str, dict[str, str]] = {
    "importance": {
        "region": "region",
        "network": "its network",
        "importance": "mean loss of r at 1 min when the region's contribution is permuted over "
        "rows",
        "low": "lower end of the 95 % interval (session-block bootstrap)",
        "high": "upper end",
        "importance_centred": "the same for the session-centred r",
        "centred_low": "lower end of its interval",
        "centred_high": "upper end",
        "positive_strength": "sum of the positive weights of its edges in the final model",
        "negative_strength": "sum of the negative ones",
        "mean_abs_structure": "mean size of the structure coefficients of its edges",
        "fold_similarity": "mean correlation between folds of the weights of its edges",
    },
    "networkimportance": {
        "network": "network",
        "n_regions": "its regions",
        "importance": "as of regions, for all edges with an end in the network, each once",
        "low": "lower end of the 95 % interval (session-block bootstrap)",
        "high": "upper end",
        "importance_centred": "the same for the session-centred r",
        "centred_low": "lower end of its interval",
        "centred_high": "upper end",
    },
    "networkweights": {
        "network_a": "network",
        "network_b": "network; the same for edges within it",
        "n_edges": "edges between them",
        "mean_weight": "mean of their weights in the final model",
        "positive": "sum of the positive weights",
        "negative": "sum of the negative ones",
    },
    "structure": {
        "region_a": "region",
        "region_b": "region",
        "weight": "weight of the edge in the final model",
        "structure": "structure coefficient: correlation of the edge with the final model's "
        "prediction over its training rows (standardised Haufe pattern)",
        "fold_mean": "mean weight over the outer folds",
        "fold_sd": "standard deviation of it",
        "same_sign": "share of folds whose weight has the sign of the final one",
    },
}


def describe(result: WrittenResult) -> str:
    """Paragraph of the page."""
    numbers, tables, unit = result.numbers, result.tables, result.unit
    if numbers["centred_r"] is None:
        return f"The {unit}-centred r at 1 min is undefined, so nothing can be lost of it."
    regions = tables["importance"].nlargest(3, "importance_centred")
    values = regions["importance_centred"].to_numpy(float)
    named = zip(regions["region"], values, strict=True)
    names = ", ".join(f"{name} ({number(value, 3)})" for name, value in named)
    sentences = [
        f"A region's importance is the mean loss of {unit}-centred r at 1 min (which is "
        f"{number(numbers['centred_r'])}) when what its edges add to the prediction is moved from "
        f"row to row, {numbers['n_permutations']:,} times, {unit}s, runs and minutes each among "
        f"themselves. Largest: {names}. Losses of 0 or below mean that nothing is carried. The "
        "published measure, the loss of plain r, stands beside it in importance.tsv; it hangs on "
        f"the few {unit} means."
    ]
    if "networkimportance" in tables:
        first = tables["networkimportance"].nlargest(1, "importance_centred").iloc[0]
        sentences.append(
            f"Of networks, all edges with an end in {first['network']} carry most "
            f"({number(first['importance_centred'])}); edges between two networks count in both, "
            "so networks do not add up to r, and large ones carry more."
        )
    similarity = numbers["fold_similarity"]
    if similarity is not None:
        shared = (numbers["n_folds"] - 2) / (numbers["n_folds"] - 1)
        sentences.append(
            f"Weights of two folds correlate at {number(similarity)} on average (they share "
            f"{100 * shared:.0f}% of their training {unit}s), and "
            f"{100 * numbers['share_same_sign']:.0f}% of edges keep the sign of the final model in "
            "a fold."
        )
    sentences.append(
        "A weight says what an edge adds given all others, and may be large to cancel noise; a "
        "structure coefficient says whether the edge itself goes along with what is predicted. "
        f"They correlate at {number(numbers['weight_structure_r'])} over edges."
    )
    return " ".join(sentences)


def methods(result: WrittenResult) -> str:
    """Sentence of the Methods."""
    return (
        "Importance of regions and networks is the mean loss of r at 1 min over "
        f"{result.settings['n_importance_permutations']:,} permutations of their contribution, "
        f"which moved {result.unit}s, runs within them and minutes within runs; structure "
        "coefficients are correlations of each edge with the final model's prediction over "
        "training rows."
    )


STAGE = Stage(
    name="importance",
    question="Which regions and networks carry it?",
    link="Regions and networks",
    compute=importance,
    tables=TABLES,
    describe=describe,
    methods=methods,
    references=(
        "Haufe et al. (2014). NeuroImage 87, 96-110. doi:10.1016/j.neuroimage.2013.10.067 "
        "(weights are not patterns)",
    ),
)
