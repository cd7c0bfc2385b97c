"""The enricher and the scorer live and again, over a broker in memory: the same records, side for side."""

import shutil
from dataclasses import replace

import pytest

from services.enricher.config import EnricherSettings
from services.enricher.enrich import ENRICHED, INPUT
from services.fraud_scorer.score import ALERTS, DECISIONS
from streamkit.codecs import DEAD_LETTERS
from streamkit.crashpoints import TRANSFORM_POINTS, crash
from streamkit.errors import StopError
from streamkit.headers import SIDE, SOURCE
from streamkit.loop.bounds import present_ends
from streamkit.loop.status import LoopStatus
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.replay.plan import ReplayPlan
from streamkit.replay.run import replay_transform
from tests.support.payments_stage import NOW, PaymentsStage
from tests.support.workers import Crashed, read_all, turn_until, vanish

NAMESPACE = "again"


@pytest.fixture
def stage(tmp_path):
    return PaymentsStage(tmp_path)


@pytest.fixture
def specs(stage):
    return stage.specs()


def customer(limit):
    return {"customer_id": "c1", "segment": "s", "home_x": 1.0, "home_y": 2.0, "credit_limit_minor": limit}


def transaction(number, **changes):
    return {
        "transaction_id": f"x{number}",
        "tenant": "default",
        "customer_id": f"c{number % 3}",
        "card_id": "k1",
        "terminal_id": f"t{number % 4}",
        "amount_minor": 1000 + number,
        "currency": "EUR",
        "entry_mode": "CHIP",
        "event_time": NOW + number,
    } | changes


def rules(version, limit):
    rule = {"code": "amount", "when": f"amount_minor > {limit}", "outcome": "DECLINE", "text": "too much"}
    return {"rule_set_version": version, "event_time": NOW, "rules": [rule]}


def report(number):
    return {
        "report_id": f"r{number}",
        "tenant": "default",
        "transaction_id": f"x{number}",
        "customer_id": "c1",
        "terminal_id": f"t{number % 4}",
        "transaction_time": NOW,
        "event_time": NOW,
    }


def live(stage, specs):
    """Side inputs change between the transactions, one is a repeat, one is poison; then each hop is done."""
    enricher = stage.worker(specs["enricher"])
    scorer = stage.worker(specs["fraud_scorer"])
    for number in range(12):
        stage.row("customers", customer(1000 + number), op="u")
        if number % 3 == 0:
            stage.send("platform.rules.v1", rules(f"v{number}", 1000 + number))
        stage.send("payments.fraud-reports.v1", report(number))
        turn_until([enricher, scorer], lambda: stable(stage, enricher, scorer))
        stage.send(INPUT, transaction(number))
        stage.send(INPUT, transaction(number))
        if number == 5:
            stage.send(INPUT, b"poison")
        done = number + 1
        turn_until([enricher, scorer], lambda done=done: len(stage.values(DECISIONS)) == done)
    turn_until([enricher, scorer], lambda: len(stage.values(DEAD_LETTERS)) == 1)
    enricher.close()
    scorer.close()


def stable(stage, *workers):
    """Whether the workers' views have all that the side inputs hold."""
    return all(
        worker._side.view.positions.covers(present_ends(stage.broker, tuple(worker._side.view.topics)))
        for worker in workers
    )


