"""Pearson's correlation has one definition, and it is the one in the books."""

import ast
from pathlib import Path

import numpy as np
import pytest

import painprint
from painprint.stats.correlation import (
    correlate_columns,
    correlate_resamples,
    correlation,
    weighted_r,
)

PACKAGE = Path(painprint.__file__).parent


def test_columns_are_correlated_as_numpy_does(rng):
    X, Y = rng.normal(size=(2, 31, 4)) + 5
    expected = [np.corrcoef(x, y)[0, 1] for x, y in zip(X.T, Y.T, strict=True)]
    np.testing.assert_allclose(correlate_columns(X, Y), expected, rtol=1e-12)
    np.testing.assert_allclose(
        correlate_columns(X, Y[:, :1]), [np.corrcoef(x, Y[:, 0])[0, 1] for x in X.T], rtol=1e-12
    )
    assert correlation(X[:, 0], Y[:, 0]) == pytest.approx(expected[0], rel=1e-12)


@pytest.mark.parametrize("flat", [np.full(9, 0.1), np.full(9, 1e6), np.zeros(9)])
def test_what_does_not_vary_beyond_rounding_has_no_correlation(rng, flat):
    x, counts = rng.normal(size=9), np.ones((3, 9))
    assert correlation(x, flat) is None and correlation(flat, x) is None
    assert np.isnan(correlate_columns(flat[:, None], x[:, None])).all()
    assert np.isnan(weighted_r(counts, x, flat)).all()


def test_one_row_has_no_correlation():
    assert correlation(np.array([1.0]), np.array([2.0])) is None
    assert correlation(np.array([]), np.array([])) is None


def test_resamples_are_correlated_as_the_rows_drawn(rng):
    x, Y = rng.normal(size=12) + 3, rng.normal(size=(12, 3)) - 7
    counts = rng.multinomial(12, np.full(12, 1 / 12), size=5)
    found = correlate_resamples(counts.astype(float), x, Y)
    for r, times in zip(found, counts, strict=True):
        rows = np.repeat(np.arange(12), times)
        expected = [np.corrcoef(x[rows], column)[0, 1] for column in Y[rows].T]
        np.testing.assert_allclose(r, expected, rtol=1e-9)


def test_counts_of_groups_are_counts_of_all_their_rows(rng):
    x, Y, group = rng.normal(size=12), rng.normal(size=(12, 3)), np.repeat([0, 1, 2], [3, 5, 4])
    counts = rng.integers(0, 3, size=(6, 3)).astype(float) + [0, 1, 0]
    np.testing.assert_allclose(
        correlate_resamples(counts, x, Y, group=group),
        correlate_resamples(counts[:, group], x, Y),
        rtol=1e-10,
    )


def test_there_is_no_other_definition():
    """Nobody else calls a library's, or is named as if it were one."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path == PACKAGE / "stats" / "correlation.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("corrcoef", "pearsonr"):
                found.append((path.name, node.attr))
            if isinstance(node, ast.FunctionDef) and node.name.strip("_") in (
                *("pearson", "r_of_columns", "weighted_r", "correlate", "correlate_columns"),
                *("correlation", "weighted_r_of_columns"),
            ):
                found.append((path.name, node.name))
    assert not found
