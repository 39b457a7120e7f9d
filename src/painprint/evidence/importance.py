"""Importance of regions and networks for the prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.bins import Bins
from painprint.compiled import kernel
from painprint.decode.errors import NotEnoughData
from painprint.decode.gram import edge_correlations
from painprint.decode.metrics import center_by, center_columns
from painprint.decode.training import FoldModel
from painprint.edges import edges_to_matrix
from painprint.evidence.case import Case
from painprint.evidence.stage import StageResult
from painprint.parallel import map_ordered
from painprint.progress import OnStep, count_steps
from painprint.regions import Regions
from painprint.runs import Frames
from painprint.stats.bootstrap import IDENTITY, block_draw, interval, t_inflated
from painprint.stats.correlation import correlate_resamples, correlation

INTERVAL_PERMUTATIONS = 50
"""Number of permutations (the first ones) whose mean is resampled for an interval."""
LOSS = ("importance", "low", "high")
LOSS_CENTRED = ("importance_centred", "centred_low", "centred_high")


def importance(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Importance of each region and network: loss of r when its contribution is permuted.

    Returns
    -------
    result : StageResult
        Tables ``importance`` (regions), ``networkimportance``, ``networkweights`` (pairs of
        networks), and ``structure`` (edges).
        Numbers: r and session-centred r at 1 min, and the similarity of the folds' weights.

    Notes
    -----
    The published measure is the loss of r; the loss of the session-centred r, the primary outcome,
    is given as well. The few session means make the former much noisier (docs/evidence.md).

    References
    ----------
    docs/methods.md; Lee et al. (2026); Haufe et al. (2014), doi 10.1016/j.neuroimage.2013.10.067
    """
    decoding, regions = case.decoding, case.decoding.regions
    minutes, bins = case.at_primary()
    group_index = decoding.training.group_index[bins.run]
    networks, not_done = network_members(regions)
    parts = contributions(
        decoding.frames,
        bins,
        group_index,
        decoding.folds,
        list(networks.values()),
        n_jobs=case.n_jobs,
    )
    predicted = minutes["predicted"].to_numpy(float)
    if correlation(bins.rating, predicted) is None:
        raise NotEnoughData("rating or prediction never varies, so importance is undefined.")
    rng = case.stream("importance")
    rows = permute_rows(group_index, bins.run, case.settings.n_importance_permutations, rng)
    losses = permutation_losses(
        PartedPrediction(bins.rating, predicted, parts, group_index),
        rows,
        n_draws=case.settings.n_bootstraps,
        rng=rng,
        n_jobs=case.n_jobs,
        on_step=on_step,
    )
    region_losses = losses.iloc[: len(regions.names)].reset_index(drop=True)
    network_losses = losses.iloc[len(regions.names) :].reset_index(drop=True)
    fold_weights = np.array([fold.weights for fold in decoding.folds])
    structure = structure_table(case, fold_weights)
    tables = {
        "importance": _region_table(
            regions, region_losses, decoding.final, structure, fold_weights
        ),
        "structure": structure,
    }
    if networks:
        counts = {"network": list(networks), "n_regions": [len(m) for m in networks.values()]}
        tables["networkimportance"] = pd.concat([pd.DataFrame(counts), network_losses], axis=1)
        tables["networkweights"] = network_weights(networks, decoding.final.weights)
    numbers = {
        "r": correlation(bins.rating, predicted),
        "centred_r": correlation(
            center_by(bins.rating, group_index), center_by(predicted, group_index)
        ),
        "n_permutations": case.settings.n_importance_permutations,
        "fold_similarity": _mean_correlation(fold_weights),
        "n_folds": len(decoding.folds),
        "share_same_sign": float(structure["same_sign"].mean()),
        "weight_structure_r": correlation(
            structure["weight"].to_numpy(), structure["structure"].to_numpy()
        ),
    }
    return StageResult(tables, numbers, tuple(not_done))


