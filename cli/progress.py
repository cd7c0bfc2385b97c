"""What a person sees while parts start and stop."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text


class Parts:
    """A report for local.supervise: one line per part, and what is still being waited for on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._waiting: dict[str, str] = {}
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hide()

    def __call__(self, name: str, message: str) -> None:
        """Take note that part `name` is now `message`: starting, ready in 2.1 s, stopping, stopped."""
        if message.startswith(("starting", "stopping")):
            self._waiting[name] = message
        else:
            self._waiting.pop(name, None)
            self._console.print(f"  {name:<18} {message}", highlight=False, markup=False)
        self._hide()
        if self._waiting and self._console.is_terminal:
            first, message = next(iter(self._waiting.items()))
            more = f" ({len(self._waiting) - 1} more)" if len(self._waiting) > 1 else ""
            self._status = self._console.status(Text(f"{first}: {message}{more}"))
            self._status.start()

    def _hide(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
