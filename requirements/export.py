"""Writes requirements/<group>.txt from pyproject.toml: hash-locked and without any registry's address.

Run `python requirements/export.py` after changing a dependency group; it needs `uv` on PATH. uv.lock is
not committed (it would record the addresses of whichever registry the author used), so in a fresh clone
this takes the newest versions that pyproject.toml allows: read the diff before committing it.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent


def groups() -> list[str]:
    """The dependency groups of pyproject.toml, in file order."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return list(tomllib.load(file)["dependency-groups"])


def export(group: str) -> None:
    """Writes one group's file; blocks on uv and raises CalledProcessError when it cannot resolve."""
    flags = ["--no-emit-project", "--no-annotate", "--no-header", "--no-emit-index-url"]
    command = ["uv", "export", "-q", "--only-group", group, *flags]
    text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    if address := re.search(r"https?://\S+", text):
        sys.exit(f"requirements/{group}.txt would name an address: {address[0]}\nLock from a registry.")
    (HERE / f"{group}.txt").write_text(text)
    pinned = len(re.findall(r"^[a-z0-9]", text, re.MULTILINE))
    print(f"requirements/{group}.txt: {pinned} packages")  # noqa: T201  a script's only output


if __name__ == "__main__":
    lock = ["uv", "lock", "-q", *sys.argv[1:]]
    subprocess.run(lock, cwd=ROOT, check=True)
    for name in groups():
        export(name)
