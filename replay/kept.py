"""What is remembered of each replay, in the stack's folder: its span, and where its results are."""

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import orjson

from replay.errors import ReplayRefusedError
from replay.targets import Target
from streamkit.replay.plan import ReplayPlan

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_FILE = "replay.json"
_LOCK, _FINISHED = "running.lock", "finished"


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay.

    Attributes:
        namespace: prefix of its topics, group, changelogs and tables.
        target: what was replayed.
        plan: over which span.
        made_ms: when it was asked for.
        since_ms: for a window, the end of a row's window must lie after this time to be compared.
        chain: the name that the hops of a chain share; empty for one alone.
        promotable: whether it writes to branches of live's tables, not to tables of its own.
    """

    namespace: str
    target: Target
    plan: ReplayPlan
    made_ms: int
    since_ms: int | None = None
    chain: str = ""
    promotable: bool = False

    def to_json(self) -> bytes:
        """Return the replay as its file holds it."""
        return orjson.dumps(
            {
                "namespace": self.namespace,
                "target": self.target.name,
                "kind": self.target.kind,
                "inputs": self.target.inputs,
                "outputs": self.target.outputs,
                "made_ms": self.made_ms,
                "since_ms": self.since_ms,
                "chain": self.chain,
                "promotable": self.promotable,
                "plan": orjson.loads(self.plan.to_json()),
            },
            option=orjson.OPT_INDENT_2,
        )

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read what `to_json` wrote."""
        fields = orjson.loads(text)
        target = Target(fields["target"], fields["kind"], tuple(fields["inputs"]), tuple(fields["outputs"]))
        plan = ReplayPlan.from_json(orjson.dumps(fields["plan"]))
        chain = fields.get("chain", "")  # one from before chains were known is of none
        promotable = fields.get("promotable", False)
        return cls(
            fields["namespace"], target, plan, fields["made_ms"], fields["since_ms"], chain, promotable
        )


class Kept:
    """The replays of one stack; each has a folder of its own. Every call blocks on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, namespace: str) -> Path:
        """Return where a replay keeps its plan and local state."""
        return self._folder / namespace

    def plan_file(self, namespace: str) -> Path:
        """Return the file that the service reads."""
        return self.folder(namespace) / "plan.json"

    def keep(self, replay: Replay) -> None:
        """Write a replay down before anything is made of it."""
        folder = self.folder(replay.namespace)
        folder.mkdir(parents=True, exist_ok=True)
        self.plan_file(replay.namespace).write_text(replay.plan.to_json(), encoding="utf-8")
        (folder / _FILE).write_bytes(replay.to_json())

    def find(self, namespace: str | None) -> Replay:
        """Return a replay, the newest without a namespace; raises ReplayRefusedError when there is none."""
        found = sorted(self, key=lambda each: each.made_ms)
        if namespace is None and found:
            return found[-1]
        for each in found:
            if each.namespace == namespace:
                return each
        known = ", ".join(each.namespace for each in found[-10:])
        raise ReplayRefusedError(
            "nothing was replayed yet" if namespace is None else f"there is no replay {namespace}",
            hint=f"There are {known}" if known else "`kapstan replay SERVICE|WINDOW` makes one",
        )

    def family(self, namespace: str | None) -> list[Replay]:
        """Return a replay, or all hops of a chain in their order; the newest without a namespace.

        Raises ReplayRefusedError when there is none.
        """
        name = self.find(None).chain if namespace is None else namespace
        hops = sorted((each for each in self if name and each.chain == name), key=lambda each: each.namespace)
        return hops or [self.find(namespace)]

    @contextmanager
    def running(self, namespace: str) -> Iterator[None]:
        """Hold the replay for the body, as the one process that works on it.

        Raises:
            ReplayRefusedError: another process does.
        """
        with (self.folder(namespace) / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ReplayRefusedError(
                    f"another command works on the replay {namespace} just now",
                    hint=f"`kapstan replay status {namespace}` shows how far it is; wait, or end it",
                ) from error
            yield

    def finish(self, namespace: str) -> None:
        """Note that a replay has come to its end."""
        (self.folder(namespace) / _FINISHED).touch()

    def finished(self, namespace: str) -> bool:
        """Tell whether a replay has come to its end."""
        return (self.folder(namespace) / _FINISHED).is_file()

    def runs(self, namespace: str) -> bool:
        """Tell whether a process works on a replay just now."""
        try:
            with self.running(namespace):
                return False
        except ReplayRefusedError:
            return True

    def forget(self, namespace: str) -> None:
        """Delete a replay's folder with its local state; what else it holds must be gone before."""
        shutil.rmtree(self.folder(namespace))

    def __iter__(self) -> Iterator[Replay]:
        for path in self._folder.glob(f"*/{_FILE}"):
            yield Replay.from_json(path.read_bytes())

    def __contains__(self, namespace: str) -> bool:
        return (self.folder(namespace) / _FILE).is_file()


def check_namespace(namespace: str) -> str:
    """Return a namespace that names of topics, groups and tables may begin with; raises otherwise."""
    if not _NAMESPACE.fullmatch(namespace):
        raise ReplayRefusedError(
            f"{namespace!r} cannot be a namespace", hint="Take up to 32 lower-case letters, digits and dashes"
        )
    return namespace


def new_namespace(target: str, now_ms: int) -> str:
    """Return the namespace of a replay that was given none: what is replayed, and when (UTC)."""
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%m%d-%H%M%S")
    return f"{target.replace('_', '-')[:20].rstrip('-')}-{stamp}"
