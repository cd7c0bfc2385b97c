"""The only file that talks to PyFlink: makes the job of a plan and submits it to a running cluster.

One process submits any number of jobs: starting its Java costs more than a submission.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway
from pyflink.table import EnvironmentSettings, StatementSet, StreamTableEnvironment

from flink_jobs.windows.plan import Plan
from flink_jobs.windows.resume import COMMITTED, Summary
from flink_jobs.windows.tables import CATALOG


class Session:
    """Jobs for the cluster at `url`, made in this process. Java plans; its errors come through."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port

    def prepare(self, plan: Plan) -> "Prepared":
        """Make the plan's tables and views."""
        table_environment = self._environment(plan)
        for key, value in plan.configuration.items():
            table_environment.get_config().set(key, value)
        for statement in plan.setup:
            table_environment.execute_sql(statement)
        return Prepared(plan, table_environment)

    def _environment(self, plan: Plan) -> Any:
        java = get_gateway().jvm
        # PyFlink itself offers a local cluster, or the one that `flink run` names; the latter starts Java
        # twice.
        environments = java.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment
        empty = java.org.apache.flink.configuration.Configuration()
        remote = environments.createRemoteEnvironment(self._host, self._port, empty, _strings())
        builder = EnvironmentSettings.new_instance()
        settings = (builder.in_batch_mode() if plan.bounded else builder.in_streaming_mode()).build()
        return StreamTableEnvironment.create(
            StreamExecutionEnvironment(remote), environment_settings=settings
        )


class Prepared:
    """A job whose tables exist, not yet submitted."""

    def __init__(self, plan: Plan, table_environment: Any) -> None:
        self._plan = plan
        self._environment = table_environment

    def committed(self, database: str) -> Mapping[str, Summary | None]:
        """For each of the job's tables, the summary of the newest snapshot that a job wrote.

        None for a table without a snapshot, empty for one of which no snapshot still there is a job's.
        """
        return {table: self._summary(database, table) for table in self._tables()}

    def tables(self, database: str) -> Mapping[str, str]:
        """Return the ids of the job's tables; one that was dropped and made again has another."""
        return {table: str(self._load(database, table).uuid()) for table in self._tables()}

    def submit(self) -> str:
        """Start the job and return its id; a bounded one has ended when this returns."""
        statements: StatementSet = self._environment.create_statement_set()
        for insert in self._plan.inserts:
            statements.add_insert_sql(insert)
        result = statements.execute()
        if self._plan.bounded:
            result.wait()
        return str(result.get_job_client().get_job_id())

    def _tables(self) -> tuple[str, str]:
        declared = self._plan.window.declaration
        return declared.table, declared.late_table

    def _load(self, database: str, table: str) -> Any:
        java = get_gateway().jvm
        catalog = self._environment._j_tenv.getCatalog(CATALOG).get().catalog()  # noqa: SLF001 - no other way
        loaded = catalog.loadTable(
            java.org.apache.iceberg.catalog.TableIdentifier.of(_strings(database, table))
        )
        loaded.refresh()
        return loaded

    def _summary(self, database: str, table: str) -> Summary | None:
        loaded = self._load(database, table)
        snapshot = loaded.currentSnapshot()
        if snapshot is None:
            return None
        while snapshot is not None:
            summary = dict(snapshot.summary())
            # Upkeep's snapshots say nothing of a job: look behind them.
            if COMMITTED in summary:
                return summary
            parent = snapshot.parentId()
            snapshot = None if parent is None else loaded.snapshot(parent)
        return {}


def _strings(*values: str) -> Any:
    gateway = get_gateway()
    array = gateway.new_array(gateway.jvm.String, len(values))
    for index, value in enumerate(values):
        array[index] = value
    return array
