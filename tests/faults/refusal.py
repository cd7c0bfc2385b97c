"""What only a refusal answers: the service has to end for good and say what to do, or loss would be silent.

Such a fault spends its stage: nothing can be compared on it any more.
"""

from tests.faults.errors import SilentError
from tests.faults.stage import Stage

REFUSES_WITHIN_S = 180.0


class Refusals:
    """Services that have to refuse, each with what its log must say."""

    def __init__(self, expected: dict[str, tuple[str, ...]]) -> None:
        """Take service -> texts, all of which its log has to hold: the reason and the remedy."""
        self._expected = expected
        self._log_ends: dict[str, int] = {}

    def begin(self, stage: Stage) -> None:
        """Note where the logs end; call it before the fault."""
        self._log_ends = {name: stage.log_end(name) for name in self._expected}

    def await_all(self, stage: Stage) -> None:
        """Wait until each has refused. SilentError when one does not."""
        for name, texts in self._expected.items():
            since = self._log_ends[name]

            def refused(name: str = name, texts: tuple[str, ...] = texts, since: int = since) -> bool:
                return stage.gave_up(name) and all(stage.logged(name, text, since) for text in texts)

            if not stage.comes(refused, REFUSES_WITHIN_S):
                raise SilentError(f"{name} does not refuse, or does not say: {'; '.join(texts)}")
