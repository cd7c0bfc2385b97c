"""SeaweedFS: S3 storage and the Iceberg REST catalog in one process.

`weed server`, not `weed mini`: mini adds an administration server and a worker that may rewrite tables behind
the writers' backs. Here nothing but a writer's own commit changes a table.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from local.component import Component
from local.errors import RuntimeProblem
from local.probe import http_missing
from local.stack import Stack, random_token

TABLE_BUCKET = "lake"
WAREHOUSE = f"s3://{TABLE_BUCKET}"
SOCKETS = Path("/tmp")  # noqa: S108 - weed's own choice, which no option changes
_ACCOUNT = "000000000000"  # the account of the identities in -s3.config


class SeaweedFS(Component):
    name = "seaweedfs"
    ports = tuple(
        f"seaweedfs.{part}"
        for part in (
            "s3",
            "iceberg",
            "master",
            "volume",
            "filer",
            "master-grpc",
            "volume-grpc",
            "filer-grpc",
            "s3-grpc",
        )
    )
    memory_mb = 450
    background = True
    stop_seconds = 2  # its own clean stop waits 15 s for itself; every write is in the kernel's hands anyway
    remedy = "read the log; `kapstan reset` starts over with an empty lake"

    def prepare(self, stack: Stack) -> None:
        """Write the S3 identity: one user, whose key is made once per stack.

        Raises RuntimeProblem when another user's SeaweedFS on these ports has left its sockets behind.
        """
        remove_sockets(stack, SOCKETS)
        key = s3_key(stack)
        identity = {
            "name": "kapstan",
            "credentials": [{"accessKey": key["access_key"], "secretKey": key["secret_key"]}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        path = stack.data(self.name) / "identities.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
        (stack.data(self.name) / "files").mkdir(exist_ok=True)

    def command(self, stack: Stack) -> list[str]:
        folder = stack.data(self.name)
        options = {
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "dir": folder / "files",
            "master.telemetry": "false",
            "master.electionTimeout": "1s",  # it votes alone; the default makes every restart wait 10 s
            "master.volumeSizeLimitMB": 128,
            "master.port": stack.port("seaweedfs.master"),
            "master.port.grpc": stack.port("seaweedfs.master-grpc"),
            "volume.max": 0,  # as many as the disk holds
            "volume.preStopSeconds": 1,
            "volume.port": stack.port("seaweedfs.volume"),
            "volume.port.grpc": stack.port("seaweedfs.volume-grpc"),
            "filer": "true",
            "filer.port": stack.port("seaweedfs.filer"),
            "filer.port.grpc": stack.port("seaweedfs.filer-grpc"),
            "s3": "true",
            "s3.config": folder / "identities.json",
            "s3.port": stack.port("seaweedfs.s3"),
            "s3.port.grpc": stack.port("seaweedfs.s3-grpc"),
            "s3.port.iceberg": stack.port("seaweedfs.iceberg"),
            "s3.port.lance": 0,
        }
        return [_weed(), "-logtostderr=true", "-v=0", "server", *(f"-{k}={v}" for k, v in options.items())]

    def environment(self, stack: Stack) -> dict[str, str]:  # noqa: ARG002 - the same for every stack
        # Without a limit Go lets garbage grow to as much as the data in use, which is up to 300 MB; a limit
        # near that makes it collect without pause.
        return {"GOMEMLIMIT": "512MiB"}

    def waiting_for(self, stack: Stack) -> str | None:
        missing = http_missing(stack.port("seaweedfs.s3"), "/healthz")
        return missing or http_missing(stack.port("seaweedfs.iceberg"), f"/v1/config?warehouse={WAREHOUSE}")

    def started(self, stack: Stack) -> None:
        """Make the table bucket that is the warehouse."""
        if TABLE_BUCKET in _shell(stack, f"s3tables.bucket -list -account {_ACCOUNT}"):
            return
        said = _shell(stack, f"s3tables.bucket -create -name {TABLE_BUCKET} -account {_ACCOUNT}")
        if "arn:" not in said:
            raise RuntimeProblem(
                self.name,
                f"could not make the table bucket {TABLE_BUCKET}: {said.strip()}",
                remedy=self.remedy,
            )

    def addresses(self, stack: Stack) -> dict[str, str]:
        return {"Iceberg REST catalog": stack.url("seaweedfs.iceberg"), "S3": stack.url("seaweedfs.s3")}


def remove_sockets(stack: Stack, folder: Path) -> None:
    """Remove the sockets of an earlier run: weed gives them fixed names, and leaves them when it is killed.

    Raises RuntimeProblem when one of them is another user's, which weed would try to use for minutes.
    """
    ports = [stack.port(f"seaweedfs.{part}") for part in ("s3", "master-grpc", "volume-grpc", "s3-grpc")]
    for socket in sorted(each for port in ports for each in folder.glob(f"seaweedfs-*-{port}.sock")):
        try:
            socket.unlink(missing_ok=True)
        except PermissionError as error:
            raise RuntimeProblem(
                SeaweedFS.name,
                f"{socket} belongs to {socket.owner()}, whose stack ran on the same ports",
                remedy="take other ports with --port-base, or have that user delete it",
            ) from error


def s3_key(stack: Stack) -> dict[str, str]:
    """The stack's S3 key as access_key and secret_key; its file is `stack.secret_file("s3")`, mode 0600."""
    return stack.secret("s3", lambda: {"access_key": random_token()[:20], "secret_key": random_token()})


def _weed() -> str:
    # The wheel brings a bare program into the environment's bin folder, and no Python module to ask.
    return str(Path(sys.executable).with_name("weed"))


def _shell(stack: Stack, line: str) -> str:
    """What `weed shell` answers to one line."""
    master = f"127.0.0.1:{stack.port('seaweedfs.master')}.{stack.port('seaweedfs.master-grpc')}"
    filer = f"127.0.0.1:{stack.port('seaweedfs.filer')}.{stack.port('seaweedfs.filer-grpc')}"
    command = [_weed(), "shell", f"-master={master}", f"-filer={filer}"]
    done = subprocess.run(command, input=line + "\n", capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr
