"""Names, values and intervals as Flink SQL writes them."""

from collections.abc import Iterable, Mapping

from flink_jobs.windows.declaration import Condition, Scalar


def name(identifier: str) -> str:
    """Return `identifier` quoted, so that a reserved word may be a column."""
    return "`" + identifier.replace("`", "``") + "`"


def names(identifiers: Iterable[str]) -> str:
    """Return a comma-separated list of quoted identifiers."""
    return ", ".join(name(each) for each in identifiers)


def text(value: str) -> str:
    """Return a string literal."""
    return "'" + value.replace("'", "''") + "'"


def literal(value: Scalar) -> str:
    """Return the literal of a declared value."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return text(value) if isinstance(value, str) else str(value)


def interval(milliseconds: int) -> str:
    """Return a day-time interval of fewer than 1000 days (Flink takes no more digits in a leading field)."""
    seconds, millis = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"INTERVAL '{day} {hour:02d}:{minute:02d}:{second:02d}.{millis:03d}' DAY(3) TO SECOND(3)"


def condition(declared: Condition) -> str:
    """Return a predicate that is TRUE where all of `declared` holds, FALSE elsewhere, never NULL."""
    tests = []
    for field, expected in declared.items():
        values = expected if isinstance(expected, tuple) else (expected,)
        tests.append(f"{name(field)} IN ({', '.join(literal(value) for value in values)}) IS TRUE")
    return " AND ".join(f"({test})" for test in tests) or "TRUE"


def options(values: Mapping[str, str]) -> str:
    """Return the WITH clause of a table."""
    pairs = ",\n".join(f"  {text(key)} = {text(value)}" for key, value in values.items())
    return f"WITH (\n{pairs}\n)"
