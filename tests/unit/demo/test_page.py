import io
from dataclasses import replace

from rich.console import Console

from demo.lake import LakeRows
from demo.page import Moment, page
from demo.progress import PlainSteps
from local.status import Status


def shown(moment):
    console = Console(file=io.StringIO(), width=110, height=60)
    console.print(page(moment))
    return console.file.getvalue()


def part(name, state="ready", detail="", **addresses):
    return Status(name, state, detail, 1, 10, 120, addresses, f"/{name}.log")


FULL = Moment(
    seconds=75,
    rate=10,
    parts=[
        part("kafka"),
        part("ingest_gateway", Gateway="http://127.0.0.1:18050/docs"),
        part("connect", "unready", "no answer on port 18005"),
    ],
    rates={"enricher": 10.04, "lake_sink": 33.3},
    lags={"enricher": 3},
    decisions=1234,
    p50_ms=21,
    p99_ms=87,
    sent={"acknowledged": 1300, "refused": 6},
    alerts=[
        {
            "outcome": "DECLINE",
            "amount_minor": 123_456,
            "currency": "EUR",
            "customer_id": "c000017",
            "merchant_name": None,
            "country": None,
            "reasons": [{"code": "card_blocked", "text": "The card is blocked."}],
        }
    ],
    lake=LakeRows(5_000_000, 4321, 17),
    documents=99,
)


def test_everything_known_is_on_the_page():
    text = shown(FULL)
    for expected in (
        "1:15",
        "kafka",
        "no answer on port 18005",
        "http://127.0.0.1:18050/docs",
        "10.0",
        "1234",
        "p50 21 ms   p99 87 ms",
        "1300 acknowledged, 6 malformed",
        "1,234.56 EUR",
        "The card is blocked.",
        "unknown terminal",
        "5,000,000 rows",
        "4,321 rows, 17 late ones",
        "99 documents",
    ):
        assert expected in text, expected


def test_the_first_moment_has_a_page_too():
    text = shown(Moment(seconds=0, rate=200))
    assert "200 transactions/s" in text
    assert "p50 -" in text
    assert "none yet" in text


def test_a_problem_is_shown():
    assert "503 kafka_away" in shown(Moment(seconds=1, rate=10, problem="503 kafka_away"))


def test_plain_steps_say_each_tenth_once():
    out = io.StringIO()
    with PlainSteps(out).step("Loading history") as bar:
        for share in (0.01, 0.11, 0.12, 0.5, 0.5, 1.0):
            bar(share, "some")
        bar(None, "kafka ready")
        bar(None)
    *lines, last = out.getvalue().splitlines()
    assert last.startswith("kapstan: Loading history: done in 0.")
    assert lines == [
        "kapstan: Loading history",
        "kapstan: Loading history: 10 % some",
        "kapstan: Loading history: 50 % some",
        "kapstan: Loading history: 100 % some",
        "kapstan: Loading history: kafka ready",
    ]


def test_a_merchants_name_is_shown_as_it_is():
    alert = {**FULL.alerts[0], "merchant_name": "Shop [/x] [red]", "country": "DE"}
    assert "Shop [/x] [red], DE" in shown(replace(FULL, alerts=[alert]))
