"""A topic with live traffic, its bronze table and sink, and somebody who reads the table all the time."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager

from cli.audit import lake_settings
from demo.progress import PlainSteps
from local.places import repository
from replay.branches import name_of
from replay.chain import perform_all, prepare_all
from replay.perform import Request, kept
from replay.process import TEMPFAIL
from replay.promote import Ask, Promoting
from services.lake_sink.app import destination, spec
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from services.lake_sink.lines import Lines, before_tag
from services.lake_sink.summary import head_of
from services.lake_sink.switch import Switch
from streamkit.avro import Schema
from streamkit.clock import SystemClock
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.status import LoopStatus
from streamkit.records import TopicPartition
from streamkit.registry import RegistryClient, subject_of
from streamkit.serde import AvroEncoder
from streamkit.sink import run_sink
from streamkit.topics_apply import Platform
from tests.support import catalogues
from tests.support.waiting import until

PARTITIONS = 2
PATIENCE_S = 240


class PromotionStage:
    """Live's table of one topic, on real parts; `namespace` is the replay's."""

    def __init__(self, stack, topic, folder):
        self.stack, self.topic, self.namespace = stack, topic, f"{topic}-r"
        self.schemas = catalogues.write(folder / "schemas", catalogues.entry(topic, partitions=PARTITIONS))
        self._folder = folder
        broker = KafkaBroker(stack.bootstrap_servers)
        self.platform = Platform(broker, broker.admin(), RegistryClient(stack.registry_url), SystemClock())
        self.platform.admin.create_topic(topic, PARTITIONS, {})
        schema = catalogues.event_schema()
        schema_id = self.platform.registry.register(subject_of(topic), Schema.of(schema))
        self._encode = AvroEncoder(schema, schema_id).encode
        self.lake = lake_settings(stack)
        self.catalog = open_catalog(self.lake)
        self.name = name_of(topic)
        self.sent = Counter()
        self._sending = threading.Lock()
        self.commits = []
        self.flush_age_ms = 400

    # What goes on

    def send(self, count):
        """Write records to both partitions, the last of which is in Kafka when this returns."""
        with self._sending:
            producer = self.platform.broker.producer()
            for n in range(count):
                value = self._encode({"id": str(n), "tenant": "default", "user": "u", "at": n})
                producer.send(self.topic, b"k", value, partition=n % PARTITIONS)
                self.sent[n % PARTITIONS] += 1
            producer.flush(60)
            producer.close()

    @contextmanager
    def traffic(self):
        """Send records for the body, some every tenth of a second."""
        ended = threading.Event()

        def go_on():
            while not ended.wait(0.1):
                self.send(6)

        with _thread(go_on, ended):
            yield

    @contextmanager
    def live(self):
        """Run lake_sink for the body, as live does, and note what each commit takes."""
        status, settings = LoopStatus(stalled_after_s=600), self._settings()
        lake = Timed(
            destination(settings, self.platform.registry, self.platform.admin, SystemClock()), self.commits
        )

        def run():
            broker = KafkaBroker(self.stack.bootstrap_servers)
            run_sink(spec(settings, lake, lambda: (self.topic,)), settings, status=status, broker=broker)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            status.stop()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()

    @contextmanager
    def live_traffic(self):
        """Run lake_sink and send records for the body; then the table has all of them."""
        with self.live():
            with self.traffic():
                yield
            self.wait_for_live()

    def worker(self):
        """Start lake_sink as a process of its own, to stop and to kill."""
        variables = {
            f"KAPSTAN_{name.upper()}": str(value)
            for name, value in self._settings().model_dump(mode="json").items()
            if value is not None
        }
        environ = {**os.environ, **variables, "LAKE_WORKER_UNBOUNDED": "1"}
        command = [sys.executable, "-m", "tests.support.lake_worker", self.topic]
        with (self._folder / "worker.log").open("a") as log:
            return subprocess.Popen(command, cwd=repository(), env=environ, stderr=log)

    @contextmanager
    def supervised(self):
        """Run lake_sink for the body as a process that is started again when it asks for that.

        librdkafka may take itself for fenced when it comes back after its session's end: it joins anew, and
        an older heartbeat of its own is refused. The process then ends, as after any fatal error.
        """
        ended, running = threading.Event(), [self.worker()]

        def revive():
            while not ended.wait(0.2):
                if running[0].poll() == TEMPFAIL:
                    running[0] = self.worker()

        def signalled(which):
            running[0].send_signal(which)  # of whichever runs now

        try:
            with _thread(revive, ended):
                yield signalled
            assert running[0].poll() is None, "it needed somebody"
        finally:
            signalled(signal.SIGCONT)
            running[0].terminate()
            running[0].wait(60)

    # Replays

    def replay(self):
        """Replay the topic into a branch, up to where it ends now; called again it goes on with that."""
        topics = () if self.namespace in kept(self.stack) else (self.topic,)
        request = Request("lake_sink", topics=topics, namespace=self.namespace, promotable=True)
        steps = PlainSteps(io.StringIO())
        hops = prepare_all(self.stack, self.platform, request, self.schemas, self.lake)
        perform_all(self.stack, self.platform, hops, steps)
        return hops[0]

    def promote(self, **ask):
        """Promote the replay, in this process."""
        return self._promoting().promote(self.schemas, Ask(**ask), PlainSteps(io.StringIO()))

    def roll_back(self):
        """Take it back, in this process."""
        return self._promoting().rollback()

    def run(self, *arguments, crash_at=""):
        """Run a command; returns its exit code and what it wrote."""
        where = ("--home", str(self.stack.home), "--port-base", str(self.stack.port_base))
        environ = {**os.environ, **self.fast, "PYTHONPATH": str(repository()), "KAPSTAN_CRASH_AT": crash_at}
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cli", *arguments, *where],
            cwd=repository(),
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def fast(self):
        """Variables of a replay that commits as often as live here."""
        return {"KAPSTAN_LAKE_FLUSH_AGE_MS": str(self.flush_age_ms)}

    # What is there

    def table(self):
        return self.catalog.load_table(self.name)

    def lines(self) -> Lines:
        return Switch(self.catalog, SystemClock(), self.namespace, str).lines(self.name)

    @property
    def promoted(self):
        return before_tag(self.namespace) in self.table().metadata.refs

    def wait_for_live(self):
        """Wait until the table has all that was sent so far."""
        sent = dict(self.sent)

        def there():
            try:
                main = self.lines().main
            except Exception:  # noqa: BLE001 - no table yet
                return False
            return main is not None and all(
                main.positions.get(TopicPartition(self.topic, p), 0) >= end for p, end in sent.items()
            )

        until(there, PATIENCE_S)

    def assert_exact(self):
        """Main has every record sent, once, in one line."""
        seen = Seen(self.table(), self.topic)
        assert seen.consistent, seen
        assert seen.positions == dict(self.sent)

    @contextmanager
    def reader(self):
        """Read main for the body, over and over; yields what was seen."""
        ended, seen = threading.Event(), []

        def look():
            while not ended.is_set():
                seen.append(Seen(self.table(), self.topic))

        with _thread(look, ended):
            yield seen

    def _promoting(self):
        return Promoting(self.stack, self.platform, kept(self.stack).find(self.namespace), self.lake)

    def _settings(self):
        return LakeSettings.load(
            **{
                **self.lake.model_dump(),
                "state_dir": self._folder / "state",
                "schemas_dir": self.schemas,
                "lake_flush_age_ms": self.flush_age_ms,
                "slot": self.topic,
            }
        )

    def close(self):
        self.platform.registry.close()
        self.platform.broker.close()


class Seen:
    """A table as one reader found it."""

    def __init__(self, table, topic):
        snapshot = table.current_snapshot()
        scan = table.scan(selected_fields=("_partition", "_offset"), snapshot_id=snapshot.snapshot_id)
        rows = scan.to_arrow()
        places = Counter(zip(rows["_partition"].to_pylist(), rows["_offset"].to_pylist(), strict=True))
        positions = head_of(table.metadata).positions
        self.positions = {p: positions.get(TopicPartition(topic, p), 0) for p in range(PARTITIONS)}
        # Written outside transactions, so offsets have no gaps.
        self.consistent = places == Counter(
            {(p, offset): 1 for p, end in self.positions.items() for offset in range(end)}
        )
        self.files = {task.file.file_path for task in scan.plan_files()}
        self.at = time.monotonic()


class Timed:
    """A destination whose commits are timed: (when it ended, seconds)."""

    def __init__(self, inner, commits):
        self._inner, self._commits = inner, commits
        self.open, self.write, self.close = inner.open, inner.write, inner.close

    def commit(self, positions):
        begun = time.monotonic()
        try:
            self._inner.commit(positions)
        finally:
            self._commits.append((time.monotonic(), time.monotonic() - begun))


@contextmanager
def _thread(work, ended):
    """Run work for the body; what it raises is raised behind it."""
    failures = []

    def run():
        try:
            work()
        except BaseException as error:
            failures.append(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(PATIENCE_S)
    assert not failures, failures
