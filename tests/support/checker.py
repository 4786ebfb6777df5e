"""The independent checker: what the topics say, against the invariants of ARCHITECTURE.md.

    log = topics.read_all(bootstrap, prefix)
    violations = check(log, history)              [] when everything is as it must be

It knows none of the C code: it takes records and what clients were told, and compares exact sets,
never counts. tests/integration/test_checker.py proves that it sees the faults it is there for.
"""

from collections.abc import Iterable

from support.checks.edges import Refused, check_dead_letters, check_history, check_reads
from support.checks.facts import Facts, Violation
from support.checks.orders import check_orders
from support.checks.records import check_causes, check_ids, read_events
from support.checks.stock import check_stock
from support.client import History
from support.topics import Log, Place

__all__ = ["Refused", "Violation", "check", "check_reads"]


def check(log: Log, history: History | None = None, *, foreign: Iterable[Place] = (),
          refused: Iterable[Refused] = (), final: bool = True) -> list[Violation]:
    """All violations of invariants 1 to 6 and 8; for 7 see check_reads().

    history  what clients were told; without it, invariant 4 is checked only as far as the log goes
    foreign  places of records that a test wrote by hand and that are no events of the system
    refused  which of them must be in the dead letters; all others must not
    final    False: orders may be under way, so only what may never be is a violation
    """
    facts = Facts(log, frozenset(foreign), final)
    read_events(facts)
    check_ids(facts)
    check_causes(facts)
    check_orders(facts)
    check_stock(facts)
    check_dead_letters(facts, refused)
    if history is not None:
        check_history(facts, history)
    return facts.violations
