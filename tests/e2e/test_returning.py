"""What was put aside goes back repaired and takes effect once, however often it is sent and killed."""

import json
import os
import signal
import subprocess
import sys

import pytest

from local.places import repository
from streamkit.crashpoints import VARIABLE
from tests.support.pipeline import DECISIONS, TRANSACTIONS, client, kapstan, put, transaction
from tests.support.waiting import until


def redrive(stack, *arguments, crash_at=None):
    """Run `kapstan dlq redrive`; returns its exit code and what it printed."""
    where = ("--home", str(stack.home), "--port-base", str(stack.port_base))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli", "dlq", "redrive", *arguments, *where],
        cwd=repository(),
        env={
            **os.environ,
            "PYTHONPATH": str(repository()),
            **({} if crash_at is None else {VARIABLE: crash_at}),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )
    return done.returncode, done.stdout


def letter_at(stack, partition, offset):
    """Wait for the enricher's letter about a transaction, and return it."""

    def found():
        letters = json.loads(kapstan(stack, "dlq", "list", "--service", "enricher", "--json"))
        return [one for one in letters if one["origin"].endswith(f"/{partition}/{offset}")]

    until(found, 60)
    return found()[0]


def agrees(stack):
    report = json.loads(kapstan(stack, "audit", "--json", "--topic", DECISIONS))
    return report["lost"], report["doubled"]


@pytest.mark.parametrize("crash_at", ["redrive.after_record", "redrive.after_commit"])
def test_a_poison_record_is_repaired_and_decided_once(crash_at, stack, decisions, tmp_path):
    event = {"tenant": "default", **transaction(60)}
    partition, offset = put(stack, TRANSACTIONS, event["customer_id"].encode(), b"poison")
    letter = letter_at(stack, partition, offset)
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(event))
    again = (letter["ref"], "--value", str(whole))
    code, _ = redrive(stack, *again, crash_at=crash_at)
    assert code == -signal.SIGKILL
    code, said = redrive(stack, *again)
    assert code == 0, said
    assert ("had gone back before" in said) == (crash_at == "redrive.after_commit")
    assert "had gone back before" in redrive(stack, *again)[1]
    decisions.wait_for([event["transaction_id"]], 120)
    after = transaction(61)
    with client(stack) as http:
        assert http.post(f"/v1/topics/{TRANSACTIONS}/events", json=after).status_code == 200
    decisions.wait_for([after["transaction_id"]])
    assert decisions.of[event["transaction_id"]] == 1
    assert agrees(stack) == (0, 0)
    assert "went back" in kapstan(stack, "dlq", "list")


def test_what_the_gateway_refused_goes_back_through_it(stack, decisions, tmp_path):
    event = transaction(62)
    with client(stack) as http:
        answer = http.post(f"/v1/topics/{TRANSACTIONS}/events", json={**event, "amount_minor": "12"})
    reject = answer.json()["results"][0]["reject_id"]
    patch = tmp_path / "patch.json"
    patch.write_text('{"amount_minor": 1200}')
    code, said = redrive(stack, reject, "--edit", str(patch), crash_at="redrive.after_marker")
    assert code == -signal.SIGKILL, said
    code, said = redrive(stack, reject, "--edit", str(patch))
    assert (code, f"as event {event['transaction_id']}" in said) == (0, True), said
    assert "had gone back before" in redrive(stack, reject, "--edit", str(patch))[1]
    decisions.wait_for([event["transaction_id"]])
    assert decisions.of[event["transaction_id"]] == 1
