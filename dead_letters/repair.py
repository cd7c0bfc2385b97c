"""Pure: the value with which a record goes back: as it was, edited, or another."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from streamkit.errors import DeadLetterError, StopError
from streamkit.serde import MAGIC


class Codec(Protocol):
    """Reads and writes the values of one topic."""

    def decode(self, value: bytes) -> Any:
        """Return the datum; raises DeadLetterError."""
        ...

    def encode(self, datum: Any) -> bytes:
        """Return the value; raises DeadLetterError."""
        ...


@dataclass(frozen=True, slots=True)
class Repair:
    """What is to be changed: nothing, or the key, and the fields of `edit` or the whole value.

    `edit` is a JSON merge patch (RFC 7396); `value` is JSON, or bytes as they stand in the topic.
    """

    key: str | None = None
    edit: Any = None
    value: bytes | None = None

    @property
    def changes_value(self) -> bool:
        """Whether the value is to be another."""
        return self.edit is not None or self.value is not None


def merged(target: Any, patch: Any) -> Any:
    """Return the target with a JSON merge patch applied (RFC 7396): null takes a field away."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def json_of(content: bytes, what: str) -> Any:
    """Return what a JSON text says; raises StopError, which names `what` it is the text of."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StopError(f"{what} is not JSON: {error}") from error


def repaired(value: bytes | None, repair: Repair, codec: Codec) -> bytes | None:
    """Return the value with which a record goes back.

    Raises:
        StopError: the repair cannot be applied, or nobody could read what comes of it.
    """
    if not repair.changes_value:
        return value
    try:
        if repair.value is not None:
            raw = repair.value[:1] == bytes([MAGIC])
            made = repair.value if raw else codec.encode(json_of(repair.value, "the --value file"))
        else:
            made = codec.encode(merged(codec.decode(value or b""), repair.edit))
    except DeadLetterError as error:
        hint = "Give all of it with --value" if repair.value is None else "Mend the --value file"
        raise StopError(f"The repair cannot be applied: {error.message}", hint=hint) from error
    try:
        codec.decode(made)
    except DeadLetterError as error:
        raise StopError(f"The repaired value cannot be read: {error.message}") from error
    return made


def repaired_event(payload: bytes, repair: Repair) -> dict[str, Any]:
    """Return the event with which a gateway reject goes back.

    Raises:
        StopError: it is no JSON object.
    """
    if repair.value is not None:
        event = json_of(repair.value, "the --value file")
    else:
        event = json_of(payload, "what was sent")
        event = event if repair.edit is None else merged(event, repair.edit)
    if not isinstance(event, dict):
        raise StopError("What goes back is no JSON object", hint="Give all of it with --value")
    return event