def network_members(regions: Regions) -> tuple[dict[str, Codes], list[str]]:
    """Indices of each network's regions, and notes on regions without a network."""
    labels = np.array(regions.networks, dtype=object)
    networks = {str(w): np.flatnonzero(labels == w) for w in dict.fromkeys(labels) if w}
    n_without = int((labels == "").sum())
    notes = []
    if not networks:
        notes.append("No importance of networks: the regions' networks are unknown.")
    elif n_without:
        notes.append(f"{n_without} of {len(labels)} regions have no network: they count in none.")
    return networks, notes


def network_weights(networks: Mapping[str, Codes], weights: Vector) -> pd.DataFrame:
    """Weights of the edges within each network and between each two.

    Parameters
    ----------
    networks : mapping of str to int array
        Indices of the regions of each network.
    weights : ndarray of shape (n_edges,)

    Returns
    -------
    table : DataFrame
        ``networkweights``; ``mean_weight`` is NaN where there is no edge.
    """
    W = edges_to_matrix(weights)
    rows = []
    for (a, in_a), (b, in_b) in combinations_with_replacement(networks.items(), 2):
        block = W[np.ix_(in_a, in_b)]
        between = block[np.triu_indices(len(in_a), k=1)] if a == b else block.ravel()
        rows.append(
            {
                "network_a": a,
                "network_b": b,
                "n_edges": len(between),
                "mean_weight": between.mean() if len(between) else np.nan,
                "positive": between[between > 0].sum(),
                "negative": between[between < 0].sum(),
            }
        )
    return pd.DataFrame(rows)


def contributions(
    frames: Sequence[Frames],
    bins: Bins,
    group_index: Codes,
    folds: Sequence[FoldModel],
    networks: Sequence[Codes] = (),
    *,
    n_jobs: int = 1,
) -> Matrix:
    """Contributions of the edges of each region and network to the prediction of each row.

    Parameters
    ----------
    frames, bins
        Runs, and the bins that are the rows.
    group_index : ndarray of int, shape (n_rows,)
        Fold that predicts each row.
    networks : sequence of int arrays
        Indices of the regions of each network.

    Returns
    -------
    parts : ndarray of shape (n_rows, n_regions + n_networks)
        Σ over edges with an end in the region (or at least one in the network) of weight times
        co-fluctuation, and weight times mean signal where activity is decoded, in units of the
        rating. An edge counts once in a network; over all regions it counts twice.

    References
    ----------
    docs/methods.md
    """
    rows = [np.flatnonzero(group_index == k) for k in range(len(folds))]
    jobs = ((frames, bins, rows[k], fold, networks) for k, fold in enumerate(folds))
    parts = np.empty((len(bins), len(frames[0].regions) + len(networks)))
    parts_of_folds = map_ordered(_contributions_of_fold, jobs, n_jobs=n_jobs, large=True)
    for fold_parts, fold_rows in zip(parts_of_folds, rows, strict=True):
        parts[fold_rows] = fold_parts
    return parts


def _contributions_of_fold(
    frames: Sequence[Frames], bins: Bins, rows: Codes, fold: FoldModel, networks: Sequence[Codes]
) -> Matrix:
    W = edges_to_matrix(fold.weights)
    v = np.zeros(len(W)) if fold.activity is None else fold.activity
    parts = []
    for row in rows:
        Z = frames[bins.run[row]].signals[bins.frames[row]]
        weighted = (Z.T @ Z) * (W / len(Z))
        region_parts = weighted.sum(axis=1)
        network_parts = np.array(
            [
                region_parts[members].sum() - weighted[np.ix_(members, members)].sum() / 2
                for members in networks
            ]
        )
        signal_parts = v * Z.mean(axis=0)
        network_parts += np.array([signal_parts[members].sum() for members in networks])
        parts.append([*(region_parts + signal_parts), *network_parts])
    return np.array(parts)


