"""Start Kafka, after a kill in two steps: `python -m local.kafka_start FOLDER JAVA-COMMAND...`.

The controller of a killed one-node cluster finds its broker registered and alive in its log. The broker part
of the same process takes up its old leaderships, and goes to end the transactions that were open, before it
is reachable; seconds later the controller notices that the old broker is gone and takes its leaderships away.
Kafka 4.3.1 then takes a partition without a leader for deleted and marks a transaction as ended without
having written its end there ("these partitions are likely deleted already and hence can be skipped"). The
transaction's offsets stay pending for good, so its group cannot go on; and the next transaction of the same
producer would end the lost one with its own outcome.

So after a kill the controller runs alone first, until it has noted that the broker is gone. The broker then
registers at once, instead of after the old one's session of 9 s, and leads nothing before it is reachable.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil

from local.poll import until

NOTED = b"Fencing broker"
ACTIVE = b"Becoming the active controller"
# Three times the session that `controller.properties` gives to a broker that is gone.
_GRACE_S = 3.0
_START_S = 60.0
_STOP_S = 15.0


def was_killed(logs: Path) -> bool:
    """Whether the cluster in the folder `logs` ran and was not shut down in order."""
    return (logs / "__cluster_metadata-0").is_dir() and not (logs / ".kafka_cleanshutdown").exists()


def alone(command: list[str], settings: Path) -> list[str]:
    """The command of the same Kafka with other settings, which writes no start-up cache."""
    return [*(word for word in command[:-1] if not word.startswith("-XX:AOTCacheOutput=")), str(settings)]


def end_leftover(settings: Path) -> None:
    """End a controller with these settings whose starter was killed: it would hold Kafka's folder."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(settings) in process.cmdline() and process.pid != os.getpid():
                process.kill()
                process.wait(_STOP_S)


def settle(folder: Path, command: list[str]) -> None:
    """Run the controller alone until it has noted that the broker is gone; blocks for some seconds.

    Never fails: without this step Kafka starts as well, with the risk described above.
    """
    settings, log = folder / "controller.properties", folder / "controller.log"
    end_leftover(settings)
    with log.open("wb") as out:
        controller = subprocess.Popen(alone(command, settings), stdout=out, stderr=subprocess.STDOUT)
    try:

        def ended_or(mark: bytes) -> bool:
            return controller.poll() is not None or mark in log.read_bytes()

        until(lambda: ended_or(ACTIVE), _START_S)
        # A broker that was killed while it started has nothing left to be noted.
        until(lambda: ended_or(NOTED), _GRACE_S)
        controller.terminate()
        controller.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        controller.kill()
        controller.wait()


def main(folder: Path, command: list[str]) -> None:
    """Settle if need be, then become Kafka."""
    if was_killed(folder / "log"):
        settle(folder, command)
    os.execv(command[0], command)  # noqa: S606 - the command is local/kafka.py's


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
