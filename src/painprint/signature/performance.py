"""How well a signature did on held-out sessions of its study, as its file states it."""

from __future__ import annotations

from painprint.bins import primary_scale
from painprint.option_fields import Bounds
from painprint.signature.fields import Fields
from painprint.wording import FEW_GROUPS

COUNT, AT_LEAST_ONE, SHARE = Bounds(0, 2**53), Bounds(1, 2**53), Bounds(0, 1)
OUTCOMES = ("centred_r", "skill", "slope")
"""Metrics with an interval from which a conclusion is drawn, at the primary scale."""


def check_performance(metrics: Fields) -> None:
    """Check the metrics of a study that a conclusion is drawn from, if they are recorded.

    They are where ``stages`` is: it states whether there was a permutation null. Metrics of
    signatures written before have none, and are not used.

    Raises
    ------
    ValueError
        If one is missing or impossible.
    """
    stages = metrics.inner_or_none("stages")
    if stages is None:
        return
    metrics.integer("n_sessions", AT_LEAST_ONE)
    n_groups = metrics.integer("n_groups", AT_LEAST_ONE)
    for name in ("leave_out", "train_bins", "preset"):
        metrics.text(name)
    metrics.flag("simulated")
    scales = metrics.inner("scales")
    scales.inner("session").number_or_none("p_between", SHARE)
    primary = scales.inner(primary_scale({"1min", *scales.values}))
    primary.integer("n", COUNT)
    if primary.number_or_none("p_within", SHARE) is not None:
        stages.inner("null").integer("n_permutations", AT_LEAST_ONE)
    elif not stages.is_null("null"):
        stages.inner("null")
    if (confounds := stages.inner_or_none("confounds")) is not None:
        for name in confounds.values:
            confounds.inner(name).flag("flagged")
    for name in OUTCOMES:
        value, ends = primary.number_or_none(name), primary.ends(f"{name}_ci")
        if value is not None and ends is None and n_groups >= FEW_GROUPS:
            raise ValueError(f"{primary.at}.{name} has no interval, with {n_groups} groups")
