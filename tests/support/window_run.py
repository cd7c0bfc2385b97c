"""Window jobs on a real stack: a topic with its log, windows over it, and what stands in their tables."""

import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import yaml
from pyiceberg.exceptions import NoSuchTableError

from audit.gold import Gold
from audit.kafka import Scanner
from audit.windows import Outcome, Windows
from demo.progress import PlainSteps
from flink_jobs.windows.cluster import Cluster
from flink_jobs.windows.config import Settings
from flink_jobs.windows.files import declaration_files
from flink_jobs.windows.load import load
from flink_jobs.windows.stopped import mark
from local.places import repository
from local.stack import Stack
from local.windows import python, settings
from replay.compare import Compared
from replay.kept import Replay
from replay.pairs import Comparison
from replay.targets import Target
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from streamkit.headers import HEARTBEAT, is_heartbeat
from streamkit.loop.bounds import present_ends
from streamkit.positions import Positions
from streamkit.read import read_to_end
from streamkit.replay.plan import ReplayPlan
from tests.support import window_reference
from tests.support.applied import Applied
from tests.support.catalogues import entry, event_schema, write
from tests.support.waiting import until
from tests.support.window_reference import Expected, LogRow

PARTITIONS = 2
OUTCOMES = ("APPROVE", "REVIEW", "DECLINE")
KINDS = ("tumble", "hop", "session")
FIELDS = (
    {"name": "category", "type": ["null", "string"], "default": None},
    {"name": "currency", "type": "string"},
    {"name": "amount_minor", "type": "long"},
    {"name": "outcome", "type": {"type": "enum", "name": "Outcome", "symbols": list(OUTCOMES)}},
)


