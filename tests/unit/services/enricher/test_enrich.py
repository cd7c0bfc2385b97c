"""The enricher's step over in-memory state and side views."""

import pytest

from payments.windows import DAY_MS
from services.enricher.enrich import ENRICHED, GREATEST_AMOUNT_MINOR, INPUT, Enrich, Limits
from services.enricher.join import CARDS, CUSTOMERS, TABLES, TERMINALS, side_input
from streamkit.headers import EVENT_ID, HOPS, ORIGIN, ORIGIN_HISTORY, REDRIVE, SIDE, SOURCE, TENANT, Source
from streamkit.records import Output, Record, Rejected
from streamkit.redrive import Redrive, format_redrive
from streamkit.side import SideView
from streamkit.state import PartitionState
from tests.support.schema_book import SchemaBook

NOW = 1_790_000_000_000
BOOK = SchemaBook()
HEADERS = ((EVENT_ID, b"x1"), (SOURCE, b"payments.transactions.v1@id/0/7"), (HOPS, b"gateway=1"))
ROWS = {
    CUSTOMERS: {
        "customer_id": "c1",
        "segment": "retail",
        "home_x": 1.0,
        "home_y": 2.0,
        "credit_limit_minor": 900,
    },
    CARDS: {"card_id": "k1", "customer_id": "c1", "status": "active", "expires_on": 20_999},
    TERMINALS: {
        "terminal_id": "t1",
        "merchant_name": "Harbour Books",
        "category": "books",
        "country": "FR",
        "x": 3.0,
        "y": 4.0,
    },
}


def transaction(number=1, **changes):
    return {
        "transaction_id": f"x{number}",
        "tenant": "default",
        "customer_id": "c1",
        "card_id": "k1",
        "terminal_id": "t1",
        "amount_minor": 1000,
        "currency": "EUR",
        "entry_mode": "CHIP",
        "event_time": NOW,
    } | changes


def record(value, offset=0, headers=HEADERS, key=b"c1", ingest_ms=NOW):
    encoded = BOOK.encode(INPUT, value) if isinstance(value, dict) else value
    return Record(INPUT, 0, offset, ingest_ms, key, encoded, headers)


@pytest.fixture
def side():
    found = SideView(side_input(table, BOOK.decoder(table.topic)) for table in TABLES)
    for offset, (table, row) in enumerate(ROWS.items(), 40):
        value = BOOK.encode(table.topic, {"before": None, "after": row, "op": "r", "ts_ms": 1})
        found.apply(Record(table.topic, 0, offset, NOW, b"key", value))
    return found


@pytest.fixture
def step():
    return Enrich(BOOK.decoder(INPUT), BOOK.encoder(ENRICHED), Limits(DAY_MS, DAY_MS))


def run(step, side, *records, state=None):
    return list(step(records, side, state if state is not None else PartitionState()))


def decoded(output):
    assert isinstance(output, Output), output
    return BOOK.decode(ENRICHED, output.value)


def test_a_transaction_comes_out_whole_with_rows_windows_and_positions(step, side):
    (output,) = run(step, side, record(transaction()))
    assert decoded(output) == transaction() | {
        "origin": "LIVE",
        "customer": {"segment": "retail", "home_x": 1.0, "home_y": 2.0, "credit_limit_minor": 900},
        "card": {"status": "active", "expires_on": 20_999},
        "terminal": {
            "merchant_name": "Harbour Books",
            "category": "books",
            "country": "FR",
            "x": 3.0,
            "y": 4.0,
        },
        "customer_features": {
            "count_1d": 1,
            "count_7d": 1,
            "count_30d": 1,
            "mean_amount_minor_1d": 1000.0,
            "mean_amount_minor_7d": 1000.0,
            "mean_amount_minor_30d": 1000.0,
        },
        "joins": [
            {"name": "customers", "status": "MATCHED", "offset": 40},
            {"name": "cards", "status": "MATCHED", "offset": 41},
            {"name": "terminals", "status": "MATCHED", "offset": 42},
        ],
        "side_positions": {"cdc.bank.customers-0": 41, "cdc.bank.cards-0": 42, "cdc.bank.terminals-0": 43},
    }


def test_it_is_keyed_by_terminal_and_carries_identity_but_not_what_is_of_one_hop(step, side):
    (output,) = run(step, side, record(transaction(), headers=(*HEADERS, (SIDE, b"{}"))))
    assert (output.name, output.key, output.timestamp_ms) == ("enriched", b"t1", NOW)
    assert output.headers == HEADERS


def test_unknown_rows_are_missing_and_the_transaction_goes_on(step):
    nobody = SideView(side_input(table, BOOK.decoder(table.topic)) for table in TABLES)
    value = decoded(run(step, nobody, record(transaction()))[0])
    assert (value["customer"], value["card"], value["terminal"]) == (None, None, None)
    assert [join["status"] for join in value["joins"]] == ["MISSING"] * 3
    assert value["side_positions"] == {}


def test_windows_grow_over_batches_and_a_late_transaction_sees_its_own_past(step, side):
    state = PartitionState()
    run(step, side, record(transaction(1, amount_minor=3000)), state=state)
    later = run(
        step,
        side,
        record(transaction(2, event_time=NOW + 60_000)),
        record(transaction(3, event_time=NOW - 60_000, amount_minor=500)),
        state=state,
    )
    assert [decoded(one)["customer_features"]["count_1d"] for one in later] == [2, 1]
    assert decoded(later[0])["customer_features"]["mean_amount_minor_7d"] == 2000.0


