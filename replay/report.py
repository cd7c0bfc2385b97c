"""Pure: what a comparison found, for people and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from replay.compare import DIFFERS, MISSING, Compared, Example
from replay.kept import Replay

_HEADINGS = ("compared", "live", "replayed", "equal", "differing", "missing", "extra")
_MOST_FIELDS = 12
_MOST_TEXT = 200


def agrees(found: Sequence[Compared]) -> bool:
    """Tell whether everything compared is equal."""
    return all(each.agrees for each in found)


def to_json(replay: Replay, found: Sequence[Compared], notes: Sequence[str]) -> dict[str, Any]:
    """Return a comparison as JSON data."""
    return {
        "namespace": replay.namespace,
        "target": replay.target.name,
        "sides": replay.plan.sides,
        "equal": agrees(found),
        "compared": [each.to_json() for each in found],
        "notes": list(notes),
    }


def lines(replay: Replay, found: Sequence[Compared], notes: Sequence[str]) -> Iterator[str]:
    """Yield a comparison as lines of text."""
    rows = [_HEADINGS] + [
        (
            each.name,
            *(
                f"{n:,}"
                for n in (each.live, each.replayed, each.equal, each.differing, each.missing, each.extra)
            ),
        )
        for each in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        numbers = (text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join([row[0].ljust(widths[0]), *numbers])
    for each in found:
        if each.changed:
            yield ""
            yield f"{each.name}, records that differ in: " + ", ".join(
                f"{name} {count:,}" for name, count in each.changed.items()
            )
        for example in each.examples:
            yield ""
            yield from _example(example)
    if notes:
        yield ""
    yield from notes
    yield ""
    if agrees(found):
        yield f"The replay {replay.namespace} equals live: {sum(each.equal for each in found):,} records."
    else:
        yield f"The replay {replay.namespace} DIFFERS from live."


def _example(example: Example) -> Iterator[str]:
    if example.kind == DIFFERS:
        yield f"differs: {example.about}"
        yield f"  live {example.live}, replayed {example.replayed}"
        width = max(len(each.pointer) for each in example.fields) if example.fields else 0
        for each in example.fields[:_MOST_FIELDS]:
            yield f"  {each.pointer:<{width}}  live {_short(each.live)}"
            yield f"  {'':<{width}}  replayed {_short(each.replayed)}"
        if len(example.fields) > _MOST_FIELDS:
            yield f"  and {len(example.fields) - _MOST_FIELDS} fields more; --json has them all"
        return
    where = "only live has" if example.kind == MISSING else "only the replay has"
    yield f"{where}: {example.about}, at {example.live or example.replayed}"
    yield f"  {_short(example.content or '')}"


def _short(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]} ... ({len(text)} characters)"
