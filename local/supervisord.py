"""What supervisord is told: its settings, and a script per component that shows exactly what is run."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from local.component import Component
from local.places import cache_dir, repository
from local.stack import Stack, give_to_nobody

MARK = "KAPSTAN_STACK"  # in the environment of every process of a stack: what to end when all else fails
# Settings of the caller's that would change every Java or Python part behind our back.
DROPPED = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", "PYTHONHOME", "PYTHONSTARTUP", "KAFKA_OPTS")

# sysexits.h, EX_CONFIG: a service that ends so would end so again, until somebody has looked.
EXIT_STOP = 78

# A tenth of the weight of the others', and only when all processors are taken.
YIELDING = ("nice", "-n", "10")

HEAD = """\
; Made by kapstan; written anew by every `kapstan up`.
[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
identifier=kapstan
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile={run}/supervisord.pid
childlogdir={logs}
nodaemon=true
silent=true
minfds=1024
umask=077
{user}

[eventlistener:warden]
command={warden}
directory={repository}
environment={mark}="{home}",PYTHONPATH="{repository}"
events=PROCESS_STATE_EXITED,PROCESS_STATE_FATAL
buffer_size=100
priority=1
stopwaitsecs=5
stdout_logfile=NONE
stderr_logfile={logs}/warden.log
stderr_logfile_maxbytes=1MB
stderr_logfile_backups=0
"""

PROGRAM = """
[program:{name}]
command=/bin/sh {script}
priority={priority}
autostart=false
autorestart=unexpected
exitcodes={needs_a_person}
startsecs={settled}
startretries={retries}
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
stopasgroup={stop_group}
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1
{user}
"""


def settings(stack: Stack, known: Iterable[Component]) -> str:
    """Supervisord's configuration for every component of the stack, none of them started by itself."""
    root = os.geteuid() == 0
    head = HEAD.format(
        socket=_value(stack.socket),
        logs=_value(stack.logs),
        run=_value(stack.run),
        home=_value(stack.home),
        repository=_value(repository()),
        warden=_value(shlex.join([sys.executable, "-m", "local.warden", str(stack.home)])),
        mark=MARK,
        user="user=root" if root else "",  # said outright, or supervisord warns about running as root
    )
    programs = [
        PROGRAM.format(
            name=component.name,
            needs_a_person=EXIT_STOP,
            settled=component.settled_seconds,
            retries=component.retries,
            script=_value(shlex.quote(str(script_path(stack, component)))),
            priority=100 + number,
            stop_signal=component.stop_signal,
            stop_seconds=component.stop_seconds,
            stop_group=str(component.stop_group).lower(),
            log=_value(stack.log(component.name)),
            user="user=nobody" if root and component.as_nobody else "",
        )
        for number, component in enumerate(known)
    ]
    return head + "".join(programs)


def script_path(stack: Stack, component: Component) -> Path:
    """The script that supervisord runs for `component`."""
    return stack.run / f"{component.name}.sh"


def write_script(stack: Stack, component: Component, environ: Mapping[str, str] = os.environ) -> None:
    """Write the script that starts `component`: readable by its user only, because it may hold secrets."""
    folder = stack.data(component.name)
    exports = {
        MARK: str(stack.home),
        "KAPSTAN_CACHE": str(cache_dir()),
        "PYTHONPATH": str(repository()),
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
        **component.environment(stack),
    }
    lines = [
        "#!/bin/sh",
        f"# What supervisord runs for {component.name}; made by kapstan, written anew at every start.",
        f"cd {shlex.quote(str(folder))} || exit 1",
        *(f"unset {name}" for name in DROPPED if name in environ),
        *(f"export {name}={shlex.quote(value)}" for name, value in sorted(exports.items())),
        "exec " + shlex.join([*(YIELDING if component.background else ()), *component.command(stack)]),
    ]
    path = script_path(stack, component)
    path.touch(mode=0o700)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if component.as_nobody:
        give_to_nobody(path)
        give_to_nobody(folder)


def process_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The caller's environment with our code on Python's path, for supervisord and so for all it starts."""
    return {**environ, "PYTHONPATH": str(repository()), "TZ": "UTC"}


def _value(value: object) -> str:
    """A value for the configuration, where % is special and white space ends a word of a command."""
    return str(value).replace("%", "%%")