class Ticking(LoopStatus):
    """Lets time go on with the turns of a loop: a move over markers alone is committed once a second."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def turned(self):
        super().turned()
        self._clock.sleep(0.1)


class StoppedSoon(LoopStatus):
    """Asks the loop to stop after some turns."""

    def __init__(self, turns):
        super().__init__()
        self._left = turns

    def turned(self):
        super().turned()
        self._left -= self.phase == "running"
        if self._left == 0:
            self.stop()


def again(
    stage, spec, starts=None, ends=None, sides="recorded", outputs=(), status=None, more=None, **settings
):
    """Replay a spec in memory; output topics of the namespace are made first."""
    for topic in (*spec.outputs.values(), spec.dead_letters):
        partitions = stage.broker.admin().topics([topic])[topic].partitions
        stage.broker.admin().create_topic(f"{NAMESPACE}.{topic}", partitions, {})
    present = present_ends(stage.broker, spec.inputs)
    plan = ReplayPlan(
        spec.service,
        starts or Positions(),
        present if ends is None else ends(present),
        outputs,
        sides,
        **(more or {}),
    )
    path = stage.folder / "plan.json"
    path.write_text(plan.to_json())
    settings = EnricherSettings(
        bootstrap_servers="memory:1",
        registry_url="http://memory",
        http_port=0,
        state_dir=stage.folder / NAMESPACE,
        namespace=NAMESPACE,
        mode="replay",
        replay_plan=path,
        **settings,
    )
    replay_transform(
        spec, settings, status=status or Ticking(stage.clock), broker=stage.broker, clock=stage.clock
    )


def again_in_memory(stage, spec, **options):
    """As `again`, with event times from the stage's own codecs: there is no registry to ask."""

    def event_times(settings):
        def event_time(record):
            if record.value == b"poison":
                return record.timestamp_ms
            spec = stage.catalogue[record.topic].spec
            return stage.codecs.decoder(record.topic).decode(record.value)[spec.event_time]

        return event_time

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("streamkit.replay.run.event_times", event_times)
        again(stage, spec, **options)


def seen(stage, topic):
    """What a comparison covers, in an order of its own; and the side vector."""
    found = [(r.header(SOURCE), r.key, r.value, r.header(SIDE)) for r in read_all(stage.broker, topic)]
    return sorted(found, key=str)


@pytest.mark.parametrize(
    ("service", "outputs"), [("enricher", (ENRICHED,)), ("fraud_scorer", (DECISIONS, ALERTS))]
)
def test_a_replay_as_recorded_equals_live(stage, specs, service, outputs):
    live(stage, specs)
    again(stage, specs[service], outputs=outputs)
    for topic in outputs:
        assert len(seen(stage, topic)) >= 1
        assert seen(stage, f"{NAMESPACE}.{topic}") == seen(stage, topic)
    mine = [r for r in read_all(stage.broker, DEAD_LETTERS) if service.encode() in r.value]
    assert [r.value for r in read_all(stage.broker, f"{NAMESPACE}.{DEAD_LETTERS}")] == [r.value for r in mine]
    assert len(mine) == (service == "enricher")


def test_what_live_put_aside_in_several_starts_a_replay_puts_aside_in_one(stage, specs):
    for _ in range(150):
        stage.send(INPUT, b"poison")
    stage.send(INPUT, transaction(1))
    stops = 0
    while len(stage.values(DEAD_LETTERS)) < 150 or not stage.values(ENRICHED):
        worker = stage.worker(specs["enricher"])
        try:
            turn_until([worker], lambda: len(stage.values(DEAD_LETTERS)) == 150)
        except StopError:
            stops += 1
        worker.close()
    assert stops > 0
    again(stage, specs["enricher"], outputs=(ENRICHED,))
    for topic in (ENRICHED, DEAD_LETTERS):
        found = read_all(stage.broker, f"{NAMESPACE}.{topic}")
        assert sorted(r.value for r in found) == sorted(r.value for r in read_all(stage.broker, topic))


def test_a_replay_with_the_latest_side_inputs_differs(stage, specs):
    live(stage, specs)
    again(stage, specs["enricher"], outputs=(ENRICHED,), sides="latest")
    limits = [v["customer"]["credit_limit_minor"] for v in stage.values(ENRICHED) if v["customer"]]
    assert len(set(limits)) > 1
    assert seen(stage, f"{NAMESPACE}.{ENRICHED}") != seen(stage, ENRICHED)


