"""What the programs of tests/e2e/foreign.sh share: they count what holds, and end with what they counted."""

import signal
import sys
import time

# Who is told to end still ends the programs that it has started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

_counts = {"passed": 0, "failed": 0}


def check(text, holds, seen=None):
    """One statement; SEEN is told when it does not hold."""
    if holds:
        _counts["passed"] += 1
    else:
        _counts["failed"] += 1
        print(f"FAIL {text}" + ("" if seen is None else f": {seen!r}"[:600]), flush=True)
    return holds


def equal(text, seen, wanted):
    return check(text, seen == wanted, (seen, "expected", wanted))


def until(text, ask, seconds=60):
    """Ask until the answer is true, and give it back; each question is an exchange with the other side."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            check(text, True)
            return answer
        time.sleep(0.1)
    check(text, False, "not in time")
    return None


def finish():
    print("{passed} passed, {failed} failed".format(**_counts), flush=True)
    sys.exit(1 if _counts["failed"] else 0)
