import sys
from types import ModuleType

import pytest

from cli import bench
from cli.__main__ import main


def test_every_benchmark_says_in_a_line_what_it_measures():
    found = bench.names()
    assert {"latency", "gateway", "transform"} <= found.keys()
    assert all(summary and "\n" not in summary for summary in found.values())


def test_arguments_reach_the_benchmark(monkeypatch):
    given = []
    fake = ModuleType("benchmarks.latency.__main__")
    fake.main = given.append
    monkeypatch.setitem(sys.modules, "benchmarks.latency.__main__", fake)
    with pytest.raises(SystemExit) as ended:
        main(["bench", "latency", "--rate", "50", "--json"])
    assert ended.value.code == 0
    assert given == [["--rate", "50", "--json"]]


def test_an_unknown_benchmark_is_an_error(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "warp-speed"])
    assert ended.value.code == 2
    assert "warp-speed" in capsys.readouterr().err
