"""An in-memory schema registry with Confluent's rules, behind the real client."""

import json
from typing import Any

import httpx

from streamkit.avro import InvalidSchemaError, Schema
from streamkit.avro_changes import changes
from streamkit.registry import API, RegistryClient

_ANYTHING = (None, "NONE")


class MemoryRegistry:
    """Keeps schemas by subject; `client()` gives a RegistryClient that never leaves the process."""

    def __init__(self) -> None:
        self.subjects: dict[str, list[int]] = {}
        self.levels: dict[str, str] = {"": "NONE"}
        self.away = False
        self._texts: list[str] = []

    def client(self) -> RegistryClient:
        """Return a client of this registry; it does not sleep between attempts."""
        return RegistryClient(
            "http://memory", transport=httpx.MockTransport(self._answer), sleep=lambda _: None
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            return httpx.Response(503, json={"message": "away"})
        body = json.loads(request.content) if request.content else {}
        parts = request.url.path.removeprefix(API).strip("/").split("/")
        match [request.method, *parts]:
            case ["GET", "schemas", "ids", schema_id]:
                found = self._schema(int(schema_id))
            case ["GET", "schemas", "ids", schema_id, "subjects"]:
                return httpx.Response(200, json=self._owners(int(schema_id)))
            case ["POST", "subjects", subject]:
                found = self._version(subject, body["schema"])
            case ["POST", "subjects", subject, "versions"]:
                return self._register(subject, body["schema"])
            case ["GET", "subjects", subject, "versions", "latest"]:
                found = self._latest(subject)
            case ["POST", "compatibility", "subjects", subject, "versions"]:
                found = {"is_compatible": not self._conflicts(subject, body["schema"])}
            case ["GET", "config", *subject]:
                level = self.levels.get("".join(subject))
                found = {"compatibilityLevel": level} if level else None
            case ["PUT", "config", *subject]:
                self.levels["".join(subject)] = body["compatibility"]
                found = body
            case _:
                found = {}
        return (
            httpx.Response(404, json={"message": "absent"})
            if found is None
            else httpx.Response(200, json=found)
        )

    def _schema(self, schema_id: int) -> dict[str, Any] | None:
        return {"schema": self._texts[schema_id - 1]} if 0 < schema_id <= len(self._texts) else None

    def _owners(self, schema_id: int) -> list[str]:
        return sorted(subject for subject, ids in self.subjects.items() if schema_id in ids)

    def _version(self, subject: str, text: str) -> dict[str, Any] | None:
        ids = self.subjects.get(subject, [])
        for version, schema_id in enumerate(ids, 1):
            if self._texts[schema_id - 1] == text:
                return {"subject": subject, "id": schema_id, "version": version, "schema": text}
        return None

    def _latest(self, subject: str) -> dict[str, Any] | None:
        ids = self.subjects.get(subject)
        return self._version(subject, self._texts[ids[-1] - 1]) if ids else None

    def _register(self, subject: str, text: str) -> httpx.Response:
        try:
            Schema.of(text)
        except InvalidSchemaError as error:
            return httpx.Response(422, json={"message": str(error)})
        if self._conflicts(subject, text):
            return httpx.Response(409, json={"message": "Incompatible"})
        if text not in self._texts:
            self._texts.append(text)
        schema_id = self._texts.index(text) + 1
        ids = self.subjects.setdefault(subject, [])
        if schema_id not in ids:
            ids.append(schema_id)
        return httpx.Response(200, json={"id": schema_id})

    def _conflicts(self, subject: str, text: str) -> bool:
        """Tell whether a reader of the new schema would fail; coarser than a real registry, never laxer."""
        if not self.subjects.get(subject) or self.levels.get(subject, self.levels[""]) in _ANYTHING:
            return False
        newest = Schema.of(self._texts[self.subjects[subject][-1] - 1])
        return any("has a default" not in change for change in changes(newest, Schema.of(text)))
