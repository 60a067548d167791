"""How long to wait until something is tried, or looked at, again: seconds from a count or a cost.

It knows no clock and not what is waited for.
"""

NEVER = float("inf")
"""Nothing is due."""

RETRY = (2.0, 5.0, 15.0, 60.0)
"""Seconds until a failure whose cause lies outside is tried again: the first time, the second, ... and from then on."""

AUDIT_SHARE = 1000
"""An audit that takes a second is due every thousand seconds at the most: 0.1 % of a core."""


def retry_delay(failures: int) -> float:
    """Seconds until the next try after so many failures in a row with a cause outside; ``NEVER`` after none."""
    return RETRY[min(failures, len(RETRY)) - 1] if failures else NEVER


def audit_interval(audit: float, cost: float) -> float:
    """Seconds until the next audit; ``NEVER`` where there shall be none.

    Args:
        audit: the setting; 0 turns audits off.
        cost: the seconds that the last one took.
    """
    return max(audit, cost * AUDIT_SHARE) if audit else NEVER
