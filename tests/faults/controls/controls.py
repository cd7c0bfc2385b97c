"""The controls there are: one function each, with the parts that it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.stack import Stack
from tests.faults.controls import (
    current_watermark_split,
    faust_exactly_once,
    iceberg_connect,
    pyiceberg_append,
)
from tests.faults.controls.control import Outcome


@dataclass(frozen=True, slots=True)
class Control:
    """`run` takes a stack with `parts`, an empty folder and a name that is new on the stack; it blocks."""

    name: str
    parts: tuple[str, ...]
    run: Callable[[Stack, Path, str], Outcome]


CONTROLS = tuple(
    Control(module.NAME, module.PARTS, module.run)
    for module in (pyiceberg_append, faust_exactly_once, current_watermark_split, iceberg_connect)
)
