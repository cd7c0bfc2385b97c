"""Which form of each window its table holds, so that a changed declaration is seen before both mix in it.

A table's rows are a function of the log and of ONE declaration; the state of a job fits one too. So a new
form is a new window under a new name, which reads the log from its beginning, beside the old one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flink_jobs.windows.declaration import WindowDeclaration
from flink_jobs.windows.errors import StartRefusedError

_WITHOUT_EFFECT: Final = {"owner", "description", "checkpoint_interval", "provisional"}  # on the rows


def form(declaration: WindowDeclaration) -> Mapping[str, Any]:
    """Return what of a declaration decides about its rows, as JSON data."""
    return declaration.model_dump(mode="json", exclude=_WITHOUT_EFFECT)


def changes(state_dir: Path, name: str, declaration: WindowDeclaration) -> list[str]:
    """Return the fields in which the window `name` differs from what was applied; none if nothing was."""
    path = _path(state_dir, name)
    if not path.is_file():
        return []
    before, now = json.loads(path.read_text(encoding="utf-8")), form(declaration)
    return sorted(field for field in before.keys() | now.keys() if before.get(field) != now.get(field))


def remember(state_dir: Path, name: str, declaration: WindowDeclaration) -> None:
    """Note the form in which the window `name` is submitted; call it before its job can write a row."""
    path = _path(state_dir, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(form(declaration), sort_keys=True), encoding="utf-8")
    new.replace(path)


def refusal(name: str, fields: list[str]) -> StartRefusedError:
    """Return the error for a window whose declaration was changed in these fields."""
    return StartRefusedError(
        f"window {name}: {', '.join(fields)} changed since its table was begun, and a table holds rows of one"
        " form only. Declare the new form under a new name (both can run side by side; the new one reads the"
        " log from its beginning), or undo the change"
    )


def _path(state_dir: Path, name: str) -> Path:
    return state_dir / "applied" / f"{name}.json"
