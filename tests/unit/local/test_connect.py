import json
from http import HTTPStatus

import pytest

from local import connect
from local.connect import SETTINGS, Connect, connector, failed_task
from local.stack import Stack

TRACE = """org.apache.kafka.connect.errors.ConnectException: An exception occurred in the producer
\tat io.debezium.pipeline.ErrorHandler.setProducerThrowable(ErrorHandler.java:67)
Caused by: io.debezium.DebeziumException: Couldn't obtain a slot
\tat io.debezium.connector.postgresql.PostgresConnectorTask.start(PostgresConnectorTask.java:1)
Caused by: org.postgresql.util.PSQLException: ERROR: replication slot "kapstan" is active for PID 7
\t... 7 more
"""


def answer(task="RUNNING", connector_state="RUNNING", **more):
    return {
        "name": "bank",
        "connector": {"state": connector_state, "worker_id": "w"},
        "tasks": [{"id": 0, "state": task, "worker_id": "w", **more}],
    }


def test_a_failed_task_is_named_with_its_last_cause():
    failed = failed_task(answer("FAILED", trace=TRACE))
    assert failed == (
        "task 0 of the connector bank failed: org.postgresql.util.PSQLException: ERROR: replication slot "
        '"kapstan" is active for PID 7'
    )


@pytest.mark.parametrize("state", ["RUNNING", "PAUSED", "UNASSIGNED", "RESTARTING"])
def test_other_states_are_no_failure(state):
    assert failed_task(answer(state)) is None


def test_a_failed_connector_is_named_too_and_a_trace_may_be_missing():
    failed = failed_task(answer(connector_state="FAILED"))
    assert failed == "the connector bank failed: no reason is given"
    assert "boom" in (failed_task(answer("FAILED", trace="boom\n\tat x")) or "")


def test_status_says_which_task_failed_and_what_to_do(monkeypatch, tmp_path):
    body = json.dumps(answer("FAILED", trace=TRACE)).encode()
    monkeypatch.setattr(connect, "http_missing", lambda *_: None)
    monkeypatch.setattr(connect, "http_call", lambda *_, **__: (HTTPStatus.OK, body))
    missing = Connect().waiting_for(Stack(tmp_path, 42000))
    assert missing.startswith("task 0 of the connector bank failed: org.postgresql")
    assert "`kapstan restart connect`" in missing


def test_a_row_that_is_read_again_after_a_crash_is_not_committed_twice(tmp_path):
    assert "exactly.once.source.support=enabled" in SETTINGS
    assert connector(Stack(tmp_path, 42000))["exactly.once.support"] == "required"
