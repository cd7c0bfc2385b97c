"""The last thing a command says when it failed in a way that it has no message of its own for."""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path


def explain(error: Exception, command: str) -> str:
    """What happened, why, and what to do next, for people; the traceback is kept in a file that it names.

    A file or connection that cannot be used is named with no more than that; anything else may be a bug and
    says so. Writes one file below the folder for temporary files.
    """
    if isinstance(error, OSError) and error.filename is not None:
        what = f"{os.fsdecode(error.filename)!r} cannot be used: {error.strerror}"
        remedy = "check that path, and the options and KAPSTAN_ variables that lead to it"
    elif isinstance(error, OSError):
        what = f"a connection or file failed: {_said(error)}"
        remedy = "`kapstan status` shows which part does not answer; then try again"
    elif isinstance(error, UnicodeError):
        what = f"something read is not the text it should be: {error}"
        remedy = "check the files that were given: they must be UTF-8"
    else:
        what = f"`kapstan {command}` failed in a way that it should not, perhaps a bug: {_said(error)}"
        remedy = "check the options and KAPSTAN_ variables; if they are right, report it with its traceback"
    return f"kapstan: {what}\n  remedy: {remedy}\n  {_keep_traceback(error)}"


def _said(error: Exception) -> str:
    words = str(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _keep_traceback(error: Exception) -> str:
    """A line that names the file with the traceback, or the traceback itself where no file can be written."""
    text = "".join(traceback.format_exception(error))
    try:
        number, path = tempfile.mkstemp(prefix="kapstan-", suffix=".traceback")
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return text
    return f"traceback: {Path(path)}"
