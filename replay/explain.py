"""One past decision from the log: found, done again through both hops, and compared with live's."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from payments.features import TERMINAL_WINDOWS
from payments.labels import Labels
from replay.again import Again, again, key_until
from replay.errors import ReplayRefusedError
from replay.explanation import (
    Event,
    Explanation,
    Hop,
    RowUsed,
    RuleUsed,
    differing,
    features_of,
    typed,
)
from services.enricher.enrich import ENRICHED, OUTPUT
from services.enricher.enrich import INPUT as TRANSACTIONS
from services.enricher.join import CARDS, CUSTOMERS, TERMINALS, Row, Table
from services.fraud_scorer.rule_values import rule_values
from services.fraud_scorer.score import DECISION_OUTPUT, DECISIONS
from services.fraud_scorer.sides import Known, known, labels_of
from streamkit.broker import Broker
from streamkit.clock import Clock
from streamkit.codecs import Codecs
from streamkit.errors import DeadLetterError
from streamkit.headers import SIDE, SOURCE, Source, find, is_heartbeat, parse_source
from streamkit.partitioner import partition_of
from streamkit.read import span, whole
from streamkit.records import Record, TopicPartition
from streamkit.redrive import retry_of
from streamkit.side import SideView
from streamkit.transform import TransformSpec

Progress = Callable[[str], None]
"""Told in a few words what is being done."""


class Explainer:
    """Explains decisions of one platform; every call blocks.

    Raises:
        ReplayRefusedError: there is no such decision, or what it follows from is gone.
        StopError: a side input does not hold any more what live had seen of it.
        RetryableError: Kafka or the registry is away.
    """

    def __init__(
        self,
        broker: Broker,
        codecs: Codecs,
        clock: Clock,
        enricher: TransformSpec,
        scorer: TransformSpec,
        progress: Progress,
    ) -> None:
        """Take the services as they run live, and whom to tell."""
        self._broker = broker
        self._admin = broker.admin()
        self._codecs = codecs
        self._clock = clock
        self._enricher = enricher
        self._scorer = scorer
        self._progress = progress

    def explain(self, transaction_id: str, tenant: str) -> Explanation:
        """Return how a decision came about."""
        live, decision = self._decision(transaction_id, tenant)
        source = self._source(live)
        enriched, scored = self._scored(live, decision)
        raw, joined = self._joined(enriched, source)
        transaction = self._codecs.decoder(TRANSACTIONS).decode(raw.value or b"")
        datum = self._codecs.decoder(ENRICHED).decode(enriched.value or b"")
        now = known(scored.view)
        labels = labels_of(scored.view, tenant, datum["terminal_id"])
        return Explanation(
            decision=decision,
            transaction=transaction,
            hops=(
                self._hop(self._enricher, joined, enriched, OUTPUT),
                self._hop(self._scorer, scored, live, DECISION_OUTPUT),
            ),
            rows=tuple(_row(table, joined.view, datum) for table in (CUSTOMERS, CARDS, TERMINALS)),
            features=features_of(
                typed(decision["features"]),
                datum["event_time"],
                datum["currency"],
                self._events(joined, TRANSACTIONS),
                self._events(scored, ENRICHED),
            ),
            frauds_known=_frauds(labels, datum["event_time"]),
            rule_set=now.rules.version if now.rules else None,
            rules=_rules(now, datum, decision),
            model=now.model.hash if now.model else None,
            redriven=tuple(self._redriven()),
        )

    def _redriven(self) -> Iterator[str]:
        for service, topic in ((self._enricher.service, TRANSACTIONS), (self._scorer.service, ENRICHED)):
            _, ends = whole(self._broker, retry_of("", service, topic))
            if any(ends.values()):
                yield service

    def _decision(self, transaction_id: str, tenant: str) -> tuple[Record, dict[str, Any]]:
        starts, ends = whole(self._broker, DECISIONS)
        decoder, text, read = self._codecs.decoder(DECISIONS), transaction_id.encode(), 0

        def told(count: int) -> None:
            nonlocal read
            read += count
            self._progress(f"looking for the decision: {read:,} read")

        for records in span(self._broker, starts, ends, self._clock, told):
            for record in records:
                if record.value is None or text not in record.value or is_heartbeat(record.headers):
                    continue
                decision = _decoded(decoder.decode, record.value)
                if decision is not None and (decision["transaction_id"], decision["tenant"]) == (
                    transaction_id,
                    tenant,
                ):
                    return record, decision
        hint = "`kapstan dlq list` shows what was put aside instead of decided"
        if any(starts.values()):
            hint += "; decisions older than the topic's retention are in the lake only"
        raise ReplayRefusedError(
            f"there is no decision on {transaction_id} of tenant {tenant} in {DECISIONS}", hint=hint
        )

    def _source(self, live: Record) -> Source:
        """Return the transaction's place behind the gateway, if that is still the same topic."""
        try:
            source = parse_source(find(live.headers, SOURCE) or b"")
        except ValueError as error:
            raise ReplayRefusedError(
                "the decision does not say which transaction it was made from",
                hint="Only the fraud_scorer should write decisions",
            ) from error
        info = self._admin.topics([source.topic]).get(source.topic)
        if info is None or info.topic_id != source.topic_id:
            raise ReplayRefusedError(f"{source.topic} was deleted or made again since this decision")
        return source

    def _scored(self, live: Record, decision: Mapping[str, Any]) -> tuple[Record, Again]:
        info = self._admin.topics([ENRICHED])[ENRICHED]
        key = str(decision["terminal_id"]).encode()
        tp = TopicPartition(ENRICHED, partition_of(key, info.partitions))
        wanted = find(live.headers, SOURCE)
        told = self._counting("the terminal's transactions")
        records = key_until(
            self._broker, tp, key, lambda r: find(r.headers, SOURCE) == wanted, self._clock, told
        )
        self._progress("reading reports, rules and models as of then")
        enriched = records[-1]
        return enriched, again(self._scorer, info.topic_id, records, live, self._broker, self._clock)

    def _joined(self, enriched: Record, source: Source) -> tuple[Record, Again]:
        tp = TopicPartition(source.topic, source.partition)
        key = str(self._codecs.decoder(ENRICHED).decode(enriched.value or b"")["customer_id"]).encode()
        told = self._counting("the customer's transactions")
        records = key_until(self._broker, tp, key, lambda r: r.offset == source.offset, self._clock, told)
        self._progress("reading customers, cards and terminals as of then")
        done = again(self._enricher, source.topic_id, records, enriched, self._broker, self._clock)
        if done.rejected is not None:
            raise ReplayRefusedError(
                f"the transaction at {tp.topic}/{tp.partition}/{source.offset} had been put aside "
                f"({done.rejected.reason}) and went back from the dead letters: between which others it was "
                "taken in does not follow from the log",
                hint="`kapstan dlq list` shows its letter",
            )
        return records[-1], done

    def _counting(self, what: str) -> Callable[[int], None]:
        read = 0

        def told(count: int) -> None:
            nonlocal read
            read += count
            self._progress(f"looking for {what}: {read:,} read")

        return told

    def _events(self, done: Again, topic: str) -> list[Event]:
        """Return what may have been in the windows: the key's events, the last one included."""
        decode = self._codecs.decoder(topic).decode
        seen: dict[str, Event] = {}
        for record in (*done.before, done.record):
            datum = _decoded(decode, record.value or b"")
            if datum is not None:  # of a repeat, only the first is in a window
                event = Event(_place(record), datum["transaction_id"], datum["event_time"], datum["currency"])
                seen.setdefault(event.transaction_id, event)
        return list(seen.values())

    def _hop(self, spec: TransformSpec, done: Again, live: Record, output: str) -> Hop:
        """Return what a service had made of a record, and whether it makes the same of it now."""
        made = next((one for one in done.outputs if one.name == output), None)
        decode = self._codecs.decoder(live.topic).decode
        same = made is not None and (made.key, made.value) == (live.key, live.value)
        before = {"key": live.key, "value": decode(live.value or b"")}
        after = {"key": made.key, "value": decode(made.value or b"")} if made is not None else {}
        noted = find(live.headers, SIDE)
        return Hop(
            spec.service,
            _place(done.record),
            _place(live),
            orjson.loads(noted) if noted else {},
            same,
            () if same else differing(before, after),
        )


