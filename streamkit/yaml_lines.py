"""YAML that remembers the line of each top-level field, so that a message can point at it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml


class Document(NamedTuple):
    """A file's top-level mapping and the line (from 1) on which each of its fields stands."""

    path: Path
    data: Mapping[str, Any]
    lines: Mapping[str, int]

    def place(self, field: str) -> str:
        """Return `file:line: field` for a message; without the line when the file does not hold the field."""
        line = self.lines.get(field.partition(".")[0])
        return f"{self.path}:{line}: {field}" if line else f"{self.path}: {field}".removesuffix(": ")


class InvalidYamlError(ValueError):
    """The file is no YAML mapping, or holds a field twice; the text begins with file and line."""


def read(path: Path) -> Document:
    """Read one file; blocks on the disk.

    Raises:
        InvalidYamlError: see there.
        OSError: the file cannot be read.
    """
    text = path.read_text(encoding="utf-8")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidYamlError(f"{path}:{line}: {error.problem}") from error
    if not isinstance(node, yaml.MappingNode):
        raise InvalidYamlError(f"{path}:1: expected a mapping of fields, got {type(data).__name__}")
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if key.value in lines:
            raise InvalidYamlError(f"{path}:{key.start_mark.line + 1}: {key.value} stands here a second time")
        lines[key.value] = key.start_mark.line + 1
    return Document(path, data, lines)