def test_a_repeat_takes_effect_once_within_a_day_of_ingest_time(step, side):
    state = PartitionState()
    again = record(transaction(), offset=1, ingest_ms=NOW + DAY_MS - 1)
    much_later = record(transaction(), offset=2, ingest_ms=NOW + DAY_MS)
    assert len(run(step, side, record(transaction()), again, state=state)) == 1
    (output,) = run(step, side, much_later, state=state)
    assert decoded(output)["customer_features"]["count_1d"] == 2


def test_tenants_share_neither_windows_nor_ids(step, side):
    state = PartitionState()
    other = record(transaction(), headers=(*HEADERS, (TENANT, b"acme")))
    first, second = run(step, side, record(transaction()), other, state=state)
    assert decoded(second)["tenant"] == "acme"
    assert (
        decoded(second)["customer_features"]["count_30d"]
        == decoded(first)["customer_features"]["count_30d"]
        == 1
    )


def test_currencies_share_no_window(step, side):
    found = run(step, side, record(transaction(1)), record(transaction(2, currency="USD")))
    assert [decoded(one)["customer_features"]["count_1d"] for one in found] == [1, 1]


def test_history_is_marked(step, side):
    (output,) = run(step, side, record(transaction(), headers=(*HEADERS, (ORIGIN, ORIGIN_HISTORY))))
    assert decoded(output)["origin"] == "HISTORY"


@pytest.mark.parametrize(
    ("bad", "reason", "path"),
    [
        (record(None), "empty", None),
        (record(b"\x01poison"), "no_magic", None),
        (record(b"\x00\x00\x00\x00\x63abc"), "unknown_schema", None),
        (record(BOOK.encode(INPUT, transaction())[:-3]), "undecodable", "/event_time"),
        (record(transaction(), key=b"c2"), "wrong_key", "/customer_id"),
        (record(transaction(), key=None), "wrong_key", "/customer_id"),
        (record(transaction(event_time=NOW + DAY_MS + 1)), "future", "/event_time"),
        (record(transaction(event_time=-1)), "out_of_range", "/event_time"),
        (record(transaction(event_time=2**53), ingest_ms=2**53), "out_of_range", "/event_time"),
        (record(transaction(amount_minor=GREATEST_AMOUNT_MINOR + 1)), "out_of_range", "/amount_minor"),
        (record(transaction(amount_minor=-(2**63))), "out_of_range", "/amount_minor"),
        (record(transaction(), headers=(*HEADERS, (TENANT, b"\xff\xfe"))), "bad_header", None),
    ],
)
def test_what_is_no_transaction_is_put_aside_and_the_others_go_on(step, side, bad, reason, path):
    first, rejected, last = run(step, side, record(transaction(8)), bad, record(transaction(9)))
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.field_path) == (reason, path)
    assert rejected.record is bad
    assert decoded(first)["transaction_id"] == "x8"
    assert decoded(last)["customer_features"]["count_1d"] == 2


def test_a_rejected_transaction_is_not_remembered_as_seen(step, side):
    state = PartitionState()
    run(step, side, record(transaction(), key=b"c2"), state=state)
    assert (
        len([one for one in run(step, side, record(transaction()), state=state) if isinstance(one, Output)])
        == 1
    )


def test_batches_do_not_change_the_outcome(side):
    records = [
        record(
            transaction(number, event_time=NOW + number * 3_600_000 % (50 * DAY_MS)),
            ingest_ms=NOW + 60 * DAY_MS,
        )
        for number in range(200)
    ]
    outcomes = []
    for size in (1, 7, 200):
        step = Enrich(BOOK.decoder(INPUT), BOOK.encoder(ENRICHED), Limits(DAY_MS, DAY_MS))
        state = PartitionState()
        found = [
            one.value
            for at in range(0, len(records), size)
            for one in step(records[at : at + size], side, state)
        ]
        outcomes.append((found, dict(state.changes)))
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_silent_customers_are_forgotten(step, side):
    state = PartitionState()
    run(step, side, record(transaction()), state=state)
    held = sum(
        b"c1" in key for key, value in state.changes.items() if value is not None and key.startswith(b"wh")
    )
    others = [
        record(
            transaction(100 + day, customer_id="c2", event_time=NOW + day * DAY_MS // 2),
            key=b"c2",
            ingest_ms=NOW + 40 * DAY_MS,
        )
        for day in range(80)
    ]
    run(step, side, *others, state=state)
    left = sum(
        b"c1" in key for key, value in state.changes.items() if value is not None and key.startswith(b"wh")
    )
    assert (held, left) == (1, 0)


def redriven(value, days):
    redrive = Redrive(1, NOW + days * DAY_MS, Source(INPUT, "id", 0, 7), "the letter")
    return record(value, 7, (*HEADERS, (REDRIVE, format_redrive(redrive))))


@pytest.mark.parametrize("days", [0, 3, 40])
def test_a_refused_transaction_that_comes_back_repaired_is_no_repeat_of_itself(step, side, days):
    state = PartitionState()
    (refused,) = run(step, side, record(b"poison", 7), state=state)
    assert isinstance(refused, Rejected)
    (output,) = run(step, side, redriven(transaction(1), days), state=state)
    assert BOOK.decode(ENRICHED, output.value)["transaction_id"] == "x1"
    assert REDRIVE not in dict(output.headers)
    assert run(step, side, redriven(transaction(1), days + 60), state=state) == []


def test_one_that_its_producer_sent_again_meanwhile_is_a_repeat(step, side):
    state = PartitionState()
    (_,) = run(step, side, record(transaction(1), 9, ingest_ms=NOW + DAY_MS), state=state)
    assert run(step, side, redriven(transaction(1), 1), state=state) == []
