"""Reads the declarations and says everything that is wrong with them, each with file and line."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flink_jobs.windows.bind import BoundWindow, bind, problems
from flink_jobs.windows.declaration import WindowDeclaration
from flink_jobs.windows.errors import DeclarationError
from flink_jobs.windows.files import declaration_files
from streamkit.topic_spec import TopicSpec
from streamkit.yaml_lines import Document, InvalidYamlError, read


def load(schemas_dir: Path) -> dict[str, BoundWindow]:
    """Return every declared window by name, checked against its topic; blocks on the disk.

    Raises:
        DeclarationError: listing every problem of every file.
    """
    found: list[str] = []
    windows: dict[str, BoundWindow] = {}
    for path in declaration_files(schemas_dir):
        try:
            windows[path.stem] = _window(read(path), schemas_dir)
        except (InvalidYamlError, OSError) as error:
            found.append(str(error))
        except DeclarationError as error:
            found += error.args
    if found:
        raise DeclarationError("the window declarations cannot be used:\n  " + "\n  ".join(found))
    return windows


def _window(file: Document, schemas_dir: Path) -> BoundWindow:
    try:
        declared = WindowDeclaration.model_validate(dict(file.data))
    except ValidationError as error:
        raise DeclarationError(
            *(f"{file.place(place)}: {text}" for place, text in _explained(error))
        ) from error
    if declared.window != file.path.stem:
        text = f"got {declared.window!r}, expected the file's name {file.path.stem!r}"
        raise DeclarationError(f"{file.place('window')}: {text}")
    topic_file = schemas_dir / "topics" / f"{declared.topic}.yaml"
    if not topic_file.is_file():
        raise DeclarationError(f"{file.place('topic')}: there is no topic {declared.topic!r} ({topic_file})")
    try:
        spec = TopicSpec(**read(topic_file).data)
        schema = json.loads((schemas_dir / "avro" / spec.schema_file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        text = f"the topic's own files cannot be used: {error}"
        raise DeclarationError(f"{file.place('topic')}: {text}") from error
    if wrong := list(problems(declared, spec, schema)):
        raise DeclarationError(*(f"{file.place(place)}: {text}" for place, text in wrong))
    return bind(declared, spec, schema)


def _explained(error: ValidationError) -> list[tuple[str, str]]:
    return [(".".join(str(step) for step in each["loc"]), _message(each)) for each in error.errors()]


def _message(detail: Any) -> str:
    if detail["type"] == "missing":
        return "is missing"
    if detail["type"] == "extra_forbidden":
        return "is no field of a window declaration"
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    return f"got {detail['input']!r}: {detail['msg']}"
