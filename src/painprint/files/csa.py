"""The image part of Siemens' CSA header, in its second form (it begins with ``SV10``).

It is a list of named fields, each a list of texts, little-endian: a head of 16 bytes with the
number of fields; per field 84 bytes (name of 64, number of values, type of 4, a code, number of
items, a mark), then its items: four integers, of which the second is the length, and a text that is
padded to a multiple of four bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

MAGIC = b"SV10"
HEAD, FIELD, ITEM = struct.Struct("<8xII"), struct.Struct("<64si4siii"), struct.Struct("<4i")
MOST_FIELDS, MOST_ITEMS = 1000, 10_000
"""More than any header has: a corrupted one is not read on."""


def read_csa(block: bytes, names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Values of some fields; the others are passed over.

    Parameters
    ----------
    block : bytes
        Content of (0029,xx10), image header, or of (0029,xx20), series header.

    Returns
    -------
    values : dict
        By name, without empty values; only of fields that there are. Nothing for the first form of
        the header, which scanners wrote until about 2004.

    Raises
    ------
    ValueError
        If the header is corrupted.
    """
    if not block.startswith(MAGIC):
        return {}
    values = {}
    try:
        n_fields, _ = HEAD.unpack_from(block)
        at = HEAD.size
        if n_fields > MOST_FIELDS:
            raise ValueError("a CSA header with more fields than there can be.")
        for _ in range(n_fields):
            raw_name, _, _, _, n_items, _ = FIELD.unpack_from(block, at)
            at += FIELD.size
            if n_items > MOST_ITEMS:
                raise ValueError("a CSA header with more items than there can be.")
            items = []
            for _ in range(n_items):
                _, length, _, _ = ITEM.unpack_from(block, at)
                at += ITEM.size
                if not 0 <= length <= len(block) - at:
                    raise ValueError("a CSA header that ends within an item.")
                items.append(_text(block[at : at + length]))
                at += length + -length % 4
            if (name := _text(raw_name)) in names:
                values[name] = tuple(filter(None, items))
    except struct.error:
        raise ValueError("a CSA header that ends within a field.") from None
    return values


def _text(padded: bytes) -> str:
    """A text that ends at its first null byte, without blanks around it."""
    return padded.partition(b"\0")[0].decode("latin-1").strip()
