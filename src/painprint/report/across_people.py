"""Words of findings across people: cards of the group's page, and its Methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint import wording
from painprint.report.summary import Card
from painprint.results.group import GroupResults
from painprint.works import CitedText

MEASURES = {"centred_r": "centred r", "skill": "skill"}
"""Measures of performance in words."""


def across_people(results: GroupResults) -> list[Card]:
    """Cards of networks, similarity and variables of people, as far as they were tested."""
    cards = []
    if "networks" in results.tables:
        cards.append(_networks(results))
    if "similarity" in results.tables:
        cards.append(_similarity(results.metrics["similarity"]))
    if "clinical" in results.tables:
        cards.append(_clinical(results))
    return cards


def _networks(results: GroupResults) -> Card:
    rows = results.tables["networks"]
    found = rows[rows["p_corrected"] < wording.SIGNIFICANT].sort_values("t", ascending=False)
    answer = f"{len(found)} of {wording.plural(len(rows), 'network')}"
    if rows["p"].isna().all():
        answer = "Not tested: too few people"
    numbers = "; ".join(
        f"{row['network']} {wording.estimate(row['r'], [row['r_low'], row['r_high']])}, corrected "
        f"p {wording.is_value(row['p_corrected'])}"
        for row in found.head(3).to_dict(orient="records")
    )
    return Card(
        "Which networks carry the signatures?",
        answer,
        "Edges of these networks predict the ratings of held-out sessions, on average over people. "
        "A network may do so by what it has in common with others.",
        f"mean centred r of the network's part: {numbers}" if numbers else "",
    )


def _similarity(numbers: Mapping[str, Any]) -> Card:
    own, shared = numbers["p_individual"], numbers["p_shared"]
    answer = "Not tested: too few people"
    if own is not None:
        is_own, is_shared = own < wording.SIGNIFICANT, shared < wording.SIGNIFICANT
        answer = {
            (True, True): "Individual, with a shared part",
            (True, False): "Individual; no shared part was shown",
            (False, True): "A shared part; none that is individual was shown",
            (False, False): "Neither an individual nor a shared part was shown",
        }[is_own, is_shared]
    p = (
        ""
        if own is None
        else f" (individual: p {wording.is_value(own)}; shared: p {wording.is_value(shared)})"
    )
    difference = wording.estimate(numbers["difference"], [numbers["low"], numbers["high"]])
    return Card(
        "How individual are the signatures?",
        answer,
        "The pattern of the first half of a person's sessions was compared with the second half of "
        "the same person and of every other person.",
        f"mean r within people {wording.number(numbers['within'])}, between people "
        f"{wording.number(numbers['between'])}; within people above what is expected of people who "
        f"differ in reliability alone: {difference}{p}",
    )


def _clinical(results: GroupResults) -> Card:
    rows = results.tables["clinical"]
    found = rows[rows["p_corrected"] < wording.SIGNIFICANT]
    n = wording.plural(rows["variable"].nunique(), "variable")
    numbers = "; ".join(
        f"{row['variable']} with {MEASURES[row['measure']]}: "
        f"{wording.estimate(row['rho'], [row['rho_low'], row['rho_high']])}, corrected p "
        f"{wording.is_value(row['p_corrected'])}, n = {row['n']}"
        for row in found.head(3).to_dict(orient="records")
    )
    return Card(
        "Is performance related to variables of people?",
        f"{found['variable'].nunique()} of {n}",
        "Rank correlation of numeric columns of participants.tsv with centred r and skill of the "
        "own signature, corrected for their number. A relation may have other causes, such as the "
        "number of sessions or motion.",
        numbers,
    )


def group_methods(results: GroupResults) -> CitedText:
    """The Methods of the group level: what was done, and no more."""
    metrics, tables, at = results.metrics, results.tables, results.bins.at
    n_people = len(metrics["participants"])
    sentences = [
        f"Signatures of {wording.count_people(n_people)} were compared with painprint "
        f"{metrics['versions']['painprint']}. The signature of each person was applied to the runs "
        "of every other person with the same atlas; the person's own signature was that of the "
        f"fold trained without the session. Agreement was the session-centred r {at}, with a "
        f"session-block bootstrap interval ({metrics['n_bootstraps']:,} resamples)."
    ]
    if metrics["identified"]:
        sentences.append(
            "Sessions were identified by the signature with the largest r within the session, and "
            "the number of those identified as the person's own was compared with chance by the "
            "binomial distribution [@finn2015]."
        )
    if "networks" in tables:
        sentences.append(
            "For each network, the part of the held-out prediction that comes from edges with an "
            "end in it was correlated with the rating, both centred within session; the mean of "
            "Fisher's z over people was tested by flipping signs of people [@winkler2014], "
            "one-sided, corrected over networks by the largest t [@nichols2002]."
        )
    if "similarity" in tables:
        sentences.append(
            "Patterns (covariances of features and rating within sessions [@haufe2014]) of the "
            "first half of each person's sessions were correlated with those of the second half of "
            f"every person ({wording.count_people(metrics['similarity']['n_people'])}). Similarity "
            "within people was compared with that expected if all had the same pattern and "
            "differed in reliability alone (a matrix of rank one, fitted to the similarities "
            "between people), by flipping signs of the differences of people; whether similarity "
            "between people is above 0 was tested by flipping signs of their patterns "
            "[@winkler2014], both one-sided."
        )
    if "clinical" in tables:
        names = wording.enumerate_names(metrics["clinical"]["variables"])
        sentences.append(
            f"Spearman's rank correlations of {names} with session-centred r and skill of the own "
            f"signature ({wording.count_people(metrics['clinical']['n_people'])}) have intervals "
            "by Fisher's z [@bonett2000] and two-sided p-values from 10,000 permutations of "
            "people, corrected over variables and measures by the largest correlation "
            "[@nichols2002]."
        )
    return CitedText(" ".join(sentences))
