"""Windows by looking at every event ever seen; obeys the same rule as payments.windows."""

from dataclasses import dataclass, field

from payments.windows import Span, Window


@dataclass
class Reference:
    """Every event ever seen; a question looks at all of them."""

    keep: int
    events: list[tuple[int, int]] = field(default_factory=list)
    newest: int = -1

    def observe(self, time: int, amount: int, spans: tuple[Span, ...]) -> list[Window]:
        self.newest = max(self.newest, time)
        horizon = self.newest - self.keep
        self.events.append((time, amount))
        found = []
        for span in spans:
            start, end = time - span.reach_ms, time - span.delay_ms
            visible = [a for t, a in self.events if start < t <= end and t > horizon]
            if time <= horizon and not span.delay_ms:
                visible = [amount]
            found.append((len(visible), sum(visible)))
        return found
