"""What a person sees while parts start and stop."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status


class Parts:
    """A report for local.supervise: one line per part, and what is still being waited for on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._waiting: list[str] = []
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hide()

    def __call__(self, name: str, message: str) -> None:
        """Take note that part `name` is now `message`: starting, ready in 2.1 s, stopping, stopped."""
        passing = message in ("starting", "stopping")
        if passing:
            self._waiting.append(name)
        else:
            self._waiting = [other for other in self._waiting if other != name]
            self._console.print(f"  {name:<18} {message}", highlight=False)
        self._hide()
        if self._waiting and self._console.is_terminal:
            self._status = self._console.status(f"waiting for {', '.join(self._waiting)}")
            self._status.start()

    def _hide(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
