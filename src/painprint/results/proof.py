"""Whether a signature was shown to track pain on held-out sessions, from what its file states."""

from __future__ import annotations

from painprint.results.conclusion import Conclusion, Tracking, conclude
from painprint.signature.model import Signature

NOT_SHOWN = {
    Tracking.NO: "in its study, held-out predictions agreed with the changes of the rating no "
    "better than with those of permuted ratings",
    Tracking.FEW: "its study had too few {unit}s for a conclusion",
    Tracking.UNTESTED: "its study did not test it against permuted ratings",
    Tracking.UNDEFINED: "in its study, ratings or predictions did not vary within {unit}s",
}
"""Why a signature was not shown to track pain."""
NOT_RECORDED = (
    "the signature does not record how well it did on held-out sessions, because it was written "
    "by an earlier version"
)


def conclude_signature(signature: Signature) -> Conclusion | None:
    """Conclusion of the study of a signature; None where the signature does not record it."""
    if signature.metrics.get("stages") is None:
        return None
    return conclude(signature.metrics)


def why_not_shown(signature: Signature) -> str:
    """Warning that a signature was not shown to track pain; empty where it was."""
    conclusion = conclude_signature(signature)
    if conclusion is None:
        return f"{NOT_RECORDED}."
    if conclusion.is_shown:
        return ""
    reason = NOT_SHOWN[conclusion.tracking].format(unit=signature.leave_out)
    if conclusion.tells_level:
        return (
            "this signature was shown to tell the level of pain, but not to track its changes "
            f"within {signature.leave_out}s: {reason}."
        )
    return f"this signature was never shown to track pain: {reason}."


def tells_level(signature: Signature) -> bool:
    """Whether a signature was shown to tell the level of pain, so that this is read."""
    conclusion = conclude_signature(signature)
    return conclusion is not None and conclusion.tells_level
