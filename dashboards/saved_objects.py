"""Pure: a dashboard as saved objects of OpenSearch Dashboards, in the form of its export (7.10 and later).

Objects refer to each other by name through `references`, never by an id inside their JSON, so an import may
give them other ids.
"""

import json
from collections.abc import Iterator
from typing import Any

from dashboards.panels import Dashboard, Index, Metric, Panel

VERSION = "7.10.0"
_CHARTS = {"area": "area", "line": "line", "bar": "horizontal_bar", "pie": "pie", "table": "table"}
_INDEX_REF = "kibanaSavedObjectMeta.searchSourceJSON.index"

SavedObject = dict[str, Any]


def saved_objects(dashboard: Dashboard) -> Iterator[SavedObject]:
    """Yield index patterns, then panels, then the dashboard: each after what it refers to."""
    for name, index in dashboard.indices.items():
        yield _object("index-pattern", name, {"title": index.pattern, "timeFieldName": index.time}, [])
    for panel in dashboard.panels:
        reference = {"name": _INDEX_REF, "type": "index-pattern", "id": panel.index}
        attributes = _search(panel, dashboard.indices[panel.index]) if panel.columns else _chart(panel)
        yield _object(_type(panel), panel.id, attributes, [reference])
    yield _dashboard(dashboard)


def ndjson(dashboard: Dashboard) -> str:
    """Return the import file: one object a line, in one stable order."""
    lines = (json.dumps(each, sort_keys=True, ensure_ascii=False) for each in saved_objects(dashboard))
    return "".join(f"{line}\n" for line in lines)


def _object(
    kind: str, name: str, attributes: dict[str, Any], references: list[dict[str, str]]
) -> SavedObject:
    return {
        "type": kind,
        "id": name,
        "attributes": attributes,
        "references": references,
        "migrationVersion": {kind: VERSION if kind != "index-pattern" else "7.6.0"},
    }


def _type(panel: Panel) -> str:
    return "search" if panel.kind == "list" else "visualization"


def _source(panel: Panel) -> dict[str, str]:
    query = "" if panel.query == "*" else panel.query
    source = {"query": {"query": query, "language": "lucene"}, "filter": [], "indexRefName": _INDEX_REF}
    return {"searchSourceJSON": json.dumps(source, sort_keys=True)}


def _search(panel: Panel, index: Index) -> dict[str, Any]:
    return {
        "title": panel.title,
        "description": "",
        "columns": list(panel.columns),
        "sort": [[index.time, "desc"]],
        "version": 1,
        "kibanaSavedObjectMeta": _source(panel),
    }


def _chart(panel: Panel) -> dict[str, Any]:
    chart = _CHARTS[panel.kind]
    state = {"title": panel.title, "type": chart, "aggs": _aggs(panel), "params": _params(panel, chart)}
    return {
        "title": panel.title,
        "description": "",
        "version": 1,
        "uiStateJSON": "{}",
        "visState": json.dumps(state, sort_keys=True, ensure_ascii=False),
        "kibanaSavedObjectMeta": _source(panel),
    }


def _aggs(panel: Panel) -> list[dict[str, Any]]:
    """Return metric and buckets; the schema says what a chart does with each."""
    aggs = [_agg(1, *_metric(panel.metric), "metric")]
    if panel.over_time is not None:
        params = {"field": panel.over_time, "interval": "auto", "min_doc_count": 1, "drop_partials": False}
        aggs.append(_agg(2, "date_histogram", params, "segment"))
    for split in panel.split:
        order = "_key" if panel.metric.percentiles is not None else "1"
        params = {"field": split.field, "size": split.size, "orderBy": order, "order": "desc"}
        schema = "bucket" if panel.kind == "table" else "group" if panel.over_time else "segment"
        aggs.append(_agg(len(aggs) + 1, "terms", params, schema))
    return aggs


def _agg(number: int, kind: str, params: dict[str, Any], schema: str) -> dict[str, Any]:
    return {"id": str(number), "enabled": True, "type": kind, "params": params, "schema": schema}


def _metric(metric: Metric) -> tuple[str, dict[str, Any]]:
    if metric.percentiles is not None:
        return "percentiles", {"field": metric.percentiles, "percents": list(metric.at)}
    for name in ("sum", "avg", "cardinality"):
        field = getattr(metric, name)
        if field is not None:
            return name, {"field": field}
    return "count", {}


def _params(panel: Panel, chart: str) -> dict[str, Any]:
    if chart == "table":
        return {"perPage": 10, "showPartialRows": False, "showTotal": False, "totalFunc": "sum"}
    legend = {"addTooltip": True, "addLegend": True, "legendPosition": "right", "type": chart}
    if chart == "pie":
        return {**legend, "isDonut": True, "labels": {"show": False, "values": True, "truncate": 100}}
    flat = chart == "horizontal_bar"
    labels = {"show": True, "truncate": 100}
    return {
        **legend,
        "categoryAxes": [
            {
                "id": "CategoryAxis-1",
                "type": "category",
                "position": "left" if flat else "bottom",
                "show": True,
                "scale": {"type": "linear"},
                "labels": labels,
                "title": {},
            }
        ],
        "valueAxes": [
            {
                "id": "ValueAxis-1",
                "name": "BottomAxis-1" if flat else "LeftAxis-1",
                "type": "value",
                "position": "bottom" if flat else "left",
                "show": True,
                "scale": {"type": "linear", "mode": "normal"},
                "labels": labels,
                "title": {"text": panel.title},
            }
        ],
        "seriesParams": [
            {
                "show": True,
                "type": "histogram" if flat else chart,
                "mode": "stacked" if chart == "area" else "normal",
                "data": {"id": "1", "label": panel.title},
                "valueAxis": "ValueAxis-1",
                "drawLinesBetweenPoints": True,
                "showCircles": True,
            }
        ],
    }


def _dashboard(dashboard: Dashboard) -> SavedObject:
    panels, references = [], []
    for number, panel in enumerate(dashboard.panels, 1):
        column, row, width, height = panel.place
        name = f"panel_{number}"
        grid = {"x": column, "y": row, "w": width, "h": height, "i": str(number)}
        panels.append(
            {
                "version": VERSION,
                "panelIndex": str(number),
                "gridData": grid,
                "embeddableConfig": {},
                "panelRefName": name,
            }
        )
        references.append({"name": name, "type": _type(panel), "id": panel.id})
    source = {"query": {"query": "", "language": "lucene"}, "filter": []}
    attributes = {
        "title": dashboard.title,
        "description": dashboard.description,
        "version": 1,
        "hits": 0,
        "timeRestore": True,
        "timeFrom": dashboard.since,
        "timeTo": "now",
        "optionsJSON": json.dumps({"hidePanelTitles": False, "useMargins": True}, sort_keys=True),
        "panelsJSON": json.dumps(panels, sort_keys=True),
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source, sort_keys=True)},
    }
    return _object("dashboard", dashboard.id, attributes, references)
