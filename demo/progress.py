"""What a person sees while the demo prepares: a line per step, with a bar and the time left if known."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bar(Protocol):
    """Told how a step goes."""

    def __call__(self, share: float | None, detail: str = "") -> None:
        """Take note of the share done (0 to 1, None when nobody knows) and of a few words."""
        ...


class Steps(Protocol):
    """Shows steps, one after the other."""

    def step(self, title: str) -> AbstractContextManager[Bar]:
        """A context in which one step runs; gives the bar to tell."""
        ...


class TerminalSteps:
    """Bars that move, on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, title: str) -> Iterator[Bar]:
        """Show a bar until the step ends; then one line with the time it took stays."""
        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<34}"),
            BarColumn(24),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            # What parts say is no markup: Java puts addresses in square brackets.
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=None, detail="")

            def bar(share: float | None, detail: str = "") -> None:
                total = None if share is None else 1.0
                progress.update(task, total=total, completed=share or 0.0, detail=detail)

            yield bar
            progress.update(task, total=1.0, completed=1.0)


def steps_on(console: Console, *, plain: bool = False) -> Steps:
    """Bars where a person looks at the console; lines elsewhere, or when they are asked for."""
    return PlainSteps(console.file) if plain or not console.is_terminal else TerminalSteps(console)


class PlainSteps:
    """Lines for a log: one when a step begins, then one every tenth of it, or what there is to say."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    @contextmanager
    def step(self, title: str) -> Iterator[Bar]:
        """Say that the step begins and how far it is: each tenth once, each other thing that happens."""
        told = 0

        def bar(share: float | None, detail: str = "") -> None:
            nonlocal told
            tenth = int((share or 0.0) * 10)
            if share is None and detail:
                self._say(f"{title}: {detail}")
            elif tenth > told:
                told = tenth
                self._say(f"{title}: {tenth * 10} % {detail}")

        began = time.monotonic()
        self._say(title)
        yield bar
        self._say(f"{title}: done in {time.monotonic() - began:.1f} s")

    def _say(self, line: str) -> None:
        self._out.write(f"kapstan: {line.rstrip()}\n")
        self._out.flush()
