"""What each stage found, a paragraph each, made from its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from painprint.evidence.sensitivity import OTHER_AREAS
from painprint.report.words import FEW_GROUPS, estimate, is_value, number, plural
from painprint.results.read import Results


def evidence(results: Results) -> dict[str, str]:
    """A paragraph for each stage that was asked; empty where nothing could be done."""
    stages, unit = results.metrics["stages"], results.metrics["leave_out"]
    said = {stage: "" for stage, numbers in stages.items() if numbers is not None}
    if "null" in results.findings:
        said["null"] = _null(stages["null"], results.metrics["scales"], unit)
    if "controls" in results.findings:
        said["controls"] = _controls(stages["controls"], unit)
    if "refits" in results.findings:
        said["refits"] = _refits(results.findings["refits"], unit)
    if "learningcurve" in results.findings:
        said["curve"] = _curve(stages["curve"], unit)
    if "prospective" in results.findings:
        said["prospective"] = _prospective(stages["prospective"], unit)
    if "importance" in results.findings:
        said["importance"] = _importance(stages["importance"], results.findings, unit)
    if "rest" in results.findings:
        said["rest"] = _rest(stages["rest"])
    if "baselines" in results.findings:
        said["baselines"] = _baselines(stages["baselines"], results.metrics["n_groups"], unit)
    if "univariate" in results.findings:
        said["univariate"] = _univariate(stages["univariate"], results.findings["univariate"])
    if "external" in results.findings:
        said["external"] = (
            "Weights from elsewhere, fixed before, scored on the frames that tested ours. Only "
            "with an intercept are they in units of the rating, so that skill can be asked."
        )
    if "qcfc" in results.findings:
        said["qcfc"] = _motion(stages["qcfc"])
    return said


def _motion(numbers: Mapping[str, Any]) -> str:
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


def _null(numbers: Mapping[str, Any], scales: Mapping[str, Any], unit: str) -> str:
    minute, levels = scales["1min"], scales["session"]
    sentences = [
        "The whole pipeline, nested cross-validation included, was repeated with permuted ratings, "
        f"{numbers['n_permutations']:,} times within {unit}s and as often between them."
    ]
    if minute["p_within"] is not None:
        sentences.append(
            f"The {unit}-centred r of {number(minute['centred_r'])} at 1 min has p within "
            f"{is_value(minute['p_within'])}."
        )
    if levels["p_between"] is not None:
        sentences.append(
            f"The r of {number(levels['r'])} between {unit}s has p between "
            f"{is_value(levels['p_between'])}."
        )
    sentences += [
        f"With both components permuted, the median r at 1 min is {number(minute['null_median'])}.",
        f"P within asks whether rating and prediction rise and fall together within {unit}s: time "
        f"courses are permuted between {unit}s and shifted circularly within runs, and {unit} "
        f"means are kept. It assumes that {unit}s are exchangeable in this, and that time courses "
        "are stationary within runs (strong trends make p too small: see time in run).",
        f"P between asks whether the levels of {unit}s go together: time courses are kept, and the "
        f"{unit} means are put in other orders with an autocorrelation that could have made the "
        "observed one. It assumes that they drift as a first-order autoregressive process. Both "
        "are one-sided.",
    ]
    return " ".join(sentences)


def _controls(numbers: Mapping[str, Any], unit: str) -> str:
    verdicts = {name: v for name, v in numbers.items() if name != "not_done"}
    flagged = [name for name, verdict in verdicts.items() if verdict["flagged"]]
    n_tested = sum(verdict["p_corrected"] is not None for verdict in verdicts.values())
    them = "it" if len(flagged) == 1 else "them"
    what = (
        f"Flagged: {', '.join(flagged)}. The rating of unseen {unit}s can be predicted from {them} "
        f"beyond chance, so the signature may read {them}; see what is left when removed."
        if flagged
        else f"None of the {n_tested} tested predicts the rating of unseen {unit}s beyond chance."
    )
    return (
        f"{what} Each control predicted the rating alone, on the same folds, with p from permuted "
        f"ratings: within {unit}s where it varies there, and between them (Holm's "
        "correction over all tests of a family, such as motion). Removed means partialled out of "
        "ratings and of every edge, with coefficients from training data, and the nested fit "
        "repeated."
    )


def _refits(table: pd.DataFrame, unit: str) -> str:
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


def _curve(numbers: Mapping[str, Any], unit: str) -> str:
    answers = [_until(until, numbers["n_sessions"], unit) for until in numbers["until"]]
    return (
        f"Models of fewer {unit}s, {numbers['n_draws']} random draws for each {unit} held out. How "
        f"many it takes. {' '.join(answers)} The interval resamples the tested {unit}s in blocks, "
        "not the draws; the curve a - b/s^c is followed no farther than twice the "
        f"{unit}s there are."
    )


def _until(until: Mapping[str, Any], n_there: int, unit: str) -> str:
    """How many more it takes, rounded up."""
    what = until["what"][0].upper() + until["what"][1:]
    if until["refused"]:
        return f"{what}: no answer, {until['refused']}"
    n = math.ceil(until["n_sessions"])
    way = f"{n - n_there} more than the {n_there} there are" if n > n_there else "reached already"
    ends = ""
    if until["low"] is not None:
        high = "no end in reach" if until["high"] is None else f"{math.ceil(until['high'])}"
        ends = f" (95% interval {math.ceil(until['low'])} to {high})"
    return f"{what}: {plural(n, unit)}{ends}, {way}."


def _prospective(numbers: Mapping[str, Any], unit: str) -> str:
    following = numbers["next"]["1min"]
    sentences = [
        f"Each {unit} predicted by the model of all {unit}s before it: {unit}-centred r "
        f"{number(following['centred_r'])}, skill {number(following['skill'])}, mean absolute "
        f"error {number(following['mae'], 3)} at 1 min."
    ]
    error = numbers["error_ahead"]
    if error is not None:
        sentences.append(
            f"The mean absolute error was {number(error['near'], 3)} for the next {unit} and "
            f"{number(error['far'], 3)} for those {error['far_ahead']} or more ahead (always "
            f"predicting the training mean: {number(error['near_mean'], 3)} and "
            f"{number(error['far_mean'], 3)})."
        )
    if numbers["first"] is not None:
        first, later = numbers["first"]["1min"], numbers["later"]
        after = (
            f"; on the later ones, their model has r {number(later['1min']['r'])}, centred "
            f"{number(later['1min']['centred_r'])}"
            if later
            else ""
        )
        sentences.append(
            f"The first {numbers['n_first']} {unit}s alone, by nested leave-one-out as published: "
            f"r {number(first['r'])}, AUC {number(first['auc'])} at 1 min{after}."
        )
    return " ".join(sentences)


def _importance(numbers: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], unit: str) -> str:
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


def _rest(numbers: Mapping[str, Any]) -> str:
    unseen, everything = numbers["unseen"], numbers["all sessions"]
    above = unseen["above_mean"]
    return (
        f"In {unseen['n']} sessions the resting run was read by the model that had not seen the "
        "session, and compared with the mean rating of the session's first run: r of the "
        "prediction above the mean of its training ratings is "
        f"{_with_ends(above, unseen['n'])}. Where ratings and BOLD both drift over sessions this "
        "is biased upwards, so no p is given. Plain r is "
        f"{number(unseen['plain']['r'])}, biased downwards, for each fold's training mean moves "
        "against the session it has not seen. The published way, the model of all sessions, gives "
        f"r {number(everything['plain']['r'])}: that model was trained on these very ratings, so "
        "it shows no prediction."
    )


def _with_ends(found: Mapping[str, Any], n: int) -> str:
    """r, with its interval where there are enough sessions for one."""
    if n < FEW_GROUPS:
        return number(found["r"])
    return estimate(found["r"], [found["low"], found["high"]])


def _baselines(numbers: Mapping[str, Any], n_groups: int, unit: str) -> str:
    sentences = [
        f"{plural(numbers['n_methods'], 'comparison model')}, trained on the same folds and tested "
        "on the same minutes."
    ]
    if n_groups < FEW_GROUPS:
        sentences.append(f"{n_groups} {unit}s are too few for intervals of the differences.")
        return " ".join(sentences)
    for key, what in (("centred_r", f"{unit}-centred r"), ("skill", "skill")):
        better = _beaten(numbers["methods"], f"d_{key}", above=True)
        worse = _beaten(numbers["methods"], f"d_{key}", above=False)
        undefined = [n for n, m in numbers["methods"].items() if m[f"d_{key}"][0] is None]
        sentences.append(
            f"In {what}, painprint is better than {better or 'none'}, and worse than "
            f"{worse or 'none'}; from the others it cannot be told"
            + (f" (undefined: {', '.join(undefined)})." if undefined else ".")
        )
    sentences.append(f"Intervals are those of the paired difference, by blocks of {unit}s.")
    return " ".join(sentences)


def _beaten(methods: Mapping[str, Any], key: str, *, above: bool) -> str:
    """Methods whose difference lies on one side of 0 with its whole interval."""
    found = []
    for name, of_method in methods.items():
        _, low, high = of_method[key]
        if low is not None and (low > 0 if above else high < 0):
            found.append(name)
    return ", ".join(found)


def _univariate(numbers: Mapping[str, Any], table: pd.DataFrame) -> str:
    said = (
        "Region by region, without any decoding: the rating, convolved with the canonical "
        "haemodynamic response, beside motion and slow drifts in a linear model of each run, the "
        f"effects tested across {numbers['n_sessions']} sessions (taken as independent). "
        f"{numbers['n_significant']} of {plural(numbers['n_regions'], 'region')} are significant "
        "at a false discovery rate of 5%."
    )
    if numbers["n_significant"]:
        largest = table.iloc[int(table["t"].abs().argmax())]
        said += f" Largest: {largest['region']} (t {number(largest['t'])})."
    dense = numbers["dense"]
    if dense:
        said += (
            f" Of {dense['n_points']:,} {dense['kind']}, {dense['n_significant']:,} are; "
            f"{dense['n_without_signal']:,} lack a signal in at least one session and were not "
            "tested. The map lies beside the table."
        )
    return said