class WindowRun:
    """A topic of the test's own, windows over it, and the program that submits them."""

    def __init__(
        self, parts, folder: Path, unique: str, partitions: int = PARTITIONS, kinds: Sequence[str] = KINDS
    ) -> None:
        self.stack: Stack = parts.need("kafka", "registry", "seaweedfs", "flink", "flink_taskmanager")
        self._applied = Applied(self.stack, folder)
        self.topic = f"{unique}.v1"
        spec = entry(
            self.topic, producers=["tests"], ingest=False, retention="forever", partitions=partitions
        )
        write(self._applied.schemas, spec, event_schema(*FIELDS))
        self.names = self._declare(unique, kinds)
        self._applied.apply()
        self._environ = settings(self.stack) | {
            "KAPSTAN_SCHEMAS_DIR": str(self._applied.schemas),
            "KAPSTAN_STATE_DIR": str(folder / "state"),
            "KAPSTAN_CHECKPOINT_INTERVAL_MS": "2000",
        }
        self.settings = Settings.load(self._environ)
        self.windows = {name: load(self._applied.schemas)[name] for name in self.names}
        codecs = self._applied.codecs()
        self._encoder, self._decoder = codecs.encoder(self.topic), codecs.decoder(self.topic)
        self._producer = self._applied.broker.transactional_producer(unique)
        self._producer.init()

    def _declare(self, unique: str, kinds: Sequence[str]) -> list[str]:
        common = {
            "owner": "tests",
            "description": "A window.",
            "topic": self.topic,
            "out_of_orderness": "5s",
            "lateness": "5m",
            "checkpoint_interval": "1m",
        }
        amount = {"function": "sum", "field": "amount_minor"}
        declines = {"function": "count", "where": {"outcome": "DECLINE"}}
        declarations = {
            "tumble": {
                "keys": ["category", "currency"],
                "assign": {"type": "tumble", "size": "1m"},
                "aggregates": {"events": {"function": "count"}, "amount_minor": amount},
            },
            "hop": {
                "keys": ["category"],
                "assign": {"type": "hop", "size": "5m", "slide": "1m"},
                "aggregates": {"events": {"function": "count"}, "declines": declines},
                "derived": {"decline_rate": {"ratio": ["declines", "events"]}},
            },
            "session": {
                "keys": ["user"],
                "assign": {"type": "session", "gap": "2m"},
                "where": {"outcome": ["APPROVE", "DECLINE"]},
                "aggregates": {
                    "events": {"function": "count"},
                    "categories": {"function": "count_distinct", "field": "category"},
                },
            },
            "prompt": {
                "keys": ["category"],
                "assign": {"type": "tumble", "size": "10s"},
                "aggregates": {"events": {"function": "count"}},
                "lateness": "1m",
                "provisional": {"after": "1s"},
            },
        }
        for kind in kinds:
            path = self._applied.schemas / "windows" / f"{unique}_{kind}.yaml"
            path.write_text(yaml.safe_dump({"window": path.stem, **common, **declarations[kind]}))
        return [f"{unique}_{kind}" for kind in kinds]

    def submit(self, parallelism: int = 2) -> dict[str, str]:
        """Do what the keeper does when none of the windows runs; window -> job id."""
        return self._run("submit", *self.names, KAPSTAN_PARALLELISM=str(parallelism))

    @contextmanager
    def keeper(self) -> Iterator[None]:
        """Have the keeper itself look after the windows, and those that the project declares not run."""
        state = self.settings.state_dir
        for path in declaration_files(self._applied.schemas):
            if path.stem not in self.names:
                mark(state, path.stem)
        environ = {**os.environ, **self._environ, "PYTHONPATH": str(repository())}
        with subprocess.Popen([*python(), "keep"], env=environ) as process:
            yield
            process.terminate()
            process.wait(60)

    def replay(self, namespace: str, *, bronze: bool = False) -> dict[str, str]:
        """Compute the windows in batch into a namespace, from Kafka or from the topic's bronze table."""
        topic_id = self._applied.broker.admin().topics()[self.topic].topic_id
        source = ["--bronze-of", topic_id] if bronze else []
        return self._run("replay", *self.names, *source, KAPSTAN_NAMESPACE=namespace)

    def to_bronze(self, folder: Path) -> None:
        """Have lake_sink write the topic, as far as it goes now, into its bronze table."""
        command = [sys.executable, "-m", "tests.support.lake_worker", self.topic]
        settings = {"KAPSTAN_STATE_DIR": str(folder), "KAPSTAN_HTTP_PORT": "0", "KAPSTAN_SLOT": "0"}
        environ = {**os.environ, **self._environ, **settings}
        done = subprocess.run(command, cwd=repository(), env=environ, check=False, timeout=300)
        assert done.returncode == 0

    def compare(self, name: str, namespace: str) -> list[Compared]:
        """What `kapstan compare` says of a window's tables and those of its replay up to now."""
        platform = self._applied.platform
        ends = present_ends(platform.broker, (self.topic,))
        plan = ReplayPlan(name, Positions(dict.fromkeys(ends, 0)), ends)
        replayed = Replay(namespace, Target(name, "window", (self.topic,)), plan, made_ms=0)
        comparison = Comparison(replayed, platform, self._applied.schemas, self.lake(), wait_s=60)
        return comparison.run(PlainSteps(io.StringIO()), show=3)

    def audit(self) -> Outcome:
        """What `kapstan audit` says of the windows now."""
        platform = self._applied.platform
        windows = {name: self.windows[name] for name in self.names}
        gold = Gold(self.lake(), self.settings.flink_url, windows)
        audited = Windows(gold, platform.registry, platform.clock)
        scan = Scanner(platform.broker, platform.clock).scan(self.topic, every=audited.of_kafka(self.topic))
        assert scan is not None
        return audited.compare(scan, platform.clock.monotonic() + 60, lambda _: None)

    def _run(self, *arguments: str, **environ: str) -> dict[str, str]:
        done = subprocess.run(
            [*python(), *arguments],
            env={**os.environ, **self._environ, **environ, "PYTHONPATH": str(repository())},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        result: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return result

    def send(self, rows: list[tuple[int, int, dict]], *, abort: bool = False) -> None:
        """Write rows (partition, Kafka time, event) in one transaction; a heartbeat has an "hb" key."""
        self._producer.begin()
        for partition, kafka_ms, value in rows:
            headers = ((HEARTBEAT, b"1"),) if "hb" in value else ()
            event = {name: each for name, each in value.items() if name != "hb"}
            encoded = self._encoder.encode(event)
            key = event["user"].encode()
            self._producer.send(self.topic, key, encoded, headers, timestamp_ms=kafka_ms, partition=partition)
        self._producer.flush(30)
        if abort:
            self._producer.abort()
        else:
            self._producer.commit()

    def log(self) -> list[LogRow]:
        """The topic as a reader sees it."""
        return [
            LogRow(
                r.partition, r.offset, r.timestamp_ms, self._decoder.decode(value), is_heartbeat(r.headers)
            )
            for r in read_to_end(self._applied.broker, self.topic)
            if (value := r.value) is not None
        ]

    def counts(self) -> list[int]:
        """How many rows each table has, on time and late by turns; 0 for one that is not there."""
        return [len(self.rows("gold", table)) for name in self.names for table in (name, f"{name}_late")]

    def written(self, name: str, database: str = "gold") -> Expected:
        """What stands in a window's tables; fails when a row stands there twice."""
        window = self.windows[name]
        columns = [*window.declaration.aggregates, *window.declaration.derived]
        found = Expected()
        for row in self.rows(database, name):
            key = (
                *(row[field.name] for field in window.keys),
                milliseconds(row["window_start"]),
                milliseconds(row["window_end"]),
            )
            assert key not in found.rows
            found.rows[key] = {column: row[column] for column in columns}
        for row in self.rows(database, f"{name}_late"):
            place = (row["source_partition"], row["source_offset"], milliseconds(row["window_start"]))
            assert place not in found.late
            found.late[place] = row["reason"]
        return found

    def bronze(self) -> list[dict]:
        """The topic's bronze table; a time that Python's datetime cannot hold is None."""
        table = (
            open_catalog(self.lake()).load_table(("bronze", self.topic.replace(".", "_"))).scan().to_arrow()
        )
        at = table["at"].cast("int64").to_pylist()
        return [
            row | {"at": micros // 1000}
            for row, micros in zip(table.drop_columns(["at"]).to_pylist(), at, strict=True)
        ]

    def rows(self, database: str, table: str) -> list[dict]:
        """The rows of a window's table, none when it is not there."""
        try:
            return open_catalog(self.lake()).load_table((database, table)).scan().to_arrow().to_pylist()
        except NoSuchTableError:
            return []

    def lake(self) -> LakeSettings:
        """Settings of a reader of the lake."""
        return LakeSettings(
            bootstrap_servers=self.stack.bootstrap_servers,
            registry_url=self.stack.registry_url,
            catalog_uri=self.settings.catalog_uri,
            s3_endpoint=self.settings.s3_endpoint,
            s3_access_key_file=self.settings.s3_access_key_file,
            http_port=1,
            state_dir=self.stack.home / "unused",
        )

    def settled(self, patience_s: float) -> list[int]:
        """Wait for as many rows as the log calls for, compare each, and return how many the tables hold."""
        log = self.log()
        expected = {
            name: window_reference.replay(self.windows[name].declaration, log, "at", closed_only=True)
            for name in self.names
        }
        counts = [len(rows) for each in expected.values() for rows in (each.rows, each.late)]
        assert min(counts) > 0
        until(lambda: self.counts() >= counts, patience_s)
        for name in self.names:
            assert self.written(name) == expected[name]
        return self.counts()

    def end_jobs(self) -> None:
        """End every job of the cluster."""
        cluster = Cluster(self.settings.flink_url)
        for job in cluster.jobs().values():
            cluster.cancel(job.id)

    def close(self) -> None:
        self._producer.close()
        self._applied.close()


def events(seed: int, first: int, count: int, step_ms: int = 700) -> list[tuple[int, int, dict]]:
    """A stretch of a log, the same for the same arguments: `first` is the Kafka time of its first row, in ms.

    Rows come up to 4 s out of order, some up to 15 minutes late, some misdated: a year ahead or before 1970.
    Partition 1 brings nothing but heartbeats in the second quarter.
    """
    rnd = random.Random(seed)
    rows = []
    for number in range(count):
        now = first + number * step_ms
        silent = count // 4 <= number < count // 2
        partition = 0 if silent else rnd.randrange(PARTITIONS)
        luck = rnd.random()
        if luck < 0.03:
            at = now - rnd.randrange(900_000)
        elif luck < 0.04:
            at = now + rnd.randrange(300_001, 365 * 86_400_000)
        elif luck < 0.045:
            at = -rnd.randrange(1, 10**15)
        else:
            at = now - rnd.randrange(4000)
        rows.append((partition, now, event(f"{seed}-{number}", at, rnd)))
        if silent and number % 15 == 0:
            rows.append((1, now, heartbeat(now)))
    return rows


def event(identity: str, at: int, rnd: random.Random) -> dict:
    """One event."""
    return {
        "id": identity,
        "tenant": rnd.choice(("default", "other")),
        "user": f"u{rnd.randrange(12)}",
        "at": at,
        "category": rnd.choice(("fuel", "grocery", None)),
        "currency": rnd.choice(("EUR", "USD")),
        "amount_minor": rnd.randrange(1, 100_000),
        "outcome": rnd.choice(OUTCOMES),
    }


def heartbeat(now: int) -> dict:
    """A heartbeat as a transform writes it at `now`."""
    filler = {"id": "", "tenant": "", "user": "", "category": None, "currency": "", "amount_minor": 0}
    return filler | {"outcome": "APPROVE", "at": now - 5000, "hb": True}


def milliseconds(stamp: datetime | None) -> int | None:
    """A timestamp column's value in ms since 1970."""
    return None if stamp is None else round(stamp.timestamp() * 1000)
