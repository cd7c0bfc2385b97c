"""Who may write what: API keys, kept as hashes."""

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.ingest_gateway.errors import NO_KEY, NOT_GRANTED, WRONG_KEY, BadKeysFileError, RefusedError


@dataclass(frozen=True, slots=True)
class Grant:
    """What the holder of a key may do: write topics that match a pattern, as one tenant."""

    name: str
    tenant: str
    topics: tuple[str, ...]

    def allows(self, topic: str) -> bool:
        """Tell whether the topic's name matches one of the patterns (`*` and `?` as in a shell)."""
        return any(fnmatchcase(topic, pattern) for pattern in self.topics)

    def demand(self, topic: str) -> None:
        """Raise RefusedError unless the topic may be written."""
        if not self.allows(topic):
            raise RefusedError(
                NOT_GRANTED,
                f"The API key {self.name!r} may not write {topic}.",
                hint=f"It may write {', '.join(self.topics) or 'nothing'}.",
            )


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    tenant: str = Field(default="default", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    topics: tuple[str, ...] = ("*",)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[_Entry, ...]


class KeyRing:
    """All keys by their sha256. Looking one up takes the same time whether it is nearly right or not."""

    def __init__(self, grants: dict[bytes, Grant]) -> None:
        self._grants = grants

    @classmethod
    def parse(cls, text: str | bytes) -> "KeyRing":
        """Read the content of a keys file; raises BadKeysFileError, whose text holds no hash."""
        try:
            entries = _File.model_validate(json.loads(text)).keys
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            place = ".".join(str(step) for step in first["loc"])
            raise BadKeysFileError(
                f"The API keys file is wrong at {place or 'its top'}: {first['msg']}"
            ) from None
        except ValueError as error:
            raise BadKeysFileError(f"The API keys file is no JSON: {error}") from None
        grants = {bytes.fromhex(e.sha256): Grant(e.name, e.tenant, e.topics) for e in entries}
        if len(grants) != len(entries):
            raise BadKeysFileError("Two entries of the API keys file have the same sha256.")
        return cls(grants)

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Read a keys file. Blocks on the disk; raises BadKeysFileError."""
        try:
            text = path.read_bytes()
        except OSError as error:
            raise BadKeysFileError(
                f"The API keys file {path} cannot be read: {error.strerror}.",
                hint="Set KAPSTAN_API_KEYS_FILE; services/ingest_gateway/README.md has the format.",
            ) from error
        return cls.parse(text)

    def grant_of(self, key: bytes | None) -> Grant:
        """Return the grant of a key as it was sent; raises RefusedError without a right one."""
        if not key:
            raise RefusedError(
                NO_KEY,
                "The request has no API key.",
                hint="Send it as `Authorization: Bearer <key>` or `X-API-Key: <key>`.",
            )
        grant = self._grants.get(sha256(key).digest())
        if grant is None:
            raise RefusedError(
                WRONG_KEY, "The API key is not known.", hint="Ask who runs the gateway for one."
            )
        return grant
