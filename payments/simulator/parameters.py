"""Parameters of the simulated world, after the Fraud Detection Handbook (chapter 3, transaction simulator).

Only the published parameters are taken; what the book leaves open (merchants, cards, reports, clicks) is ours
and marked so.
"""

from dataclasses import dataclass

HISTORY_DAYS = 65  # what `payments.training` learns from: the demo's whole past
LOADED_DAYS = 37  # of these, the last ones go through Kafka: the longest window, 30 days, plus 7 of delay


@dataclass(frozen=True)
class WorldParameters:
    """Sizes and distributions. Distances in grid units, money in major units, times in days or seconds."""

    customers: int = 5_000
    terminals: int = 10_000
    grid: float = 100.0
    radius: float = 5.0  # a customer uses the terminals this near to home
    mean_amount: tuple[float, float] = (5.0, 100.0)  # uniform per customer; the deviation is half of it
    transactions_per_day: tuple[float, float] = (0.0, 4.0)  # uniform per customer; Poisson per day
    second_of_day: tuple[float, float] = (43_200.0, 20_000.0)  # normal; what falls outside the day is dropped

    large_amount: float = 220.0  # scenario 1: every larger amount is a fraud
    compromised_terminals_per_day: int = 2  # scenario 2: all that happens there is a fraud
    terminal_compromise_days: int = 28
    compromised_customers_per_day: int = 3  # scenario 3: a third of their transactions, times 5
    customer_compromise_days: int = 14
    customer_fraud_share: float = 1 / 3
    customer_fraud_factor: float = 5.0

    # Ours: a report comes after a log-normal delay, 98 % within 7 days, and never after 30.
    report_median_days: float = 2.0
    report_sigma: float = 0.6
    report_max_days: float = 30.0

    # Ours: visits to the web shop per customer and day, pages per visit (geometric), seconds between pages.
    visits_per_day: float = 0.2
    pages_per_visit: float = 5.0
    seconds_between_pages: float = 40.0
    products: int = 2_000
