"""A decision that the running services made, done again from the log by `kapstan explain`."""

import json
import subprocess
import sys
import time

from local.places import repository
from tests.support.pipeline import TRANSACTIONS, client, kapstan, transaction


def test_a_decision_is_done_again_from_the_log_byte_for_byte(stack, decisions, record_property):
    sent = [transaction(80, terminal_id="t000081", amount_minor=100 * n) for n in range(1, 6)]
    sent = [{**each, "transaction_id": f"{each['transaction_id']}-{n}"} for n, each in enumerate(sent)]
    with client(stack) as http:
        for each in sent:
            assert http.post(f"/v1/topics/{TRANSACTIONS}/events", json=each).status_code == 200
    decisions.wait_for([each["transaction_id"] for each in sent])
    began = time.monotonic()
    found = json.loads(kapstan(stack, "explain", sent[-1]["transaction_id"], "--json"))
    record_property("explain_s", round(time.monotonic() - began, 1))
    assert found["agrees"], found["hops"]
    assert found["transaction"]["amount_minor"] == 500
    behind = {one["name"]: one["behind"] for one in found["features"]}["customer_count_1d"]
    assert behind[-5:] == [each["transaction_id"] for each in sent]
    assert "byte for byte" in kapstan(stack, "explain", sent[0]["transaction_id"])


def test_an_id_that_nobody_decided_is_said_to_be_none(stack):
    where = ("--home", str(stack.home), "--port-base", str(stack.port_base))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli", "explain", "nobody", *where],
        cwd=repository(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "there is no decision on nobody" in done.stderr
