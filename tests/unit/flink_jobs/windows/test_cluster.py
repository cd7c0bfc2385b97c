import urllib.error

import pytest

from flink_jobs.windows.cluster import Cluster, Job, parse_jobs, parse_records_read
from flink_jobs.windows.errors import ClusterAwayError


def job(name="windows.sales", state="RUNNING", running=8, total=8):
    tasks = {"running": running, "total": total}
    return {"jid": "a1", "name": name, "state": state, "start-time": 5, "tasks": tasks}


def test_a_window_job_is_known_by_its_name():
    assert parse_jobs({"jobs": [job(), job("somebody else's")]}) == [Job("a1", "sales", "RUNNING", 5, 8, 8)]


@pytest.mark.parametrize("state", ["FINISHED", "CANCELED", "FAILED"])
def test_an_ended_job_is_none(state):
    assert parse_jobs({"jobs": [job(state=state)]}) == []


@pytest.mark.parametrize("state", ["RESTARTING", "CREATED", "CANCELLING", "FAILING", "INITIALIZING"])
def test_one_that_may_run_again_is_left_alone(state):
    assert len(parse_jobs({"jobs": [job(state=state)]})) == 1


@pytest.mark.parametrize(
    ("state", "running", "settled"), [("RUNNING", 8, True), ("RUNNING", 7, False), ("RESTARTING", 8, False)]
)
def test_settled_when_every_task_runs(state, running, settled):
    assert parse_jobs({"jobs": [job(state=state, running=running)]})[0].settled is settled


def test_a_jobmanager_that_is_away_is_named():
    with pytest.raises(ClusterAwayError, match="at nowhere:1 did not answer GET /jobs/overview"):
        Cluster("nowhere:1/").jobs()


def test_only_sources_count_as_read():
    nodes = [{"id": "source"}, {"id": "window", "inputs": [{"num": 0, "id": "source"}]}]
    vertices = [
        {"id": "source", "metrics": {"read-records": 0, "write-records": 7}},
        {"id": "window", "metrics": {"read-records": 7, "write-records": 3}},
    ]
    assert parse_records_read({"vertices": vertices, "plan": {"nodes": nodes}}) == 7


def answers(monkeypatch, code):
    def urlopen(request, timeout):
        raise urllib.error.HTTPError(request.full_url, code, "no", {}, None)

    monkeypatch.setattr("urllib.request.urlopen", urlopen)


@pytest.mark.parametrize("code", [404, 409])
def test_a_job_that_ended_a_moment_ago_is_cancelled(monkeypatch, code):
    answers(monkeypatch, code)
    Cluster("http://flink").cancel("a1")


@pytest.mark.parametrize("code", [400, 500, 503])
def test_other_errors_of_a_cancel_are_told(monkeypatch, code):
    answers(monkeypatch, code)
    with pytest.raises(ClusterAwayError, match=f"HTTP Error {code}"):
        Cluster("http://flink").cancel("a1")


def test_an_unknown_job_has_no_checkpoints_to_tell_of(monkeypatch):
    answers(monkeypatch, 404)
    with pytest.raises(ClusterAwayError, match="HTTP Error 404"):
        Cluster("http://flink").checkpoints("a1")
