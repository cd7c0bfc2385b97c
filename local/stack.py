"""A stack: one folder and one range of ports that hold a whole running platform."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.errors import RuntimeProblem
from local.places import default_home
from local.ports import DEFAULT_BASE, HIGHEST_BASE, LOWEST_BASE, OFFSETS

_SOCKET_PATH_LIMIT = 100  # a unix socket's path has 108 bytes on Linux and 104 on macOS


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a platform lives: `home` (absolute) for its files, ports from `port_base` on, loopback only."""

    home: Path
    port_base: int = DEFAULT_BASE

    @classmethod
    def at(cls, home: Path | str | None = None, port_base: int | None = None) -> Stack:
        """The stack a command means.

        The arguments count first, then KAPSTAN_HOME and KAPSTAN_PORT_BASE, then the port base that the home
        was last started with, then the defaults. RuntimeProblem for a variable or record that is none.
        """
        ending = cls.to_end(home)
        base = port_base or _given_base() or ending.recorded_base or DEFAULT_BASE
        return cls(ending.home, base)

    @classmethod
    def to_end(cls, home: Path | str | None = None) -> Stack:
        """The stack of `home` for commands that need no port: they work whatever is said of the port base."""
        # One folder has one name here, however many links lead to it: its processes are marked with it.
        return cls(Path(home or default_home()).resolve())

    @property
    def recorded_base(self) -> int | None:
        """The port base that the home was last started with; None before the first start.

        RuntimeProblem when the record is damaged.
        """
        recorded = self.run / "stack.json"
        if not recorded.is_file():
            return None
        try:
            return int(json.loads(recorded.read_text(encoding="utf-8"))["port_base"])
        except (ValueError, KeyError, TypeError) as error:
            raise RuntimeProblem(
                "kapstan",
                f"{recorded} is damaged: it does not say which ports the stack has",
                remedy="`kapstan down`, then `kapstan up --port-base N` (the default is"
                f" {DEFAULT_BASE}) writes it anew",
            ) from error

    def record(self) -> None:
        """Remember the port base, so that later commands need only the home."""
        self.make_folders()
        content = json.dumps({"port_base": self.port_base})
        half = self.run / "stack.json.new"
        half.write_text(content, encoding="utf-8")
        half.replace(self.run / "stack.json")

    def make_folders(self) -> None:
        """Make the home and what is directly in it; others may pass through (nobody must), but not look.

        RuntimeProblem when they cannot be made.
        """
        try:
            make_folder(self.home, 0o711 if os.geteuid() == 0 else 0o700)
            for name in ("data", "run"):
                make_folder(self.home / name, 0o711)
            make_folder(self.logs, 0o700)
        except OSError as error:
            raise RuntimeProblem(
                "kapstan",
                f"no stack can be kept in {self.home}: {error.filename}: {error.strerror}",
                remedy="name a folder that you may write to: --home or KAPSTAN_HOME",
            ) from error

    def port(self, name: str) -> int:
        """The port called `name` in local/ports.py."""
        return self.port_base + OFFSETS[name]

    def url(self, port_name: str) -> str:
        return f"http://127.0.0.1:{self.port(port_name)}"

    def data(self, component: str) -> Path:
        """The component's own folder, made on first use and readable by its user only."""
        return make_folder(self.home / "data" / component, 0o700)

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    @property
    def run(self) -> Path:
        """What belongs to the running processes and not to the data."""
        return self.home / "run"

    @property
    def socket(self) -> Path:
        """The supervisor's socket: in the home if its path is short enough, else under /tmp."""
        near = self.run / "supervisor.sock"
        if len(os.fsencode(near)) <= _SOCKET_PATH_LIMIT:
            return near
        folder = Path("/tmp") / f"kapstan-{os.geteuid()}"  # noqa: S108 - checked to be ours just below
        make_folder(folder, 0o700)
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            raise RuntimeProblem(
                "kapstan", f"{folder} belongs to another user", remedy="give a shorter --home"
            )
        return folder / f"{hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]}.sock"

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port('kafka.broker')}"

    @property
    def registry_url(self) -> str:
        """The registry's address without a path; the Confluent-compatible API is below /apis/ccompat/v7."""
        return self.url("registry.http")

    def secret_file(self, name: str) -> Path:
        return self.home / "secrets" / f"{name}.json"

    def secret(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The JSON secret `name` of this stack, made once by `make` and kept in a file of mode 0600."""
        path = self.secret_file(name)
        if not path.is_file():
            make_folder(path.parent, 0o700)
            half = path.with_suffix(".new")
            with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(make(), file)
            half.replace(path)
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content


def _given_base() -> int | None:
    """The port base in KAPSTAN_PORT_BASE; None when it is empty or not set."""
    given = os.environ.get("KAPSTAN_PORT_BASE")
    if not given:
        return None
    if not given.isdecimal() or not LOWEST_BASE <= int(given) <= HIGHEST_BASE:
        raise RuntimeProblem(
            "kapstan",
            f"KAPSTAN_PORT_BASE is {given!r}, which is no port that a stack can begin at",
            remedy=f"set it to a number from {LOWEST_BASE} to {HIGHEST_BASE}, or unset it",
        )
    return int(given)


def make_folder(path: Path, mode: int) -> Path:
    """Make `path` with exactly `mode`; one that is there already is left as it is."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    return path


def give_to_nobody(path: Path) -> None:
    """Hand `path` to the user that stands in for root where a part refuses root; nothing when not root."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def nobody() -> str | None:
    """The user to run as where root is refused, for `subprocess` and supervisord; None when not root."""
    return "nobody" if os.geteuid() == 0 else None


def random_token() -> str:
    """A fresh random secret, safe in a URL and on a command line."""
    return secrets.token_hex(20)
