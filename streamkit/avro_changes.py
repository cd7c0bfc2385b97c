"""Says in sentences how one version of a schema differs from another, for people who changed it."""

from collections.abc import Iterator
from typing import Any

from streamkit.avro import Schema, kind_of


def changes(before: Schema, after: Schema) -> list[str]:
    """Return each difference that readers may trip over: fields added, removed or of another type, symbols.

    Which of them the compatibility level forbids is the registry's to say.
    """
    return list(_Comparison(before, after).of(before.physical, after.physical, ""))


class _Comparison:
    def __init__(self, before: Schema, after: Schema) -> None:
        self._before = before.resolve
        self._after = after.resolve
        self._seen: set[str] = set()

    def of(self, before: Any, after: Any, pointer: str) -> Iterator[str]:
        before, after = self._before(before), self._after(after)
        old_kind, new_kind = kind_of(before), kind_of(after)
        if old_kind != new_kind:
            yield f"{pointer or '/'} is {new_kind} and was {old_kind}"
        elif old_kind == "record":
            yield from self._of_records(before, after, pointer)
        elif old_kind == "enum":
            yield from _of_symbols(before["symbols"], after["symbols"], pointer)
        elif old_kind in ("array", "map"):
            inner = "items" if old_kind == "array" else "values"
            yield from self.of(before[inner], after[inner], f"{pointer}/{inner}")
        elif old_kind == "union":
            yield from self._of_unions(before, after, pointer)
        elif old_kind == "fixed" and before["size"] != after["size"]:
            yield f"{pointer} has {after['size']} bytes and had {before['size']}"

    def _of_records(self, before: Any, after: Any, pointer: str) -> Iterator[str]:
        if after["name"] in self._seen:
            return
        self._seen.add(after["name"])
        old = {field["name"]: field for field in before["fields"]}
        new = {field["name"]: field for field in after["fields"]}
        for name, field in new.items():
            if name in old:
                yield from self.of(old[name]["type"], field["type"], f"{pointer}/{name}")
            else:
                yield f"{pointer}/{name} is new and has {'a' if 'default' in field else 'no'} default"
        for name, field in old.items():
            if name not in new:
                yield f"{pointer}/{name} is gone and had {'a' if 'default' in field else 'no'} default"

    def _of_unions(self, before: Any, after: Any, pointer: str) -> Iterator[str]:
        old = {self._name(self._before(branch)): branch for branch in before}
        new = {self._name(self._after(branch)): branch for branch in after}
        for name, branch in new.items():
            if name in old:
                yield from self.of(old[name], branch, pointer)
            else:
                yield f"{pointer} may now be {name}"
        yield from (f"{pointer} may no longer be {name}" for name in old if name not in new)

    @staticmethod
    def _name(branch: Any) -> str:
        return str(branch["name"]) if isinstance(branch, dict) and "name" in branch else kind_of(branch)


def _of_symbols(before: list[str], after: list[str], pointer: str) -> Iterator[str]:
    yield from (f"{pointer} has the new symbol {symbol}" for symbol in after if symbol not in before)
    yield from (f"{pointer} no longer has the symbol {symbol}" for symbol in before if symbol not in after)
