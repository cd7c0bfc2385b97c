"""Asks the running platform how it is: rates at each hop, lag, memory, rows and documents."""

import time
from dataclasses import dataclass, field
from threading import Event, Thread

import httpx

from demo.lag import behind
from demo.lake import Lake, LakeRows
from demo.platform import Platform
from demo.windows import WindowJobs
from local.status import Status, status
from streamkit.errors import StreamkitError
from streamkit.records import TopicPartition

# Which counter says how many records a service has taken.
TAKEN = {
    "ingest_gateway": "kapstan_ingest_gateway_accepted_records_total",
    "enricher": "kapstan_loop_in_records_total",
    "refiner": "kapstan_loop_in_records_total",
    "fraud_scorer": "kapstan_loop_in_records_total",
    "lake_sink": "kapstan_loop_in_records_total",
    "search_sink": "kapstan_loop_in_records_total",
    "live_views": "kapstan_live_views_folded_records_total",
}

WINDOWS = "windows"

# Its tables say where it stands; the offsets of its group are not kept.
OWN_LAG = {"live_views": "kapstan_live_views_next_offset_lag"}

# Topics that are read in full at each start, beside a service's inputs: its group commits nothing there.
BESIDE = {
    "ingest_gateway": {"platform.catalogue.v1"},
    "refiner": {"platform.catalogue.v1"},
    "enricher": {"cdc.bank.customers", "cdc.bank.cards", "cdc.bank.terminals"},
    "fraud_scorer": {"payments.fraud-reports.v1", "platform.rules.v1", "platform.models.v1"},
}


@dataclass(slots=True)
class Reading:
    """How the platform is; a field that could not be asked keeps what it was."""

    parts: list[Status] = field(default_factory=list)
    rates: dict[str, float] = field(default_factory=dict)
    lags: dict[str, int] = field(default_factory=dict)
    lake: LakeRows | None = None
    documents: int | None = None
    problem: str | None = None
    """Why the platform could not be asked the last time; None when it could."""

    @property
    def memory_mb(self) -> int:
        """Resident memory of all parts, in MiB."""
        return sum(part.memory_mb for part in self.parts)


class Probe:
    """Fills a Reading from a thread: the quick questions every `every_s`, the lake's every fifth time."""

    def __init__(self, platform: Platform, every_s: float = 2.0) -> None:
        self.reading = Reading()
        self.most_memory_mb = 0
        self._platform = platform
        self._every_s = every_s
        self._before: dict[str, tuple[float, float]] = {}
        self._stopping = Event()
        self._lake = Lake(platform.stack)
        self._windows = WindowJobs(platform)
        self._thread = Thread(target=self._run, name="probe", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, if it runs; returns when it has."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def ask(self, *, lake: bool = True) -> Reading:
        """Ask everything now; blocks for some seconds when parts do not answer."""
        reading, stack = self.reading, self._platform.stack
        reading.parts = status(stack)
        self.most_memory_mb = max(self.most_memory_mb, reading.memory_mb)
        running = {part.name for part in reading.parts if part.pid}
        rates = {name: self._rate(name, self._taken_by(name)) for name in TAKEN if name in running}
        if WINDOWS in running:
            rates[WINDOWS] = self._rate(WINDOWS, self._windows.records_read())
        reading.rates = {name: rate for name, rate in rates.items() if rate is not None}
        try:
            reading.lags = lags(self._platform, running)
            if WINDOWS in running:
                reading.lags[WINDOWS] = self._windows.lag()
        except StreamkitError:
            reading.lags = {}
        if lake and "seaweedfs" in running:
            reading.lake = self._lake.rows() or reading.lake
        if lake and "opensearch" in running:
            reading.documents = documents(stack.url("opensearch.http"))
        return reading

    def _run(self) -> None:
        turn = 0
        while not self._stopping.is_set():
            self._try(lake=turn % 5 == 0)
            turn += 1
            self._stopping.wait(self._every_s)

    def _try(self, *, lake: bool) -> None:
        try:
            self.ask(lake=lake)
        except Exception as error:  # noqa: BLE001 - the page would stand still, and nobody would know why
            self.reading.problem = f"the figures are old: asking the platform failed with {error!r}"
        else:
            self.reading.problem = None

    def _taken_by(self, service: str) -> float | None:
        """Records that a service has taken since it was started; None when it does not answer."""
        text = metrics(self._platform, service)
        return None if text is None else total(text, TAKEN[service])

    def _rate(self, part: str, taken: float | None) -> float | None:
        """Records per second since the last time; None at first, or when the part did not answer."""
        if taken is None:
            return None
        now = time.monotonic()
        before, self._before[part] = self._before.get(part), (now, taken)
        if before is None or taken < before[1]:  # it was started again
            return None
        return (taken - before[1]) / (now - before[0])


def metrics(platform: Platform, service: str) -> str | None:
    """What a service measures of itself, in Prometheus' text format; None when it does not answer."""
    try:
        return httpx.get(platform.stack.url(f"{service}.http") + "/metrics", timeout=2).text
    except httpx.HTTPError:
        return None


def total(metrics: str, name: str) -> float:
    """The sum over all labels of a metric in Prometheus' text format; 0 when it is not there."""
    samples = [line for line in metrics.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(line.rpartition(" ")[2]) for line in samples)


def lags(platform: Platform, services: set[str]) -> dict[str, int]:
    """Records (transaction markers included) between where each service stands and the ends of its topics."""
    admin = platform.broker.admin()
    topics = {spec.topic: spec for spec in (topic.spec for topic in platform.catalogue.values())}
    inputs = {
        service: [
            name
            for name, spec in topics.items()
            if service in spec.consumers and name not in BESIDE.get(service, ())
        ]
        for service in services & (TAKEN.keys() - OWN_LAG.keys())
    }
    found = admin.topics(sorted(set().union(*inputs.values())))
    partitions = {name: [TopicPartition(name, p) for p in range(i.partitions)] for name, i in found.items()}
    ends = admin.end_offsets([tp for tps in partitions.values() for tp in tps], committed_only=True)
    found_lags = {
        service: behind(admin, service, [tp for name in names for tp in partitions.get(name, [])], ends)
        for service, names in inputs.items()
        if names
    }
    for service in services & OWN_LAG.keys():
        if (text := metrics(platform, service)) is not None:
            found_lags[service] = int(total(text, OWN_LAG[service]))
    return found_lags


def documents(url: str) -> int | None:
    """Documents in all indices of the platform; None when OpenSearch does not answer."""
    try:
        return int(httpx.get(f"{url}/decisions-*,alerts-*,dead-letters-*/_count", timeout=5).json()["count"])
    except (httpx.HTTPError, KeyError, ValueError):
        return None
