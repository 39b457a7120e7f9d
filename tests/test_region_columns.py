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
    assert any(note.endswith(f"were left out: {name}.") for note in record.notes)


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
    insert_column(series, "global_signal", rng.normal(size=360))
    insert_column(series, "subject", np.ones(360))
    in_table = names[:n_in_table] + [f"other{i}" for i in range(8 - n_in_table)]
    tree.add_atlas(in_table, ["DMN"] * 8)
    study = Study(tree.root, tree.root / "out", (tree.derivatives,), Settings())
    reader = study.reader(study.find("01"))
    (run,) = reader.runs()
    assert len(run.regions) == n_read
    noted = [n for n in reader.records[0].notes if "the table of the atlas does not have" in n]
    assert len(noted) == (n_read < 10)
    if n_read == 8:
        assert "left out: subject, global_signal." in noted[0]
