from pathlib import Path

import pytest

from local.java import adopt_startup_caches, java
from local.stack import Stack


@pytest.fixture
def stack(tmp_path, monkeypatch):
    monkeypatch.setenv("KAPSTAN_CACHE", str(tmp_path / "cache"))
    return Stack(tmp_path / "home")


def options(stack, **changes):
    return java(stack, "part", **({"heap_mb": 64, "path": "a.jar"} | changes))


def startup(command):
    return next(word for word in command if word.startswith("-XX:AOT"))


def test_memory_is_bounded(stack):
    command = options(stack)
    assert "-Xmx64m" in command
    assert any(word.startswith("-XX:MaxMetaspaceSize") for word in command)
    assert any(word.startswith("-XX:MaxDirectMemorySize") for word in command)


def test_the_first_run_writes_the_cache_that_later_runs_of_any_stack_use(stack, tmp_path):
    kind, fresh = startup(options(stack)).split("=")
    assert kind == "-XX:AOTCacheOutput"
    Path(fresh).write_bytes(b"\xf0\x0b\xab\xa8")
    adopt_startup_caches(stack, "part".__eq__)
    other = Stack(tmp_path / "other")
    assert startup(options(other)).startswith("-XX:AOTCache=")


def test_only_a_busy_part_pays_for_the_optimizing_compiler(stack):
    Path(startup(options(stack)).split("=")[1]).write_bytes(b"\xf0\x0b\xab\xa8")
    adopt_startup_caches(stack, "part".__eq__)
    assert "-XX:TieredStopAtLevel=1" in options(stack)
    assert "-XX:TieredStopAtLevel=1" not in options(stack, busy=True)


def test_a_cache_that_was_cut_short_is_thrown_away(stack):
    fresh = startup(options(stack)).split("=")[1]
    Path(fresh).write_bytes(bytes(100))
    adopt_startup_caches(stack, "part".__eq__)
    assert startup(options(stack)).startswith("-XX:AOTCacheOutput=")


def test_a_run_without_work_leaves_the_cache_to_a_later_one(stack):
    fresh = Path(startup(options(stack)).split("=")[1])
    fresh.write_bytes(b"\xf0\x0b\xab\xa8")
    adopt_startup_caches(stack, "another".__eq__)
    assert not fresh.exists()
    assert startup(options(stack)).startswith("-XX:AOTCacheOutput=")


@pytest.mark.parametrize("change", [{"path": "b.jar"}, {"options": ["--add-opens=x"]}])
def test_a_cache_fits_one_class_path_and_one_set_of_module_options(stack, change):
    assert startup(options(stack)) != startup(options(stack, **change))


def test_a_plain_option_needs_no_other_cache(stack):
    assert startup(options(stack)) == startup(options(stack, options=["-Dport=1"]))
