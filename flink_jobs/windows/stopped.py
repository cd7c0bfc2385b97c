"""Which windows somebody has stopped: a mark for each, so that the keeper leaves them alone."""

from pathlib import Path


def stopped(state_dir: Path) -> set[str]:
    """The windows that are marked."""
    folder = state_dir / "stopped"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def mark(state_dir: Path, window: str) -> None:
    """Mark a window as stopped."""
    (state_dir / "stopped").mkdir(parents=True, exist_ok=True)
    (state_dir / "stopped" / window).touch()


def unmark(state_dir: Path, window: str) -> None:
    """Take the mark away, if there is one."""
    (state_dir / "stopped" / window).unlink(missing_ok=True)
