import errno
import os
import signal
from contextlib import contextmanager

import pytest

from demo import past
from demo import run as module
from demo.alone import ENDINGS, alone
from demo.run import Demo, Options
from local import supervise
from local.errors import RuntimeProblem
from local.stack import Stack


class Steps:
    """Shows nothing, or fails as a terminal that was closed does."""

    def __init__(self):
        self.gone = False

    @contextmanager
    def step(self, title):
        if self.gone:
            raise OSError(errno.EIO, "Input/output error")
        yield lambda share, detail="": None


class Part:
    """A sender or reader whose end may fail, or takes so long that the user loses patience."""

    def __init__(self, name, log):
        self.name, self.log, self.at_stop = name, log, lambda: None

    def stop(self):
        self.log.append(self.name)
        self.at_stop()


class Platform:
    """What supervise is asked to do: which components run, and what was stopped."""

    def __init__(self):
        self.running, self.log, self.names, self.at_stop = set(), [], None, lambda: None

    def down(self, stack, report=None):
        self.log.append("down")
        self.running.clear()
        self.at_stop()

    def stop_all(self, stack, names, report=None):
        self.log.append("stop_all")
        self.names = set(names)


@pytest.fixture
def platform(monkeypatch):
    platform = Platform()
    monkeypatch.setattr(supervise, "down", platform.down)
    monkeypatch.setattr(supervise, "stop_all", platform.stop_all)
    monkeypatch.setattr(supervise, "running", lambda stack: set(platform.running))
    monkeypatch.setattr(module.preflight, "check", lambda stack, starting: None)
    return platform


@pytest.fixture
def make(tmp_path, platform, monkeypatch):
    """A demo on a stack of its own that starts nothing; its parts note their ends in the platform's log."""
    monkeypatch.setattr(Demo, "_start", lambda self: None)
    monkeypatch.setattr(Demo, "_await_first_decision", lambda self: None)

    def demo(without=()):
        made = Demo(Options(Stack(tmp_path, 41000), without=tuple(without)), Steps())
        for name in ("sender", "probe", "watch"):
            setattr(made, name, Part(name, platform.log))
        return made

    return demo


@pytest.fixture(autouse=True)
def _signals():
    before = {each: signal.signal(each, signal.default_int_handler) for each in ENDINGS}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("slow", ["sender", "probe", "watch", "parts"])
def test_a_second_ctrl_c_does_not_keep_the_parts_from_being_stopped(make, platform, ending, slow):
    demo = make()
    finished = []

    def take_long():
        os.kill(os.getpid(), ending)
        finished.append(slow)

    (platform if slow == "parts" else getattr(demo, slow)).at_stop = take_long
    with pytest.raises(KeyboardInterrupt), demo.running():
        raise KeyboardInterrupt
    assert platform.log == ["sender", "probe", "watch", "down"]
    assert finished == [slow]
    assert signal.getsignal(ending) is signal.default_int_handler


@pytest.mark.parametrize("broken", ["sender", "probe", "watch"])
def test_an_end_that_fails_does_not_either(make, platform, broken):
    demo = make()

    def fail():
        raise PermissionError("not yours")

    getattr(demo, broken).at_stop = fail
    with pytest.raises(PermissionError), demo.running():
        pass
    assert platform.log == ["sender", "probe", "watch", "down"]


def test_nor_does_a_terminal_that_is_gone(make, platform):
    demo = make()
    with demo.running():
        demo._steps.gone = True
    assert platform.log[-1] == "down"


def test_a_start_that_fails_is_stopped_whole(make, platform, monkeypatch):
    def fail(self):
        raise RuntimeProblem("kafka", "it died", remedy="none")

    monkeypatch.setattr(Demo, "_start", fail)
    with pytest.raises(RuntimeProblem, match="it died"), make().running():
        pass
    assert platform.log[-1] == "down"


@pytest.mark.parametrize("without", [["bogus"], ["enricher"], ["kafka"], ["postgres"]])
def test_options_that_cannot_work_are_refused_before_anything_is_touched(make, platform, without):
    platform.running = {"kafka"}
    with pytest.raises(RuntimeProblem), make(without).running():
        pytest.fail("it started")
    assert platform.log == []


def test_so_are_other_ports_and_ports_that_are_taken(make, platform, monkeypatch):
    def refuse(*_):
        raise RuntimeProblem("kafka", "port 41000 is in use", remedy="another")

    for place, name in ((module.preflight, "check"), (supervise, "running")):
        monkeypatch.setattr(place, name, refuse)
        with pytest.raises(RuntimeProblem, match="in use"), make().running():
            pytest.fail("it started")
    assert platform.log == []


def test_only_parts_that_do_not_run_yet_need_free_ports(make, platform, monkeypatch):
    checked = []
    monkeypatch.setattr(module.preflight, "check", lambda _, parts: checked.extend(p.name for p in parts))
    platform.running = {"kafka"}
    with make().running():
        pass
    assert "kafka" not in checked
    assert "registry" in checked


def test_what_was_checked_is_not_checked_again_when_it_is_started(make, monkeypatch):
    told = []
    monkeypatch.setattr(supervise, "up", lambda stack, only, without, report, checked: told.append(checked))
    make()._up("Starting", ("kafka",))
    assert told == [True]


def test_what_ran_before_runs_on(make, platform):
    platform.running = {"kafka", "registry"}
    with make().running():
        platform.running |= {"enricher", "windows"}
    assert platform.names == {"enricher", "windows"}
    assert "down" not in platform.log


def test_a_history_is_not_decided_beside_services_that_would_take_it_out_of_order(make, platform):
    platform.running = {"kafka", "enricher"}
    demo = make()
    with pytest.raises(RuntimeProblem, match="out of order"), demo.running():
        pytest.fail("it started")
    scenario = module.Scenario.of(demo.platform.scenario_file, 1_780_000_000_000)
    scenario.after(past.DECIDED).keep(demo.platform.scenario_file)
    with make().running():
        pass


def test_a_second_demo_on_the_same_stack_is_refused_and_the_first_goes_on(make, platform):
    with make().running():
        with pytest.raises(RuntimeProblem, match="a demo runs already"), make().running():
            pytest.fail("it started")
        assert platform.log == []
    with make().running():
        pass


def test_a_stack_is_held_for_one_demo_only_where_it_can_be_kept(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeProblem, match="no stack can be kept"), alone(Stack(tmp_path / "file")):
        pytest.fail("it was held")


def test_a_reader_that_ended_is_not_waited_for(tmp_path, monkeypatch):
    demo = Demo(Options(Stack(tmp_path, 41000)), Steps())
    monkeypatch.setattr(module, "FIRST_DECISION_WITHIN_S", 1e9)
    demo.watch.ended, demo.watch.problem = True, "decisions are no longer watched"
    with pytest.raises(RuntimeProblem, match="no longer watched"):
        demo._await_first_decision()


def test_what_keeps_the_probe_from_asking_is_on_the_page(tmp_path):
    demo = Demo(Options(Stack(tmp_path, 41000)), Steps())
    assert demo.moment().problem is None
    demo.probe.reading.problem = "the figures are old"
    assert demo.moment().problem == "the figures are old"
