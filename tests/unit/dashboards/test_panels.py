import pytest
import yaml
from pydantic import ValidationError

from dashboards.build import FOLDER
from dashboards.panels import Dashboard, load

SOURCES = sorted(FOLDER.glob("*.yaml"))


def changed(**panel):
    source = yaml.safe_load(SOURCES[0].read_text())
    source["panels"][0] |= panel
    return source


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_source_is_understood(source):
    assert load(source).panels


@pytest.mark.parametrize(
    ("panel", "says"),
    [
        ({"index": "none"}, "there is no index none"),
        ({"over_time": None}, "area needs over_time"),
        ({"kind": "pie", "split": []}, "pie needs split"),
        ({"kind": "list"}, "a list has columns"),
        ({"columns": ["outcome"]}, "a list has columns"),
        ({"place": [40, 0, 20, 5]}, "no place on a grid"),
        ({"metric": {"sum": "a", "avg": "b"}}, "one metric"),
        ({"metric": {"percentiles": "a"}}, "percentiles need"),
        ({"id": "latency"}, "same id"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(panel, says):
    with pytest.raises(ValidationError, match=says):
        Dashboard.model_validate(changed(**panel))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_panel_covers_another(source):
    taken = set()
    for panel in load(source).panels:
        column, row, width, height = panel.place
        cells = {(x, y) for x in range(column, column + width) for y in range(row, row + height)}
        assert taken.isdisjoint(cells), panel.id
        taken |= cells
