"""Importance: which regions and networks contribute to the prediction?"""

from __future__ import annotations

from painprint.evidence.importance import importance
from painprint.evidence.stage import Stage, WrittenResult
from painprint.wording import number

LOSSES = {
    "low": "lower end of the 95 % interval (session-block bootstrap)",
    "high": "upper end",
    "importance_centred": "the same for the session-centred r",
    "centred_low": "lower end of its interval",
    "centred_high": "upper end",
}
TABLES: dict[str, dict[str, str]] = {
    "importance": {
        "region": "region",
        "network": "its network",
        "importance": "mean loss of r {at} when the region's contribution is permuted over rows",
        **LOSSES,
        "positive_strength": "sum of the positive weights of its edges in the final model",
        "negative_strength": "sum of the negative ones",
        "mean_abs_structure": "mean size of the structure coefficients of its edges",
        "fold_similarity": "mean correlation between folds of the weights of its edges",
    },
    "networkimportance": {
        "network": "network",
        "n_regions": "its regions",
        "importance": "as of regions, for all edges with an end in the network, each once",
        **LOSSES,
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
    numbers, tables, unit, bins = result.numbers, result.tables, result.unit, result.bins
    if numbers["centred_r"] is None:
        return f"The {unit}-centred r {bins.at} is undefined, and so is its loss."
    regions = tables["importance"].nlargest(3, "importance_centred")
    values = regions["importance_centred"].to_numpy(float)
    named = zip(regions["region"], values, strict=True)
    names = ", ".join(f"{name} ({number(value, 3)})" for name, value in named)
    sentences = [f"The most important regions are {names} (loss of {unit}-centred r {bins.at})."]
    explained = [
        f"The importance of a region is the mean loss of {unit}-centred r {bins.at} (which is "
        f"{number(numbers['centred_r'])}) when the contribution of its edges to the prediction is "
        f"permuted across rows ({numbers['n_permutations']:,} permutations of {unit}s, of runs "
        f"within {unit}s and of {bins.noun}s within runs). A loss of 0 or below means that the "
        "region does not contribute. The published measure, the loss of uncentred r, is given "
        f"beside it in importance.tsv; it depends on the few {unit} means."
    ]
    if "networkimportance" in tables:
        first = tables["networkimportance"].nlargest(1, "importance_centred").iloc[0]
        sentences.append(
            "Among networks, the edges with at least one end in "
            f"{first['network']} contribute most ({number(first['importance_centred'])})."
        )
        explained.append(
            "Edges between two networks count for both, so the values of networks do not sum to r, "
            "and large networks contribute more."
        )
    similarity = numbers["fold_similarity"]
    if similarity is not None:
        shared = (numbers["n_folds"] - 2) / (numbers["n_folds"] - 1)
        explained.append(
            f"The weights of two folds correlate with a mean r of {number(similarity)} (two folds "
            f"share {100 * shared:.0f}% of their training {unit}s); on average, "
            f"{100 * numbers['share_same_sign']:.0f}% of the edges of a fold have the sign of the "
            "final model."
        )
    explained.append(
        "A weight is the contribution of an edge given all others, and may be large to cancel "
        "noise; a structure coefficient is the correlation of the edge itself with the prediction. "
        f"Over edges, the two have a correlation of {number(numbers['weight_structure_r'])}."
    )
    return f"{' '.join(sentences)}\n{' '.join(explained)}"


def methods(result: WrittenResult) -> str:
    unit, noun = result.unit, result.bins.noun
    levels = "runs and" if unit == "run" else f"{unit}s, runs within {unit}s and"
    what = "regions and networks" if "networkimportance" in result.tables else "regions"
    return (
        f"The importance of {what} is the mean loss of {unit}-centred r {result.bins.at} over "
        f"{result.numbers['n_permutations']:,} permutations of their contribution (permuting "
        f"{levels} {noun}s within runs); structure coefficients are the "
        "correlations of each edge with the prediction of the final model over its training rows "
        "[@haufe2014]."
    )


STAGE = Stage(
    name="importance",
    question="Which regions and networks contribute to the prediction?",
    part="brain",
    is_open=True,
    of_weights=True,
    compute=importance,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
