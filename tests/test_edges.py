"""Edges: definition as loops, and identities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from painprint.edges import (
    bin_edges,
    count_edges,
    count_regions,
    edge_block,
    edge_blocks,
    edges_to_matrix,
    matrix_to_edges,
    score_frames,
)


def slow_bin_edges(signal, labels):
    rows = []
    for b in range(labels.max() + 1):
        row = []
        for i in range(signal.shape[1]):
            for j in range(i + 1, signal.shape[1]):
                products = [
                    z[i] * z[j] for z, label in zip(signal, labels, strict=True) if label == b
                ]
                row.append(sum(products) / len(products))
        rows.append(row)
    return np.array(rows)


def test_bin_edges_are_mean_products_of_pairs(rng):
    signal = rng.normal(size=(40, 5))
    labels = rng.integers(-1, 3, size=40)
    np.testing.assert_allclose(
        bin_edges(signal, labels), slow_bin_edges(signal, labels), rtol=1e-10
    )


def test_a_bin_without_frames_is_an_error(rng):
    with pytest.raises(ValueError, match="bin 0 of 2"):
        bin_edges(rng.normal(size=(4, 3)), np.array([1, 1, 1, 1]))


@given(st.integers(2, 60), st.integers(1, 300))
def test_blocks_put_together_are_all_edges_in_order(n_regions, max_edges):
    frames = np.random.default_rng(n_regions).normal(size=(7, n_regions))
    parts = [edge_block(frames, *block) for block in edge_blocks(n_regions, max_edges)]
    assert all(len(p) <= max(max_edges, n_regions - 1) for p in parts)
    np.testing.assert_allclose(
        np.concatenate(parts), edge_block(frames, 0, n_regions), rtol=1e-9, atol=1e-12
    )


@given(st.integers(2, 50))
def test_matrix_and_vector_are_inverse(n_regions):
    edges = np.random.default_rng(n_regions).normal(size=count_edges(n_regions))
    assert count_regions(len(edges)) == n_regions
    np.testing.assert_array_equal(matrix_to_edges(edges_to_matrix(edges)), edges)


def test_a_vector_that_is_no_triangle_is_refused():
    with pytest.raises(ValueError, match="4 edges"):
        edges_to_matrix(np.ones(4))


def test_the_score_of_a_frame_is_its_edges_times_weights(rng):
    signal, weights = rng.normal(size=(6, 4)), rng.normal(size=6)
    expected = [
        0.3
        + sum(
            w * z[i] * z[j]
            for w, (i, j) in zip(
                weights, [(i, j) for i in range(4) for j in range(i + 1, 4)], strict=True
            )
        )
        for z in signal
    ]
    np.testing.assert_allclose(score_frames(signal, weights, 0.3), expected, rtol=1e-10)
