"""A component that is there and does not answer."""

from contextlib import contextmanager

import psutil

from local import supervise
from local.rpc import Supervisor
from tests.support.waiting import until


@contextmanager
def frozen(stack, component):
    """Stop a component's process (SIGSTOP) for the time of a block; returns once it stands still."""
    process = psutil.Process(Supervisor(stack.socket).processes()[component].pid)
    supervise.kill(stack, component, "STOP")
    try:
        until(lambda: process.status() == psutil.STATUS_STOPPED, 5)
        yield
    finally:
        supervise.kill(stack, component, "CONT")
