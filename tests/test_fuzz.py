"""Readers meet any bytes with an answer or a DerivativesError; benchmarks/fuzz_readers.py does
this 20,000 times with wounded files."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from painprint.atlas.table import load_regions
from painprint.errors import DerivativesError
from painprint.files import lines
from painprint.files.lines import read_lines
from painprint.files.tables import read_json, read_numbers, read_table
from painprint.signature.file import read_signature
from painprint.store.files import content_key

any_bytes = st.one_of(
    st.binary(max_size=300),
    st.text("0123456789.-+eE\t\n\r naN/,", max_size=200).map(str.encode),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
# the machine may be busy: a slow first input says nothing about the readers
often = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("read", [read_json, read_lines, read_numbers, read_table, load_regions])
@pytest.mark.parametrize("packed", [False, True])
@often
@given(content=any_bytes)
def test_any_bytes_are_read_or_refused(tmp_path, read, packed, content):
    path = tmp_path / ("x.tsv.gz" if packed else "x.tsv")
    path.write_bytes(gzip.compress(content, mtime=0) if packed and len(content) % 3 else content)
    try:
        read(path)
    except DerivativesError as error:
        assert path.name in str(error)


@often
@given(
    parts=st.dictionaries(
        st.sampled_from(
            "format version simulated preset drop_s tr_s regions models weights metrics".split()
        ),
        json_values,
    )
)
def test_any_description_of_a_signature_is_read_or_refused(tmp_path, parts):
    valid = {"format": "painprint signature", "version": 1}
    content = {**valid, **parts}
    content["sha256"] = content_key(content)
    (tmp_path / "signature.json").write_text(json.dumps(content))
    with pytest.raises(DerivativesError):
        read_signature(tmp_path)


def test_a_gzip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MOST_BYTES", 10_000)
    path = tmp_path / "bomb.tsv.gz"
    path.write_bytes(gzip.compress(b"0\n" * 100_000))
    with pytest.raises(DerivativesError, match="contains more than"):
        read_lines(path)
