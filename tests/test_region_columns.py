"""Columns of regional time series that are no regions."""

import numpy as np
import pytest
from conftest import simulate_runs
from test_load import load_first

from painprint import Settings
from painprint.apps.study import Study
from painprint.errors import DerivativesError


@pytest.fixture
def series(tree, rng):
    """Regional time series of one run."""
    return tree.add_run(simulate_runs(rng, n_sessions=1, n_runs=1)[0])


def insert_column(series, name, values):
    """Insert a first column into a table."""
    lines = series.read_text().splitlines()
    cells = [name, *(f"{value:g}" for value in values)]
    series.write_text("".join(f"{cell}\t{line}\n" for cell, line in zip(cells, lines, strict=True)))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("frame", np.arange(360)),
        ("Unnamed: 0", np.arange(360)),
        ("onset", 2.0 * np.arange(360)),
        ("original_volume", np.cumsum(1 + (np.arange(360) % 7 == 0))),
    ],
)
def test_a_column_that_counts_is_no_region(tree, series, name, values):
    right, _ = load_first(tree)
    insert_column(series, name, values)
    run, record = load_first(tree)
    assert run.regions == right.regions
    np.testing.assert_array_equal(run.signals, right.signals)
    assert any(note.endswith(f"were excluded: {name}.") for note in record.notes)


def others_beside(series, rng):
    """Columns that the table of a run may have besides its regions."""
    insert_column(series, "framewise_displacement", rng.random(360))
    insert_column(series, "global_signal", rng.normal(size=360))
    insert_column(series, "std_dvars", rng.random(360))
    insert_column(series, "trans_x_derivative1_power2", rng.random(360))
    insert_column(series, "volume", np.arange(360) % 100)
    insert_column(series, "time_s", 0.8 * (np.arange(360) % 90))
    insert_column(series, "session", np.ones(360))


def test_counters_and_confounds_are_no_regions_without_a_table_of_the_atlas(tree, series, rng):
    right, _ = load_first(tree)
    others_beside(series, rng)
    run, record = load_first(tree)
    assert run.regions == right.regions
    np.testing.assert_array_equal(run.signals, right.signals)
    note = (
        "columns that have the name of a counter or a confound are not regions and were excluded:"
    )
    assert sum(n.startswith(note) for n in record.notes) == 1


@pytest.mark.parametrize("name", ["S1", "T", "VolumeA", "CSF", "Time", "number", "X", "Block3"])
def test_a_region_may_be_called_so(tree, series, rng, name):
    """Its values are those of a signal."""
    insert_column(series, name, rng.normal(size=360))
    run, record = load_first(tree)
    assert name in run.regions and len(run.regions) == 9
    assert not any("no regions" in note for note in record.notes)


def test_a_column_without_a_name_is_refused(tree, series):
    insert_column(series, "", np.arange(360))
    with pytest.raises(DerivativesError, match=r"without a name \(number 1\)"):
        load_first(tree)


@pytest.mark.parametrize(
    ("n_in_table", "n_read"),
    [(8, 8), (7, 7), (5, 5), (4, 10), (0, 10)],  # fewer than half: the table has other names
)
def test_columns_that_the_atlas_lacks_are_no_regions(tree, rng, series, n_in_table, n_read):
    names = series.read_text().split("\n")[0].split("\t")
    insert_column(series, "brain_mean", rng.normal(size=360))
    insert_column(series, "arousal", np.ones(360))
    in_table = names[:n_in_table] + [f"other{i}" for i in range(8 - n_in_table)]
    tree.add_atlas(in_table, ["DMN"] * 8)
    study = Study(tree.root, tree.root / "out", (tree.derivatives,), Settings())
    reader = study.reader(study.find("01"))
    (run,) = reader.runs()
    assert len(run.regions) == n_read
    noted = [n for n in reader.records[0].notes if "the table of the atlas does not have" in n]
    assert len(noted) == (n_read < 10)
    if n_read == 8:
        assert "excluded: arousal, brain_mean." in noted[0]