def _decoded(decode: Callable[[bytes], Any], value: bytes) -> dict[str, Any] | None:
    try:
        datum: dict[str, Any] = decode(value)
    except DeadLetterError:
        return None  # it was put aside, and is in no window
    return datum


def _row(table: Table, view: SideView, transaction: Mapping[str, Any]) -> RowUsed:
    key = transaction[table.key]
    found = view.table(table.name).get(key)
    if found is None:
        return RowUsed(table.name, table.topic, key, None, None, deleted=False)
    row = found.value
    assert isinstance(row, Row)  # noqa: S101 - what the enricher's side input decodes
    return RowUsed(table.name, table.topic, key, found.offset, dict(row.branch[1]), deleted=row.deleted)


def _place(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


def _frauds(labels: Labels, now_ms: int) -> int:
    span = TERMINAL_WINDOWS.spans[-1]
    return labels.known(now_ms - span.reach_ms, now_ms - span.delay_ms, now_ms)


def _rules(now: Known, transaction: Mapping[str, Any], decision: Mapping[str, Any]) -> tuple[RuleUsed, ...]:
    if now.rules is None:
        return ()
    score = decision["score"] if now.model else None
    values = rule_values(now.rules.needs, transaction, typed(decision["features"]), score)
    answers = now.rules.answers(values)
    return tuple(
        RuleUsed(rule.code, rule.when, answer) for rule, answer in zip(now.rules.rules, answers, strict=True)
    )
