"""What the scorer counts. A batch that is done again after an aborted transaction counts again."""

from streamkit.metrics import Counter, Metrics


class FraudScorerMetrics(Metrics):
    """The scorer's own metrics; the loop's are in streamkit."""

    service = "fraud_scorer"

    decisions_total = Counter("Decisions by what was decided.", labels=("outcome",))
    reasons_total = Counter("Reasons given, by their code.", labels=("code",))
    windows_dropped_total = Counter("Windows dropped because their terminal has fallen silent.")
