"""Which Maven repository to read: the user's own choice, else the default that a resolver library knows."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from local.errors import RuntimeProblem


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository's base address and, where the user's settings give them, its credentials."""

    url: str
    credentials: tuple[str, str] | None = None


def maven_repository(environ: Mapping[str, str] = os.environ, settings: Path | None = None) -> Repository:
    """The repository to fetch from: KAPSTAN_MAVEN_URL, else a mirror in Maven's settings, else the default.

    `settings` is Maven's settings.xml, by default the user's. RuntimeProblem when it cannot be read.
    """
    given = environ.get("KAPSTAN_MAVEN_URL")
    if given:
        return Repository(given.rstrip("/"))
    path = settings or Path.home() / ".m2" / "settings.xml"
    if path.is_file():
        try:
            mirror = mirror_of_central(path.read_text(encoding="utf-8"), environ)
        except (ET.ParseError, OSError, UnicodeError) as error:
            why = (
                f"is not valid XML: {error}"
                if isinstance(error, ET.ParseError)
                else f"is unreadable: {error}"
            )
            raise RuntimeProblem(
                "kapstan",
                f"{path} {why}",
                remedy="mend that file, or name a Maven repository in KAPSTAN_MAVEN_URL",
            ) from error
        if mirror is not None:
            return mirror
    # Imported here: only a machine without a mirror needs it. The address itself is the library's.
    from jgo.constants import MAVEN_CENTRAL_URL

    return Repository(str(MAVEN_CENTRAL_URL))


def mirror_of_central(settings_xml: str, environ: Mapping[str, str]) -> Repository | None:
    """The first mirror in a settings.xml that stands for `central`, with its server's login if it has one."""
    root = ET.fromstring(settings_xml)  # noqa: S314 - the user's own settings
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    servers = {
        _text(server, "id", environ): (_text(server, "username", environ), _text(server, "password", environ))
        for server in root.iterfind("servers/server")
    }
    for mirror in root.iterfind("mirrors/mirror"):
        if not covers_central(_text(mirror, "mirrorOf", environ)):
            continue
        user, password = servers.get(_text(mirror, "id", environ), ("", ""))
        return Repository(_text(mirror, "url", environ).rstrip("/"), (user, password) if user else None)
    return None


def covers_central(mirror_of: str) -> bool:
    """Whether a `mirrorOf` (Maven's settings reference: names, `*`, `external:*`, `!name`) means central."""
    names = [name.strip() for name in mirror_of.split(",")]
    return "!central" not in names and any(name in ("*", "external:*", "central") for name in names)


def _text(element: ET.Element, tag: str, environ: Mapping[str, str]) -> str:
    found = (element.findtext(tag) or "").strip()
    return re.sub(r"\$\{env\.([A-Za-z0-9_]+)\}", lambda match: environ.get(match[1], ""), found)
