"""Where the declarations lie; nothing of their form, so that the local runtime may ask too."""

from pathlib import Path


def declaration_files(schemas_dir: Path) -> list[Path]:
    """The files that declare windows, in order; the name of each, without its ending, is the window's."""
    return sorted((schemas_dir / "windows").glob("*.yaml"))
