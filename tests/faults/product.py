"""Which product a result is of: a digest of its code, and the commit it was taken from."""

import hashlib
import subprocess
from pathlib import Path

FOLDERS = ("streamkit", "services", "payments", "schemas", "local")
_KINDS = frozenset({".py", ".avsc", ".yaml", ".proto", ".lock"})


def digest_of(root: Path) -> str:
    """Return 12 hex digits that change with any file that the services run or are run by; reads them all."""
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in _KINDS and path.is_file():
                name = path.relative_to(root).as_posix().encode()
                content = path.read_bytes()
                digest.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return digest.hexdigest()[:12]


def commit_of(root: Path) -> str:
    """Return the commit of a checkout, with `+` when files differ from it; empty where there is none."""
    where = ("git", "-C", str(root))
    head = subprocess.run(
        [*where, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    if head.returncode:
        return ""
    changed = subprocess.run(
        [*where, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=False
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