def test_a_part_begins_with_the_state_that_live_had_there(stage, specs):
    live(stage, specs)
    present = present_ends(stage.broker, (INPUT,))
    starts = Positions({tp: end // 2 for tp, end in present.items()})
    ends = Positions({tp: end - 1 for tp, end in present.items() if end}, present.topic_ids)
    again(stage, specs["enricher"], starts, lambda _: ends, outputs=(ENRICHED,))

    def inside(source):
        place, _, offset = source.decode().rpartition("/")
        tp = TopicPartition(INPUT, int(place.rpartition("/")[2]))
        return starts[tp] <= int(offset) < ends[tp]

    wanted = [each for each in seen(stage, ENRICHED) if inside(each[0])]
    assert 0 < len(wanted) < len(seen(stage, ENRICHED))
    assert seen(stage, f"{NAMESPACE}.{ENRICHED}") == wanted


def test_one_that_was_stopped_goes_on_where_it_was(stage, specs):
    live(stage, specs)
    counts = []
    for turns in (2, 2, 10_000):
        status = StoppedSoon(turns)
        again(stage, specs["fraud_scorer"], outputs=(DECISIONS,), status=status, max_batch=4)
        counts.append(len(seen(stage, f"{NAMESPACE}.{DECISIONS}")))
    assert 0 < counts[0] < counts[1] < counts[2] == 12, counts
    assert seen(stage, f"{NAMESPACE}.{DECISIONS}") == seen(stage, DECISIONS)


@pytest.mark.parametrize("point", TRANSFORM_POINTS)
def test_one_that_was_killed_goes_on_exactly(stage, specs, monkeypatch, point):
    live(stage, specs)
    options = {"outputs": (DECISIONS, ALERTS), "max_batch": 2}
    # What is passed at the start of a run comes again in a second one, which has something to restore.
    again(stage, specs["fraud_scorer"], status=StoppedSoon(3), **options)

    def die(name):
        monkeypatch.setattr("streamkit.loop.lasting._close", vanish)  # nobody takes its leave
        raise Crashed(name)

    monkeypatch.setattr(crash, "die", die)
    crash.arm(f"{point}:2" if point.startswith("transaction") else point)
    if point.startswith("restore"):  # on another disk
        shutil.rmtree(stage.folder / NAMESPACE)
    with pytest.raises(Crashed):
        again(stage, specs["fraud_scorer"], **options)
    crash.arm(None)
    monkeypatch.undo()
    again(stage, specs["fraud_scorer"], **options)
    for topic in (DECISIONS, ALERTS):
        assert seen(stage, f"{NAMESPACE}.{topic}") == seen(stage, topic)


def test_a_side_input_that_lost_its_records_is_refused(stage, specs):
    live(stage, specs)
    stage.broker.delete_topic("cdc.bank.customers")
    stage.broker.create_topic("cdc.bank.customers", 1)
    with pytest.raises(StopError, match="live noted"):
        again(stage, specs["enricher"], outputs=(ENRICHED,))


def test_a_side_input_that_this_version_does_not_read_is_refused(stage, specs):
    live(stage, specs)
    spec = specs["enricher"]
    with pytest.raises(StopError, match=r"cdc\.bank\.customers, which this version does not read"):
        again(stage, replace(spec, side_inputs=spec.side_inputs[1:]), outputs=(ENRICHED,))


def test_an_input_that_was_made_again_is_refused(stage, specs):
    live(stage, specs)
    with pytest.raises(StopError, match="deleted and created again"):
        again(stage, specs["enricher"], ends=lambda p: Positions(dict(p), {INPUT: "another"}))


def replayed(stage, topic):
    """The decoded values of a topic's replay."""
    decoder = stage.codecs.decoder(topic)
    return [decoder.decode(record.value) for record in stage.records(f"{NAMESPACE}.{topic}")]


def decisions(stage):
    """Outcome and versions of the replayed decisions, by transaction."""
    found = replayed(stage, DECISIONS)
    return {each["transaction_id"]: (each["outcome"], each["rule_set_version"]) for each in found}


@pytest.mark.parametrize("sides", ["recorded", "latest", "corrected"])
def test_rules_in_the_place_of_all_that_were_in_force(stage, specs, sides):
    live(stage, specs)
    stage.broker.create_topic("again.platform.rules.v1", 1)
    encoded = stage.codecs.encoder("platform.rules.v1").encode(rules("mine", 1004))
    stage.broker.producer().send("again.platform.rules.v1", b"mine", encoded)
    more = {"replaced": {"platform.rules.v1": "again.platform.rules.v1"}}
    again_in_memory(stage, specs["fraud_scorer"], outputs=(DECISIONS, ALERTS), sides=sides, more=more)
    found = decisions(stage)
    assert len(found) == 12
    assert {version for _, version in found.values()} == {"mine"}
    assert {outcome for number in range(5) for outcome, _ in [found[f"x{number}"]]}.isdisjoint({"DECLINE"})
    assert all(found[f"x{number}"][0] == "DECLINE" for number in range(5, 12))


def test_corrected_side_inputs_are_those_of_the_event_time(stage, specs):
    stage.row("customers", customer(1))
    change = {"before": None, "after": customer(2), "op": "u", "ts_ms": NOW + 5}
    stage.send("cdc.bank.customers", change)  # known to live before the first payment
    enricher = stage.worker(specs["enricher"])
    for number in (1, 4, 7):
        stage.send(INPUT, transaction(number))
    turn_until([enricher], lambda: len(stage.values(ENRICHED)) == 3)
    enricher.close()
    again_in_memory(stage, specs["enricher"], outputs=(ENRICHED,), sides="corrected")

    def limits(values):
        by_id = sorted(values, key=lambda each: each["transaction_id"])
        return [each["customer"]["credit_limit_minor"] for each in by_id]

    assert limits(stage.values(ENRICHED)) == [2, 2, 2]
    assert limits(replayed(stage, ENRICHED)) == [1, 1, 2]


def test_a_corrected_replay_that_was_stopped_goes_on_where_it_was(stage, specs):
    live(stage, specs)
    counts = []
    for turns in (2, 2, 10_000):
        status = StoppedSoon(turns)
        again_in_memory(
            stage, specs["fraud_scorer"], outputs=(DECISIONS,), sides="corrected", status=status, max_batch=4
        )
        counts.append(len(seen(stage, f"{NAMESPACE}.{DECISIONS}")))
    assert 0 < counts[0] < counts[2] == 12, counts


def test_a_chain_equals_live_hop_by_hop(stage, specs):
    live(stage, specs)
    again(stage, specs["enricher"], outputs=(ENRICHED,))
    again(stage, specs["fraud_scorer"], outputs=(DECISIONS, ALERTS), more={"fed": NAMESPACE})
    for topic in (ENRICHED, DECISIONS, ALERTS):
        assert len(seen(stage, topic)) >= 1
        assert seen(stage, f"{NAMESPACE}.{topic}") == seen(stage, topic)


def test_a_chain_passes_on_what_the_first_hop_does_otherwise(stage, specs):
    live(stage, specs)
    again(stage, specs["enricher"], outputs=(ENRICHED,), sides="latest")
    again(stage, specs["fraud_scorer"], outputs=(DECISIONS, ALERTS), more={"fed": NAMESPACE})
    assert len(seen(stage, f"{NAMESPACE}.{DECISIONS}")) == 12
    assert seen(stage, f"{NAMESPACE}.{DECISIONS}") != seen(stage, DECISIONS)


def test_a_plan_comes_back_from_its_file():
    tp = TopicPartition("a", 1)
    plan = ReplayPlan(
        "s",
        Positions({tp: 3}),
        Positions({tp: 9}, {"a": "id"}),
        ("b",),
        "latest",
        {"r": "x.r"},
        "x",
        tails=True,
        seam=Positions({tp: 4}),
    )
    assert ReplayPlan.from_json(plan.to_json()) == plan
    with pytest.raises(StopError, match="cannot be read"):
        ReplayPlan.from_json('{"service": "s"}')
