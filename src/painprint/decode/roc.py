"""ROC curves of held-out predictions."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd


def roc_table(by_scale: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """ROC curves of the prediction for ratings above the median, by scale.

    Parameters
    ----------
    by_scale : mapping of DataFrame
        Columns ``rating`` and ``predicted`` (units of the rating), by scale.

    Returns
    -------
    roc : DataFrame
        Columns ``scale``, ``false_positive_rate``, ``true_positive_rate``, ``threshold``.
    """
    from sklearn.metrics import roc_curve

    columns = ["scale", "false_positive_rate", "true_positive_rate", "threshold"]
    parts = []
    for scale, rows in by_scale.items():
        high = rows["rating"] > rows["rating"].median()
        if high.any():
            curve = roc_curve(high, rows["predicted"], drop_intermediate=False)
            parts.append(pd.DataFrame(dict(zip(columns, (scale, *curve), strict=True))))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
