"""Where the runtime keeps things. The launcher `kapstan` follows the same rules for the cache."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """The folder of downloads and environments, shared by all stacks; may not exist yet.

    KAPSTAN_CACHE wins. Root gets /var/cache/kapstan, because some parts run as another user, who cannot
    reach into root's home; anybody else gets the XDG cache folder.
    """
    given = os.environ.get("KAPSTAN_CACHE")
    if given:
        return Path(given).absolute()
    if os.geteuid() == 0:
        return Path("/var/cache/kapstan")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kapstan"


def default_home(name: str = "default") -> Path:
    """The folder of the stack `name`: KAPSTAN_HOME, else below /var/lib (root) or the XDG data folder."""
    given = os.environ.get("KAPSTAN_HOME")
    if given:
        return Path(given).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/kapstan") / name
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "kapstan" / name


def repository() -> Path:
    """The checkout that this code runs from."""
    return Path(__file__).resolve().parent.parent
