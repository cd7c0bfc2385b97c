"""Why a schedule has no result."""


class StageError(Exception):
    """The stage is broken: a part does not come back, or the load has ended. Nothing can go on there."""


class SilentError(Exception):
    """A service went on where it has to refuse: what follows would be lost or wrong without a word."""


class NotShownError(Exception):
    """A fault did not take place, so that its schedule shows nothing."""
