"""What the runtime says to a person when it cannot go on."""

from __future__ import annotations

from pathlib import Path


class RuntimeProblem(Exception):  # noqa: N818 - a message to a person, not an error of the program
    """One message that names the part, what happened, where the log is and what to do next.

    `part` is a component's name or "kapstan" when no single component is to blame.
    """

    def __init__(self, part: str, what: str, *, remedy: str, log: Path | None = None) -> None:
        super().__init__(what)
        self.part = part
        self.what = what
        self.remedy = remedy
        self.log = log

    def __str__(self) -> str:
        lines = [f"{self.part}: {self.what}"]
        if self.log is not None:
            lines.append(f"  log: {self.log}")
        lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)
