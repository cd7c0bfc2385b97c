"""Pure: the ledger of results, one JSON line for each schedule, and what it comes to."""

import json
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

Line = Mapping[str, Any]
FIGURES = ("lost", "doubled", "reordered", "wrong_state")
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
_HEAD = (
    "| fault | on | schedules | lost | doubled | reordered | wrong | no result | resumed (median, worst) |",
    "|---|---|---|---|---|---|---|---|---|",
)


def parse(lines: Iterable[str]) -> list[Line]:
    """Read a ledger; a last line that was cut off by a kill is left out.

    Raises:
        ValueError: another line is none.
    """
    texts = [text for text in lines if text.strip()]
    found: list[Line] = []
    for number, text in enumerate(texts, 1):
        try:
            found.append(json.loads(text))
        except ValueError as error:
            if number < len(texts):
                raise ValueError(f"line {number} of the ledger of results cannot be read: {error}") from error
    return found


def known_seeds(lines: Iterable[Line], product: str) -> set[int]:
    """Return the seeds that have a verdict for this product; one that ended in an error is run again."""
    return {line["seed"] for line in lines if line["product"] == product and line["outcome"] != "error"}


def totals(lines: Sequence[Line]) -> dict[str, int]:
    """Return how many schedules there are, and what they have lost, doubled and so on in all."""
    found = {"schedules": len(lines)}
    for figure in FIGURES:
        found[figure] = sum(line[figure] for line in lines)
    return found | {"errors": sum(line["outcome"] == "error" for line in lines)}


def sentence(counts: Mapping[str, int]) -> str:
    """Return the last line of a run."""
    parts = [f"{name} {counts[name]}" for name in ("schedules", *FIGURES)]
    if counts["errors"]:
        parts.append(f"without a result {counts['errors']}")
    return ", ".join(parts)


def table(lines: Sequence[Line], product: str) -> str:
    """Return the ledger as Markdown: what each fault on each part came to, the present product's first.

    A schedule of several steps counts for each of them. Of a seed with several results the last one counts.
    """
    present = _last(line for line in lines if line["product"] == product)
    older = _last(line for line in lines if line["product"] != product)
    parts = [_summary(f"Product {product}, this one", present)]
    if present:
        parts.append("\n".join([*_HEAD, *_rows(present)]))
    if older:
        products = len({line["product"] for line in older})
        parts += [
            _summary(f"**Stale**: {products} older product{'s' if products > 1 else ''}", older),
            "\n".join([*_HEAD, *_rows(older)]),
        ]
    return "\n\n".join(parts)


def _last(lines: Iterable[Line]) -> list[Line]:
    return list({(line["product"], line["seed"]): line for line in lines}.values())


def _summary(what: str, lines: Sequence[Line]) -> str:
    commits = sorted({line["commit"] for line in lines})
    of = f" (commits {', '.join(commits)})" if commits else ""
    slow = sum(bool(line["slow"]) for line in lines)
    return f"{what}{of}: {sentence(totals(lines))}; {slow} single kills took more than 10 s to resume."


def _rows(lines: Sequence[Line]) -> list[str]:
    befell: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        for kind, victim in sorted({(step["kind"], step["victim"]) for step in line["steps"]}):
            befell.setdefault((kind, victim), []).append(line)
    return [_row(kind, victim, befell[kind, victim]) for kind, victim in sorted(befell)]


def _row(kind: str, victim: str, lines: Sequence[Line]) -> str:
    counts = totals(lines)
    alone = [
        line["resumed_after_s"]
        for line in lines
        if line["resumed_after_s"] is not None and len(line["steps"]) == 1
    ]
    resumed = f"{median(alone):.1f} s, {max(alone):.1f} s" if alone else ""
    figures = " | ".join(str(counts[name]) for name in ("schedules", *FIGURES, "errors"))
    return f"| {kind} | {victim} | {figures} | {resumed} |"


def put_into(document: str, made: str) -> str:
    """Return a document with the text between the two marks replaced. ValueError when it has no marks."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document has no lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"
