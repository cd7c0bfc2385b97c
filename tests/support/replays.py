"""Replays on real parts, and traffic between changes of every side input."""

import io
import os
import subprocess
import sys
import time
from contextlib import contextmanager

from cli.audit import lake_settings
from cli.lake import answering_lake
from demo.progress import PlainSteps
from local.places import repository
from replay.chain import perform_all, prepare_all
from replay.pairs import Comparison
from replay.perform import Request
from streamkit.clock import SystemClock
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient
from streamkit.topics_apply import Platform
from tests.support.catalogues import SCHEMAS
from tests.support.pipeline import TRANSACTIONS, Decisions, client, encode, put, transaction

CUSTOMERS, CARDS = "cdc.bank.customers", "cdc.bank.cards"
CLICKS = "web.clicks.v1"
RULES, REPORTS = "platform.rules.v1", "payments.fraud-reports.v1"
PEOPLE = 4


class Replays:
    """Replays and compares on a stack in this process; `run` is the command itself."""

    def __init__(self, stack):
        self._stack = stack
        broker = KafkaBroker(stack.bootstrap_servers)
        self.platform = Platform(broker, broker.admin(), RegistryClient(stack.registry_url), SystemClock())
        self._steps = PlainSteps(io.StringIO())

    def replay(self, what, **options):
        """Replay to the end; options are those of Request."""
        lake = answering_lake(self._stack)
        hops = prepare_all(self._stack, self.platform, Request(what, **options), SCHEMAS, lake)
        perform_all(self._stack, self.platform, hops, self._steps, lake=lake is not None)
        return hops[-1]

    def compare(self, replay):
        """What each pair came to, by the name of the topic or table."""
        comparison = Comparison(replay, self.platform, SCHEMAS, lake_settings(self._stack), wait_s=60)
        return {each.name: each for each in comparison.run(self._steps, show=3)}

    def run(self, *arguments):
        """Run a command; returns its exit code and what it wrote to stdout and stderr."""
        where = ("--home", str(self._stack.home), "--port-base", str(self._stack.port_base))
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cli", *arguments, *where],
            cwd=repository(),
            env={**os.environ, "PYTHONPATH": str(repository())},
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        return done.returncode, done.stdout, done.stderr

    def close(self):
        """Release the clients."""
        self.platform.registry.close()


@contextmanager
def replays_after(stack, rounds):
    """Replays of a pipeline that has decided on payments while its side inputs changed."""
    decisions = Decisions(stack)
    decisions.wait_for(pay_while_the_world_changes(stack, rounds))
    decisions.close()
    replays = Replays(stack)
    yield replays
    replays.close()


def pay_while_the_world_changes(stack, rounds):
    """In each round change a row, the rules or a label, then pay; at the end, click.

    Returns the transactions' ids.
    """
    ids = []
    with client(stack) as http:
        for number in range(rounds):
            change(stack, number, ids)
            events = [transaction(person, amount_minor=1000 + number) for person in range(PEOPLE)]
            # Sent again at once, as a client does that got no answer: the second has no effect.
            for body in (events, events[:1]):
                answer = http.post(f"/v1/topics/{TRANSACTIONS}/events", json=body)
                assert answer.status_code == 200, answer.text
            ids += [event["transaction_id"] for event in events]
        visit = [click(number) for number in range(rounds)]
        for body in (visit, visit[:3]):
            answer = http.post(f"/v1/topics/{CLICKS}/events", json=body)
            assert answer.status_code == 200, answer.text
    return ids


def click(number):
    """A click as a client sends it."""
    now = time.time_ns() // 1_000_000
    return {
        "click_id": f"replayed-{now}-{number}",
        "user_id": f"u{number % PEOPLE}",
        "page": "/",
        "product_id": None,
        "category": None,
        "event_time": now,
    }


def change(stack, number, ids):
    """Write one change of a side input, a different one by turns."""
    now, person = time.time_ns() // 1_000_000, f"{number % PEOPLE:06}"
    match number % 4:
        case 0:
            row = {"customer_id": f"c{person}", "segment": "retail", "home_x": 1.0, "home_y": 2.0}
            row["credit_limit_minor"] = 10_000 + number
            put(stack, CUSTOMERS, b"row", encode(stack, CUSTOMERS, image(row, now)))
        case 1:
            row = {"card_id": f"k{person}", "customer_id": f"c{person}", "status": f"s{number}"}
            row["expires_on"] = None
            put(stack, CARDS, b"row", encode(stack, CARDS, image(row, now)))
        case 2:
            rule = {"code": "amount", "when": f"amount_minor > {1000 + number // 2}", "outcome": "DECLINE"}
            rules = {"rule_set_version": f"v{now}", "event_time": now, "rules": [{**rule, "text": "much"}]}
            put(stack, RULES, rules["rule_set_version"].encode(), encode(stack, RULES, rules))
        case 3:
            report = {"report_id": f"r{now}", "tenant": "default", "transaction_id": ids[-1]}
            report |= {"customer_id": f"c{person}", "terminal_id": f"t{person}"}
            report |= {"transaction_time": now - 8 * 86_400_000, "event_time": now}
            put(stack, REPORTS, report["terminal_id"].encode(), encode(stack, REPORTS, report))


def image(row, now):
    """A Debezium envelope that sets a row."""
    return {"before": None, "after": row, "op": "u", "ts_ms": now}
