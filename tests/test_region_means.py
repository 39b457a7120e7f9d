"""Region means in one pass, against loops; points without signal; coverage."""

import numpy as np
import pytest

from painprint.dense.region_means import N_SAMPLED, RegionMeans
from painprint.parallel import read_ahead
from painprint.regions import NO_REGION, Parcellation, Regions

N_FRAMES = 50


def parcellation(region_of_point, extra=0):
    of_point = np.asarray(region_of_point)
    n = of_point.max() + 1
    regions = Regions(tuple(f"r{i}" for i in range(n)), ("",) * n)
    return Parcellation(regions, of_point, np.bincount(of_point[of_point >= 0]) + extra)


def gather(data, where, block=7):
    means = RegionMeans(where, len(data))
    for first in range(0, data.shape[1], block):
        means.add(first, np.ascontiguousarray(data[:, first : first + block].T))
    return means


@pytest.fixture
def data(rng):
    return (1000 + 20 * rng.normal(size=(N_FRAMES, 40))).astype(np.float32)


@pytest.fixture
def where(rng):
    return parcellation(np.concatenate([[0, 1, 2, NO_REGION], rng.integers(-1, 3, size=36)]))


@pytest.mark.parametrize("block", [1, 7, 40])
def test_means_are_those_of_loops(data, where, block):
    found = gather(data, where, block).means(min_coverage=0)
    for region in range(3):
        points = [v for v in range(40) if where.region_of_point[v] == region]
        for t in range(N_FRAMES):
            expected = sum(float(data[t, v]) for v in points) / len(points)
            assert found[t, region] == pytest.approx(expected, rel=1e-12)


def test_mean_and_sd_of_points(data, where):
    gathered = gather(data, where)
    np.testing.assert_allclose(gathered.mean, data.mean(axis=0, dtype=float), rtol=1e-12)
    np.testing.assert_allclose(gathered.sd, data.std(axis=0, ddof=1, dtype=float), rtol=1e-10)
    assert gathered.usable.all()


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1000.0])
def test_points_without_a_signal_do_not_count(data, where, value):
    bad = np.flatnonzero(where.region_of_point == 1)[0]
    if np.isfinite(value):
        data[:, bad] = value
    else:
        data[3, bad] = value
    gathered = gather(data, where)
    assert not gathered.usable[bad] and gathered.usable.sum() == 39
    others = [v for v in range(40) if where.region_of_point[v] == 1 and v != bad]
    expected = data[:, others].mean(axis=1, dtype=float)
    found = gathered.means(min_coverage=0)
    np.testing.assert_allclose(found[:, 1], expected, rtol=1e-12)
    assert np.isfinite(found).all()


def test_coverage_is_of_the_points_that_the_atlas_has(data):
    where = parcellation([0, 0, 0, 1] + [NO_REGION] * 36, extra=np.array([1, 3]))
    gathered = gather(data, where)
    np.testing.assert_allclose(gathered.coverage, [0.75, 0.25])
    found = gathered.means(min_coverage=0.5)
    assert np.isfinite(found[:, 0]).all() and np.isnan(found[:, 1]).all()


def test_a_region_without_any_point_is_nan_even_if_nothing_is_asked(data):
    where = parcellation([0, 1] + [NO_REGION] * 38)
    data[:, 1] = np.nan
    assert np.isnan(gather(data, where).means(min_coverage=0)[:, 1]).all()


def test_sampled_points_are_kept_as_they_are(rng):
    n_points = N_SAMPLED + 500
    data = rng.normal(size=(3, n_points)).astype(np.float32)
    gathered = gather(data, parcellation(np.zeros(n_points, int)), block=333)
    assert len(gathered.sampled) == len(set(gathered.sampled)) == N_SAMPLED
    np.testing.assert_array_equal(gathered.sample, data[:, gathered.sampled])


def test_a_parcellation_is_checked():
    regions = Regions(("a", "b"), ("", ""))
    with pytest.raises(ValueError, match="2 regions, but 1 numbers"):
        Parcellation(regions, np.array([0]), np.array([1]))
    with pytest.raises(ValueError, match="in regions 0 to 2"):
        Parcellation(regions, np.array([0, 2]), np.array([1, 1]))
    with pytest.raises(ValueError, match="more points than its atlas"):
        Parcellation(regions, np.array([0, 0]), np.array([1, 1]))


def test_reading_ahead_keeps_order_and_errors():
    assert list(read_ahead(range(5))) == [0, 1, 2, 3, 4]
    assert list(read_ahead([])) == []

    def failing():
        yield 1
        raise OSError("gone")

    items = read_ahead(failing())
    assert next(items) == 1
    with pytest.raises(OSError, match="gone"):
        next(items)
