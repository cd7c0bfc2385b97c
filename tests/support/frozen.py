"""A component that is there and does not answer."""

from contextlib import contextmanager, suppress
from pathlib import Path

from local import supervise
from local.rpc import Supervisor
from tests.support.waiting import until


@contextmanager
def frozen(stack, component):
    """Stop a component (SIGSTOP) for the time of a block; returns once all its threads stand still."""
    pid = Supervisor(stack.socket).processes()[component].pid
    supervise.kill(stack, component, "STOP")
    try:
        until(lambda: thread_states(pid) == {"T"}, 5)
        yield
    finally:
        supervise.kill(stack, component, "CONT")


def thread_states(pid):
    """The states of a process's threads, see proc(5).

    The first thread, and so the process, counts as stopped before the others: on a busy machine they were
    seen in state R then, and a request sent at that moment was answered.
    """
    states = set()
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError):  # a thread may end
            states.add(stat.read_text().rpartition(")")[2].split()[0])
    return states
