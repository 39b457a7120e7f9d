"""Files are written whole or not at all, and the same every time."""

import hashlib
import os

import numpy as np
import pandas as pd
import pytest

from painprint.store.files import hash_file, plain, write_bytes, write_json, write_table


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"a": 2})
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_json_holds_plain_numbers_and_null_for_what_is_not_finite():
    value = {"a": np.float64("nan"), "b": (np.int64(3), np.inf), "c": pd.NA, "d": np.array([1.5])}
    assert plain(value) == {"a": None, "b": [3, None], "c": None, "d": [1.5]}


def test_tables_keep_every_digit_and_mark_what_is_missing(tmp_path):
    numbers = np.random.default_rng(0).normal(size=5)
    write_table(tmp_path / "t.tsv", pd.DataFrame({"run": ["1", "", None, "2", "3"], "x": numbers}))
    read = pd.read_csv(tmp_path / "t.tsv", sep="\t", dtype={"run": str}, na_values=["n/a"])
    np.testing.assert_array_equal(read["x"], numbers)
    assert list(read["run"].isna()) == [False, True, True, False, False]
    assert (tmp_path / "t.tsv").read_text().splitlines()[2].startswith("n/a\t")


def test_hashes_are_sha256(tmp_path):
    write_bytes(tmp_path / "x", b"pain")
    assert hash_file(tmp_path / "x") == hashlib.sha256(b"pain").hexdigest()
