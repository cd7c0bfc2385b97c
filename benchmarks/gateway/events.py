"""Card payments to send: seeded, so that each run sends the same."""

import json
import random
from typing import Final

TOPIC: Final = "payments.transactions.v1"
_CUSTOMERS: Final = 5_000
_TERMINALS: Final = 10_000
_MODES: Final = ("CHIP", "CONTACTLESS", "MAGSTRIPE", "ECOMMERCE")


def event(number: int, rng: random.Random, now_ms: int) -> bytes:
    """Return one payment as JSON, about 230 bytes."""
    customer = rng.randrange(_CUSTOMERS)
    return json.dumps(
        {
            "transaction_id": f"bench-{now_ms}-{number:09d}",
            "tenant": "default",
            "customer_id": f"c{customer:06d}",
            "card_id": f"k{customer:06d}",
            "terminal_id": f"t{rng.randrange(_TERMINALS):06d}",
            "amount_minor": rng.randrange(100, 50_000),
            "currency": "EUR",
            "entry_mode": rng.choice(_MODES),
            "event_time": now_ms,
        },
        separators=(",", ":"),
    ).encode()


def batches(size: int, count: int, now_ms: int, seed: int = 1) -> list[list[bytes]]:
    """Return `count` batches of `size` events; they are sent again and again in turn."""
    rng = random.Random(seed)
    return [[event(b * size + i, rng, now_ms) for i in range(size)] for b in range(count)]


def body(batch: list[bytes]) -> bytes:
    """Return the HTTP body of a batch: the object itself when it is one."""
    return batch[0] if len(batch) == 1 else b"[" + b",".join(batch) + b"]"
