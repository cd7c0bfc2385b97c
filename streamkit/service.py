"""The frame around every service: settings, logs, and an exit code that tells the supervisor what to do."""

import logging
import sys
from collections.abc import Callable
from typing import TypeVar

from streamkit import logs
from streamkit.config import ServiceSettings
from streamkit.errors import StreamkitError

S = TypeVar("S", bound=ServiceSettings)

_log = logging.getLogger(__name__)


def serve(service: str, settings: type[S], run: Callable[[S], None]) -> None:
    """Read the settings, log as JSON, and run the service until it returns or fails.

    Exits with the error's own code when it raises a StreamkitError: 75 asks to be started again, 78 needs
    a person. Any other exception is a bug; it is logged with its traceback and ends with 1.

    Args:
        service: the service's name as in the catalogue, such as `refiner`.
        settings: its settings class.
        run: blocks until the service was asked to stop.
    """
    logs.configure(service)
    try:
        loaded = settings.load()
        logs.configure(service, loaded.log_level)
        run(loaded)
    except StreamkitError as error:
        _log.critical("%s", error, extra={"exit_code": error.exit_code})
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the last frame: it is logged and becomes the exit code
        _log.critical("The service ends because of a bug", exc_info=True)
        sys.exit(1)
