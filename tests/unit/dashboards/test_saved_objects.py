import json

import pytest

from dashboards.build import FOLDER, build
from dashboards.panels import load
from dashboards.queries import request_of
from dashboards.saved_objects import saved_objects
from services.search_sink.client import templates

SOURCES = sorted(FOLDER.glob("*.yaml"))
pytestmark = pytest.mark.parametrize("dashboard", [load(path) for path in SOURCES], ids=lambda each: each.id)


def fields_of(node):
    """Every field that a search names, wherever it stands."""
    if isinstance(node, dict):
        if isinstance(node.get("field"), str):
            yield node["field"]
        yield from (name for each in node.values() for name in fields_of(each))
    elif isinstance(node, list):
        yield from (name for each in node for name in fields_of(each))


def mapped(family):
    """Field name -> type, objects written with dots."""
    found = {}

    def walk(properties, prefix):
        for name, mapping in properties.items():
            if "properties" in mapping:
                walk(mapping["properties"], f"{prefix}{name}.")
            else:
                found[prefix + name] = mapping["type"]

    walk(templates("")[f"kapstan-{family}"]["template"]["mappings"]["properties"], "")
    return found


def test_each_reference_leads_to_an_object_that_comes_before(dashboard):
    seen = set()
    for each in saved_objects(dashboard):
        for reference in each["references"]:
            assert (reference["type"], reference["id"]) in seen, each["id"]
        assert (each["type"], each["id"]) not in seen
        seen.add((each["type"], each["id"]))


def test_each_name_of_a_reference_is_used_and_each_used_name_is_there(dashboard):
    for each in saved_objects(dashboard):
        names = {reference["name"] for reference in each["references"]}
        attributes = each["attributes"]
        source = json.loads(attributes.get("kibanaSavedObjectMeta", {}).get("searchSourceJSON", "{}"))
        used = {source["indexRefName"]} if "indexRefName" in source else set()
        used |= {panel["panelRefName"] for panel in json.loads(attributes.get("panelsJSON", "[]"))}
        assert names == used, each["id"]


def test_the_dashboard_shows_every_panel(dashboard):
    *_, last = saved_objects(dashboard)
    assert [reference["id"] for reference in last["references"]] == [panel.id for panel in dashboard.panels]


def test_an_index_pattern_names_indices_that_search_sink_makes(dashboard):
    patterns = {pattern for each in templates("").values() for pattern in each["index_patterns"]}
    assert {index.pattern for index in dashboard.indices.values()} <= patterns


def test_a_panel_groups_and_computes_over_fields_that_can_be(dashboard):
    for panel in dashboard.panels:
        known = mapped(panel.index)
        for field in fields_of(request_of(panel, dashboard).get("aggs", {})):
            assert known[field] in {"keyword", "long", "double", "integer", "date"}, (panel.id, field)
        for column in panel.columns:
            assert column in known, (panel.id, column)


def test_a_chart_computes_what_its_request_computes(dashboard):
    objects = {each["id"]: each["attributes"] for each in saved_objects(dashboard)}
    for panel in dashboard.panels:
        if panel.kind != "list":
            state = json.loads(objects[panel.id]["visState"])
            charted = {agg["params"]["field"] for agg in state["aggs"] if agg["params"]}
            assert charted == set(fields_of(request_of(panel, dashboard)["aggs"])), panel.id


def test_the_import_files_are_built_from_their_sources(dashboard):
    for path, content in build().items():
        assert path.read_text() == content, "run `python -m dashboards.build`"
    assert dashboard.id
