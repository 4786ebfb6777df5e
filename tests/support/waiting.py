"""Waiting on conditions, always with a deadline and never for a fixed time."""

import os
import time
from collections.abc import Callable

POLL_S = 0.02


class NotInTime(AssertionError):
    """What was waited for did not happen within its bound."""


def wait_until(condition: Callable[[], object], timeout_s: float, what, poll_s: float = POLL_S):
    """Returns the first true value of `condition`. `what` says what was missing: text, or a function."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise NotInTime(f"not within {timeout_s:g} s: {what() if callable(what) else what}")
        time.sleep(poll_s)


def is_long() -> bool:
    """The run may take hours: SAGA_LONG=1."""
    return os.environ.get("SAGA_LONG") == "1"
