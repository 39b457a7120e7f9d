"""Tables of benchmarks over people, filled a few at a time, so that a killed one goes on."""

from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import binomtest

TABLES = Path(__file__).parent / "tables"


def fill(path, wanted, keys, function, n_jobs, at_once=4):
    """Measure what the table lacks, and write it after every few people.

    The function returns a row, or several with the same keys.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(path, sep="\t").to_dict("records") if path.exists() else []
    done = {tuple(row[key] for key in keys) for row in rows}
    missing = [who for who in wanted if tuple(who[: len(keys)]) not in done]
    for start in range(0, len(missing), at_once):
        batch = missing[start : start + at_once]
        for found in Parallel(n_jobs=n_jobs)(delayed(function)(*who) for who in batch):
            rows += found if isinstance(found, list) else [found]
        table = pd.DataFrame(rows).sort_values(list(keys), kind="stable")
        table.to_csv(path, sep="\t", index=False, float_format="%.4f", na_rep="n/a")
    return pd.read_csv(path, sep="\t")


def share(called):
    """A share with its exact 95 % interval."""
    ends = binomtest(int(called.sum()), len(called)).proportion_ci()
    return f"{called.mean():.3f} ({ends.low:.3f} to {ends.high:.3f}), n = {len(called)}"
