"""Named outputs: a step names what it writes; where that goes is decided here."""

from collections.abc import Mapping

from streamkit.errors import StopError


def qualified(namespace: str, name: str) -> str:
    """Return a topic, group or transactional id inside `namespace`; the live system's is empty."""
    return f"{namespace}.{name}" if namespace else name


def resolve(outputs: Mapping[str, str], namespace: str) -> dict[str, str]:
    """Return named output -> real topic, inside `namespace`."""
    return {name: qualified(namespace, topic) for name, topic in outputs.items()}


def unknown_output(name: str, outputs: Mapping[str, str]) -> StopError:
    """Return the error for a step that names an output its spec does not declare."""
    return StopError(
        f"the step wrote to output {name!r}, which the spec does not name",
        hint=f"Declare it in TransformSpec.outputs; declared are: {', '.join(sorted(outputs)) or 'none'}",
    )
