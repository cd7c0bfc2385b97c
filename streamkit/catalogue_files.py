"""Reads the catalogue's files and says everything that is wrong with them, each with file and line."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from streamkit.avro import InvalidSchemaError, Schema, kind_of
from streamkit.avro_minimal import minimal_record
from streamkit.catalogue import Catalogue, CatalogueError, Topic, Window
from streamkit.errors import DeadLetterError
from streamkit.serde import AvroDecoder, AvroEncoder
from streamkit.topic_spec import TopicSpec, problems
from streamkit.yaml_lines import Document, InvalidYamlError, read

_TIMESTAMP = "timestamp-millis"


def load(schemas_dir: Path) -> Catalogue:
    """Return the catalogue in a folder with `topics/`, `avro/` and, if there are any, `windows/`.

    Raises:
        CatalogueError: listing every problem of every file.
    """
    found: list[str] = []
    topics: dict[str, Topic] = {}
    files: dict[str, Document] = {}
    paths = sorted((schemas_dir / "topics").glob("*.yaml"))
    if not paths:
        found.append(f"{schemas_dir / 'topics'}: expected at least one file <topic>.yaml, got none")
    for path in paths:
        try:
            files[path.stem] = read(path)
            topics[path.stem] = _topic(files[path.stem], schemas_dir / "avro")
        except InvalidYamlError as error:
            found.append(str(error))
        except _ProblemsError as error:
            found += [f"{files[path.stem].place(place)}: {text}" for place, text in error.found]
    for name, topic in topics.items():
        source = topics.get(topic.spec.refined_from or "")
        if source is None and topic.spec.refined_from in files:
            continue  # the source's own problem is listed already
        found += [f"{files[name].place(place)}: {text}" for place, text in refinement_problems(topic, source)]
    windows = _windows(schemas_dir / "windows", found)
    if found:
        raise CatalogueError("The catalogue's files cannot be used:\n  " + "\n  ".join(found))
    return Catalogue.of([*topics.values(), *windows])


class _ProblemsError(Exception):
    def __init__(self, found: list[tuple[str, str]]) -> None:
        super().__init__(found)
        self.found = found


def _topic(file: Document, avro_dir: Path) -> Topic:
    try:
        spec = TopicSpec(**file.data)
    except ValidationError as error:
        raise _ProblemsError(problems(error)) from error
    if spec.topic != file.path.stem:
        raise _ProblemsError([("topic", f"got {spec.topic!r}, expected the file's name {file.path.stem!r}")])
    try:
        schema = Schema.of((avro_dir / spec.schema_file).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        text = f"there is no file {avro_dir / spec.schema_file}"
        raise _ProblemsError([("schema_file", text)]) from error
    except InvalidSchemaError as error:
        raise _ProblemsError(
            [("schema_file", f"{avro_dir / spec.schema_file} is no Avro schema: {error}")]
        ) from error
    if found := list(binding_problems(spec, schema)):
        raise _ProblemsError(found)
    return Topic(spec, schema)


def _windows(folder: Path, found: list[str]) -> list[Window]:
    windows = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            windows.append(Window(path.stem, read(path).data))
        except InvalidYamlError as error:
            found.append(str(error))
    return windows


def binding_problems(spec: TopicSpec, schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield (catalogue field, problem) where a spec names what its schema does not hold as it must."""
    fields = schema.fields()
    if not fields:
        yield "schema_file", f"got a schema of type {kind_of(schema.definition)}, expected a record"
        return
    if spec.managed_by is None:
        yield from _text_field("key", spec.key, fields)
    if spec.event_id is not None:
        yield from _text_field("event_id", spec.event_id, fields)
    event_time = fields.get(spec.event_time)
    if event_time is None:
        yield "event_time", f"{spec.schema_file} has no field {spec.event_time!r}; it has {', '.join(fields)}"
    elif not _is_time(event_time["type"], plain_long=spec.managed_by is not None):
        yield "event_time", f"{spec.event_time} is {event_time['type']!r}, expected long with {_TIMESTAMP}"


def refinement_problems(topic: Topic, source: Topic | None) -> Iterator[tuple[str, str]]:
    """Yield (catalogue field, problem) where a refined topic does not match the topic that it refines."""
    if topic.spec.refined_from is None:
        return
    if source is None:
        yield "refined_from", f"there is no topic {topic.spec.refined_from!r}"
        return
    for name in ("key", "event_time", "event_id", "partitions"):
        mine, theirs = getattr(topic.spec, name), getattr(source.spec, name)
        if mine != theirs:
            yield name, f"got {mine!r}, expected {theirs!r} as in {source.name}"
    if topic.schema.name != source.schema.name:
        text = f"got the record {topic.schema.name}, expected {source.schema.name} as in {source.name}"
        yield "schema_file", text
        return
    try:
        probe = minimal_record(source.schema, source.spec.event_time, 0)
        AvroDecoder(_One(source.schema), topic.schema).decode(AvroEncoder(source.schema, 0).encode(probe))
    except (DeadLetterError, InvalidSchemaError) as error:
        yield "schema_file", f"it cannot read what {source.name} holds: {error}"


class _One:
    """A registry of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def schema(self, schema_id: int) -> Schema:  # noqa: ARG002 - there is one only
        return self._schema


def _text_field(role: str, name: str, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if name not in fields:
        yield role, f"the schema has no field {name!r}; it has {', '.join(fields)}"
    elif kind_of(fields[name]["type"]) != "string":
        yield role, f"{name} is {fields[name]['type']!r}, expected a string"


def _is_time(kind: Any, *, plain_long: bool) -> bool:
    if plain_long:
        inner = [branch for branch in kind if branch != "null"] if isinstance(kind, list) else [kind]
        return [kind_of(branch) for branch in inner] == ["long"]
    return isinstance(kind, dict) and kind["type"] == "long" and kind.get("logicalType") == _TIMESTAMP
