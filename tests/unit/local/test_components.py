import pytest

from local.artifacts import locked
from local.components import choose, components, in_order
from local.errors import RuntimeProblem
from local.places import repository
from local.ports import OFFSETS
from tests.support.components import Fake

KNOWN = in_order([Fake("d", "b", "c"), Fake("b", "a"), Fake("c"), Fake("a"), Fake("e")])


@pytest.mark.parametrize("component", components().values(), ids=lambda component: component.name)
class TestEveryComponent:
    def test_it_has_ports_of_its_own(self, component):
        assert set(component.ports) <= set(OFFSETS)
        others = [other for other in components().values() if other.name != component.name]
        assert not set(component.ports) & {port for other in others for port in other.ports}

    def test_its_files_are_locked(self, component):
        assert len(locked(*component.artifacts)) >= len(component.artifacts)

    def test_its_environments_can_be_made(self, component):
        assert all((repository() / "requirements" / f"{group}.txt").is_file() for group in component.groups)

    def test_it_says_what_to_do_when_it_fails(self, component):
        assert component.remedy


def test_needs_come_first():
    order = list(KNOWN)
    assert all(order.index(need) < order.index(name) for name in KNOWN for need in KNOWN[name].needs)


@pytest.mark.parametrize(
    ("only", "without", "chosen"),
    [
        (None, [], {"a", "b", "c", "d", "e"}),
        (["d"], [], {"a", "b", "c", "d"}),
        (["b"], [], {"a", "b"}),
        (None, ["a"], {"c", "e"}),
        (None, ["c"], {"a", "b", "e"}),
        (["d", "e"], ["d"], {"a", "b", "c", "e"}),
    ],
)
def test_needs_are_taken_and_dependents_left_out(only, without, chosen):
    assert set(choose(KNOWN, only, without)) == chosen


def test_a_name_that_does_not_exist_is_refused():
    with pytest.raises(RuntimeProblem, match="no component x, y"):
        choose(KNOWN, ["y", "a"], ["x"])
