"""The OpenAPI description of writing events, which is served past FastAPI (http_api.py says why)."""

from typing import Any, Final


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any], media_type: str = "application/json") -> dict[str, Any]:
    return {media_type: {"schema": schema}}


def _results(description: str, *, retry: bool = False) -> dict[str, Any]:
    response: dict[str, Any] = {"description": description, "content": _json(_ref("Results"))}
    return {**response, "headers": _RETRY_AFTER} if retry else response


def _problem(description: str, *, retry: bool = False) -> dict[str, Any]:
    content = _json(_ref("Problem"), "application/problem+json")
    response: dict[str, Any] = {"description": description, "content": content}
    return {**response, "headers": _RETRY_AFTER} if retry else response


_TEXT: Final = {"type": "string"}
_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds after which to send again.", "schema": {"type": "integer"}}
}

SECURITY: Final[dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The API key as a bearer token."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

EVENTS_SCHEMAS: Final[dict[str, Any]] = {
    "Event": {
        "type": "object",
        "description": "A record of the topic's schema; GET /v1/topics lists its fields.",
        "additionalProperties": True,
    },
    "FieldError": {
        "type": "object",
        "required": ["pointer", "expected", "got"],
        "properties": {
            "pointer": {**_TEXT, "description": "JSON pointer (RFC 6901) into the record."},
            "expected": _TEXT,
            "got": _TEXT,
        },
    },
    "Result": {
        "type": "object",
        "description": "partition and offset of a record that landed, or errors.",
        "required": ["index"],
        "properties": {
            "index": {"type": "integer"},
            "partition": {"type": "integer"},
            "offset": {"type": "integer", "format": "int64"},
            "errors": {"type": "array", "items": _ref("FieldError")},
            "reject_id": {**_TEXT, "description": "Names what was kept in platform.gateway-rejects.v1."},
            "retryable": {"type": "boolean", "description": "The same record may land later."},
        },
    },
    "Results": {
        "type": "object",
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": _ref("Result")}},
    },
    "Problem": {
        "type": "object",
        "description": "Why the request as a whole was refused (RFC 9457).",
        "required": ["title", "status", "detail", "code"],
        "properties": {
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "code": {**_TEXT, "description": "Stable, for programs."},
            "hint": _TEXT,
            "errors": {"type": "array", "items": _ref("FieldError")},
            "reject_id": _TEXT,
        },
    },
}

_PARAMETERS: Final[list[dict[str, Any]]] = [
    {"name": "topic", "in": "path", "required": True, "schema": _TEXT},
    {
        "name": "Kapstan-Key",
        "in": "header",
        "schema": _TEXT,
        "description": "The key that all records have; a record with another one is refused.",
    },
    {"name": "traceparent", "in": "header", "schema": _TEXT, "description": "W3C trace context to continue."},
]

EVENTS_PATH: Final[dict[str, Any]] = {
    "/v1/topics/{topic}/events": {
        "post": {
            "tags": ["events"],
            "operationId": "write_events",
            "summary": "Write one event or a batch",
            "description": "Good records land even when others of the batch do not; each has a result.",
            "parameters": _PARAMETERS,
            "requestBody": {
                "required": True,
                "content": {
                    **_json({"oneOf": [_ref("Event"), {"type": "array", "items": _ref("Event")}]}),
                    **_json({**_TEXT, "description": "An event a line."}, "application/x-ndjson"),
                },
            },
            "responses": {
                "200": _results("All records landed."),
                "207": _results("Some records landed.", retry=True),
                "400": _problem("The body is no JSON, or holds no record."),
                "401": _problem("No API key, or a wrong one."),
                "403": _problem("The API key may not write this topic."),
                "404": _problem("No such topic; the hint has near names."),
                "408": _problem("The body came too slowly."),
                "413": _problem("The body or the batch is too large."),
                "415": _problem("Another type than JSON or NDJSON."),
                "422": _results("No record landed: each has faults."),
                "503": _problem("Kafka is away or the gateway is full; nothing was written.", retry=True),
            },
            "security": [{"bearer": []}, {"header": []}],
        }
    }
}
