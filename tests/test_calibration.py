"""What the page says of its own tests is what the calibration study found."""

import runpy
from pathlib import Path

import pandas as pd
import pytest

from painprint.report.calibration import N_PEOPLE, SHARES, sentence

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def found():
    """Shares by criterion and world, from the committed table."""
    study = runpy.run_path(str(BENCHMARKS / "null_calibration.py"))
    table = pd.read_csv(BENCHMARKS / "tables" / "null_calibration.tsv", sep="\t")
    worlds = table.groupby("world")
    assert len(worlds) == 5 and (worlds.size() == N_PEOPLE).all()
    return {name: [study["shares"](rows)[name].mean() for _, rows in worlds] for name in SHARES}


@pytest.mark.parametrize("criterion", SHARES)
def test_shares_are_those_of_the_table(found, criterion):
    expected = (min(found[criterion]), max(found[criterion]))
    assert SHARES[criterion] == pytest.approx(expected, abs=1e-9)


def test_a_miss_is_said():
    assert "missed by paper's bootstrap, r." in sentence()
