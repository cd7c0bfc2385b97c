"""What can go wrong before a window job runs; each message says what to do."""


class WindowsError(Exception):
    """Base of the errors below; nothing was submitted when one is raised."""


class DeclarationError(WindowsError):
    """Files do not declare windows; the message lists every problem with its file and line."""


class SettingsError(WindowsError):
    """The environment does not say where the parts are; the message names each variable."""


class ClusterAwayError(WindowsError):
    """Flink's JobManager does not answer."""


class StartRefusedError(WindowsError):
    """The job cannot start without losing or repeating rows of its table."""
