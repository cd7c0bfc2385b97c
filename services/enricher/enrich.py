"""Pure: a transaction with its customer's windows and the rows it refers to, each transaction once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from payments.features import CUSTOMER_WINDOWS, EVENT_TIMES, customer_features
from payments.logs import StoredLogs
from services.enricher.errors import EmptyError, FutureError, OutOfRangeError, WrongKeyError
from services.enricher.join import CARDS, CUSTOMERS, TERMINALS, joiner
from services.enricher.metrics import EnricherMetrics
from streamkit.dedup import Repeats
from streamkit.errors import DeadLetterError
from streamkit.headers import ORIGIN, ORIGIN_HISTORY, carried, tenant_of
from streamkit.records import Output, Record, Rejected
from streamkit.redrive import redrive_of
from streamkit.serde import AvroEncoder, Decoder
from streamkit.side import SideView
from streamkit.state import PartitionState

INPUT = "payments.transactions.v1"
ENRICHED = "payments.enriched.v1"
OUTPUT = "enriched"  # the named output

GREATEST_AMOUNT_MINOR = 10**12  # nine million of them fit into a window's 64-bit total


@dataclass(frozen=True)
class Limits:
    """How long a transaction id is remembered, and how far a transaction may lie ahead; in ms."""

    repeat_window_ms: int
    future_ms: int


class Enrich:
    """The enricher's step."""

    def __init__(self, decoder: Decoder, encoder: AvroEncoder, limits: Limits) -> None:
        """Take the codecs of `INPUT` and `ENRICHED`, and the limits."""
        self._decoder = decoder
        self._encoder = encoder
        self._limits = limits

    def __call__(
        self, batch: Sequence[Record], side: SideView, state: PartitionState
    ) -> Iterator[Output | Rejected]:
        """Yield the enriched form of each valid, new transaction, and what is to be put aside."""
        batch_of = _Batch(side, state)
        redrive = redrive_of(batch[0])  # what was redriven comes alone
        redriven_ms = redrive.at_ms if redrive is not None else None
        repeats = Repeats(state, self._limits.repeat_window_ms, redriven_ms)
        repeated = 0
        for record in batch:
            try:
                transaction = self._valid(record)
                tenant, transaction_id = transaction["tenant"], transaction["transaction_id"]
                if repeats.seen(tenant, transaction_id, record.timestamp_ms):
                    repeated += 1
                    continue
                value = self._encoder.encode(batch_of.enriched(record, transaction))
            except DeadLetterError as error:
                yield Rejected(record, error.reason, str(error), error.field_path, error.schema_id)
            else:
                key = transaction["terminal_id"].encode()
                yield Output(OUTPUT, key, value, record.timestamp_ms, carried(record))
        repeats.sweep()
        batch_of.count()
        EnricherMetrics.repeated_records.inc(repeated)

    def _valid(self, record: Record) -> dict[str, Any]:
        """The transaction, its tenant being the gateway's word; raises DeadLetterError when it is none."""
        if record.value is None:
            raise EmptyError
        transaction: dict[str, Any] = self._decoder.decode(record.value)
        if record.key != transaction["customer_id"].encode():
            raise WrongKeyError(record.key, transaction["customer_id"])
        time_ms, amount = transaction["event_time"], transaction["amount_minor"]
        if time_ms > record.timestamp_ms + self._limits.future_ms:
            raise FutureError(time_ms, record.timestamp_ms)
        if time_ms not in EVENT_TIMES:
            raise OutOfRangeError("event_time", time_ms, "a time from 1970 to 9999")
        if abs(amount) > GREATEST_AMOUNT_MINOR:
            raise OutOfRangeError("amount_minor", amount, f"at most {GREATEST_AMOUNT_MINOR} either way")
        tenant = tenant_of(record)
        if tenant is not None:
            transaction["tenant"] = tenant
        return transaction


class _Batch:
    """What the records of one batch share: the side view, the state, and counts."""

    def __init__(self, side: SideView, state: PartitionState) -> None:
        self._customers = joiner(CUSTOMERS, side)
        self._cards = joiner(CARDS, side)
        self._terminals = joiner(TERMINALS, side)
        self._positions = side.vector
        self._state = state
        self._logs = StoredLogs(state)
        self._joins: Counter[tuple[str, str]] = Counter()
        self._enriched = self._dropped = 0

    def enriched(self, record: Record, transaction: Mapping[str, Any]) -> dict[str, Any]:
        """The value of `ENRICHED`; enters the transaction in its customer's windows."""
        customer = self._customers(transaction["customer_id"])
        card = self._cards(transaction["card_id"])
        terminal = self._terminals(transaction["terminal_id"])
        joins = [customer.entry, card.entry, terminal.entry]
        for join in joins:
            self._joins[join["name"], join["status"]] += 1
        self._enriched += 1
        self._dropped += CUSTOMER_WINDOWS.forget_silent(self._state, transaction["event_time"])
        return {
            **transaction,
            "origin": "HISTORY" if record.header(ORIGIN) == ORIGIN_HISTORY else "LIVE",
            "customer": customer.branch,
            "card": card.branch,
            "terminal": terminal.branch,
            "customer_features": customer_features(
                self._logs,
                transaction["tenant"],
                transaction["customer_id"],
                transaction["currency"],
                transaction["event_time"],
                transaction["amount_minor"],
            ),
            "joins": joins,
            "side_positions": self._positions,
        }

    def count(self) -> None:
        """Add the batch to the metrics."""
        EnricherMetrics.enriched_records.inc(self._enriched)
        EnricherMetrics.windows_dropped_total.inc(self._dropped)
        for (table, status), number in self._joins.items():
            EnricherMetrics.joins_total.inc(number, table=table, status=status)
