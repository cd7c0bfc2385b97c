"""Why a replay or a comparison does not take place."""

from streamkit.errors import StopError


class ReplayRefusedError(StopError):
    """What was asked for cannot be exact, or makes no sense; the hint says what to do instead."""
