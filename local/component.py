"""What every part of the runtime looks like: the supervisor knows parts only through this class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.stack import Stack


class Component(ABC):
    """One supervised process. Fill in the attributes; each method gets the stack it is for.

    Attributes:
        name: its name on the command line, in logs and in folders.
        needs: components that must be ready before it starts.
        ports: names from local/ports.py that it listens on (127.0.0.1 only).
        artifacts: sets of artifacts.lock that it is made of.
        groups: requirements groups whose environments it runs in, beside the caller's own.
        memory_mb: resident memory to plan with, in MiB.
        start_seconds: when a start counts as hung (one that ends is seen at once), without downloads.
        stop_signal, stop_seconds: how it is asked to end, and when it is killed instead.
        settled_seconds, retries: a life shorter than this counts as failed; it begins again after 1, 2, 3...
            seconds, so many times. (The warden bounds longer lives.) With these defaults a service that ends
            because Kafka is away has a minute and more until Kafka is back.
        stop_group: whether its children get the stop signal too.
        as_nobody: it refuses root: started by root, it runs as `nobody`.
        background: whether nobody waits for its work within a second: it yields the processor to those whom
            somebody does wait for.
        remedy: what to do when it does not start, beyond reading its log.
    """

    name: str
    needs: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    memory_mb: int = 100
    start_seconds: int = 300
    stop_signal: str = "TERM"
    stop_seconds: int = 30
    settled_seconds: int = 10
    retries: int = 10
    stop_group: bool = True
    as_nobody: bool = False
    background: bool = False
    remedy: str

    def prepare(self, stack: Stack) -> None:  # noqa: B027 - most components need none
        """Bring files into shape before each start; idempotent. Artifacts are in the cache by then."""

    @abstractmethod
    def command(self, stack: Stack) -> list[str]:
        """The program and its arguments; it must stay in the foreground."""

    def environment(self, stack: Stack) -> dict[str, str]:  # noqa: ARG002 - for those that override it
        """Variables on top of the caller's environment."""
        return {}

    @abstractmethod
    def waiting_for(self, stack: Stack) -> str | None:
        """None once it truly serves, else what is still missing, for people.

        Returns within 2 s or so; never raises.
        """

    def started(self, stack: Stack) -> None:  # noqa: B027 - most components need none
        """What must be done once it serves, say a setting by its own API; idempotent: each start calls it.

        May raise OSError or RuntimeProblem; both end `up`.
        """

    def has_worked(self, stack: Stack) -> bool:  # noqa: ARG002 - as above
        """Whether it has loaded all that a start of it needs: only then is its start-up cache kept."""
        return True

    def addresses(self, stack: Stack) -> dict[str, str]:  # noqa: ARG002 - as above
        """What a person may open or connect to: label -> address."""
        return {}