def permute_rows(
    group_index: Codes, run: Codes, n: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Orders of rows: groups in random order, runs within group, rows within run.

    Parameters
    ----------
    group_index, run : ndarray of int, shape (n_rows,)
        Group and run of each row.

    Returns
    -------
    rows : ndarray of int, shape (n, n_rows)
        In each line, the row at each position.
    """
    orders = np.empty((n, len(group_index)), dtype=np.int32)
    for i in range(n):
        group_key, run_key = rng.random(group_index.max() + 1), rng.random(run.max() + 1)
        orders[i] = np.lexsort((rng.random(len(group_index)), run_key[run], group_key[group_index]))
    return orders


@short_repr
@dataclass(frozen=True, eq=False)
class PartedPrediction:
    """A prediction, and the contribution of each region or network to it.

    Attributes
    ----------
    rating, predicted : ndarray of shape (n_rows,)
    parts : ndarray of shape (n_rows, n_parts)
        From :func:`contributions`.
    group_index : ndarray of int, shape (n_rows,)
        Group of each row, in the order of time.
    """

    rating: Vector
    predicted: Vector
    parts: Matrix
    group_index: Codes

    def centred(self, within: Codes) -> PartedPrediction:
        """The same, with all values centred within groups."""
        return PartedPrediction(
            center_by(self.rating, within),
            center_by(self.predicted, within),
            center_columns(self.parts, within),
            within,
        )


def permutation_losses(
    prediction: PartedPrediction,
    rows: NDArray[np.int32],
    *,
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int = 1,
    on_step: OnStep | None = None,
) -> pd.DataFrame:
    """Mean loss of r and of group-centred r when one contribution is permuted.

    Parameters
    ----------
    rows : ndarray of int, shape (n_permutations, n_rows)
        From :func:`permute_rows`.
    n_draws : int
        Number of resamples of blocks of groups for the interval.

    Returns
    -------
    losses : DataFrame
        One row per part: ``importance`` (of r), ``low``, ``high`` (95 % interval), and the same of
        the group-centred r: ``importance_centred``, ``centred_low``, ``centred_high``.
    """
    group_index, n_parts = prediction.group_index, prediction.parts.shape[1]
    counts = block_draw(np.arange(group_index.max() + 1))(n_draws, rng)
    step = count_steps(on_step, n_parts)
    all_in_one = np.zeros_like(group_index)
    views = [prediction.centred(within) for within in (all_in_one, group_index)]
    jobs = ((views, i, rows, group_index, counts) for i in range(n_parts))
    rows_of_table = []
    for losses in map_ordered(_lose_part, jobs, n_jobs=n_jobs, large=True):
        rows_of_table.append([*losses[0], *losses[1]])
        step()
    return pd.DataFrame(rows_of_table, columns=[*LOSS, *LOSS_CENTRED])


def _lose_part(
    views: Sequence[PartedPrediction],
    i: int,
    rows: NDArray[np.int32],
    group_index: Codes,
    counts: Matrix,
) -> list[tuple[float, float | None, float | None]]:
    """Loss of r and its interval, for each way of centring."""
    losses: list[tuple[float, float | None, float | None]] = []
    for view in views:
        within = view.group_index
        part = np.ascontiguousarray(view.parts[:, i])
        rest = view.predicted - part
        r = correlation(view.rating, view.predicted)
        if r is None:
            losses.append((np.nan, None, None))
            continue
        r_permuted = r_of_permuted(view.rating, rest, part, rows, within)
        loss = r - float(r_permuted.mean())
        first = rows[:INTERVAL_PERMUTATIONS]
        moved = rest + center_columns(part[first].T, within).T
        resampled = correlate_resamples(
            counts, view.rating, view.predicted[:, None], group=group_index
        )
        resampled_moved = correlate_resamples(counts, view.rating, moved.T, group=group_index)
        resampled = (resampled - resampled_moved).mean(axis=1)
        resampled = resampled[np.isfinite(resampled)]
        if not len(resampled):
            losses.append((loss, None, None))
            continue
        # shifted from the loss over the first permutations to that over all
        shifted = resampled - (r - float(r_permuted[:INTERVAL_PERMUTATIONS].mean())) + loss
        ends = interval(t_inflated(shifted, loss, counts.shape[1], IDENTITY), null=0)
        losses.append((loss, ends.low, ends.high))
    return losses


@kernel(nogil=True)
def r_of_permuted(
    y: Vector, rest: Vector, part: Vector, rows: NDArray[np.int32], by: Codes
) -> Vector:
    """Correlation of y with rest + part in other orders, the sum centred within groups.

    y, rest and part are centred within the groups. Permuting a part keeps its sum of squares but
    not its group means, which are therefore subtracted.
    """
    y_y, y_rest = (y * y).sum(), (y * rest).sum()
    squares = (rest * rest).sum() + (part * part).sum()
    size = np.bincount(by)
    r = np.empty(len(rows))
    for b in range(len(rows)):
        y_part, rest_part = 0.0, 0.0
        total = np.zeros(len(size))
        for i in range(len(y)):
            moved = part[rows[b, i]]
            y_part += y[i] * moved
            rest_part += rest[i] * moved
            total[by[i]] += moved
        spread = squares + 2 * rest_part - (total * total / size).sum()
        r[b] = (y_rest + y_part) / np.sqrt(y_y * spread)
    return r


def _region_table(
    regions: Regions,
    losses: pd.DataFrame,
    final: FoldModel,
    structure: pd.DataFrame,
    fold_weights: Matrix,
) -> pd.DataFrame:
    W = edges_to_matrix(final.weights)
    structure_size = edges_to_matrix(np.abs(structure["structure"].to_numpy()))
    fold_matrices = np.array([edges_to_matrix(weights) for weights in fold_weights])
    return pd.DataFrame(
        {
            "region": regions.names,
            "network": regions.networks,
            **losses,
            "positive_strength": np.maximum(W, 0).sum(axis=1),
            "negative_strength": np.minimum(W, 0).sum(axis=1),
            "mean_abs_structure": structure_size.sum(axis=1) / (len(W) - 1),
            "fold_similarity": [
                _mean_correlation(np.delete(fold_matrices[:, g], g, axis=1)) for g in range(len(W))
            ],
        }
    )


def structure_table(case: Case, fold_weights: Matrix) -> pd.DataFrame:
    """Weight of each edge, its correlation with the prediction, and its weights in the folds.

    A weight is the contribution of an edge given all others; its structure coefficient is its
    correlation with the prediction (Haufe's pattern, standardised). Both are of the final model, on
    its training rows.
    """
    decoding = case.decoding
    bin_gram = case.bin_grams[case.settings.lag_s.index(decoding.final.lag_s)]
    bins, final = bin_gram.bins["train"], decoding.final
    scores = [final.score(run.signals) for run in bin_gram.frames]
    fitted = np.array([scores[r][m].mean() for r, m in zip(bins.run, bins.frames, strict=True)])
    names = np.array(decoding.regions.names, dtype=object)
    a, b = np.triu_indices(len(names), k=1)
    return pd.DataFrame(
        {
            "region_a": names[a],
            "region_b": names[b],
            "weight": final.weights,
            "structure": edge_correlations(bin_gram.frames, bins, fitted, n_jobs=case.n_jobs),
            "fold_mean": fold_weights.mean(axis=0),
            "fold_sd": fold_weights.std(axis=0, ddof=1),
            "same_sign": (np.sign(fold_weights) == np.sign(final.weights)).mean(axis=0),
        }
    )


def _mean_correlation(lines: Matrix) -> float | None:
    """Mean correlation of all pairs of rows; None where one does not vary."""
    centred = lines - lines.mean(axis=1, keepdims=True)
    norms = np.sqrt((centred**2).sum(axis=1))
    if not norms.all():
        return None
    total = (centred / norms[:, None]).sum(axis=0)
    n = len(lines)
    return float((total @ total - n) / (n * (n - 1)))
