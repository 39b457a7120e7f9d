"""Names in the multiverse layout of fMRIPrep, NiBabies and XCP-D.

With ``--output-layout multiverse``, each file name has an entity ``hash`` of the parameters with
which it was made; hashes of successive programs are joined by "+". XCP-D appends it to the names of
columns, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

HASH = "hash"
"""Entity of the parameters with which a file was made."""


def without_hash(names: Sequence[str], path: Path) -> tuple[str, ...]:
    """Names of columns without the hash of the file.

    Parameters
    ----------
    path : Path
        The file. A hash that is in its name, with or without ``hash-``, is removed where every
        column ends in it; ``hash-`` and a label are removed in any case.

    Examples
    --------
    >>> without_hash(["LH_1_hash-0f3+9c8", "LH_2_hash-0f3+9c8"], Path("sub-01_timeseries.tsv"))
    ('LH_1', 'LH_2')
    >>> without_hash(["LH_1_0f3", "LH_2_0f3"], Path("sub-01_hash-0f3_timeseries.tsv"))
    ('LH_1', 'LH_2')
    """
    of_file = re.search(rf"_{HASH}-([^_.]+)_", path.name)
    if of_file and names and all(name.endswith(f"_{of_file[1]}") for name in names):
        return tuple(name.removesuffix(f"_{of_file[1]}") for name in names)
    return tuple(re.sub(rf"_{HASH}-[0-9A-Za-z+]+$", "", name) for name in names)
