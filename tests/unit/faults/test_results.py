"""The ledger of results: what is skipped, summed up and marked stale."""

import json

import pytest

from tests.faults import results

STEP = {"at_s": 1.0, "kind": "kill", "victim": "kafka", "variant": "", "for_s": 0.0}


def line(seed, product="new", **changes):
    figures = dict.fromkeys(results.FIGURES, 0)
    base = {"seed": seed, "product": product, "commit": "c1", "outcome": "passed", "steps": [STEP]}
    return {**base, **figures, "resumed_after_s": 2.0, "slow": False, **changes}


def test_a_ledger_that_was_cut_off_loses_its_last_line_only():
    texts = [json.dumps(line(1)), json.dumps(line(2)), '{"seed": 3, "prod']
    assert [each["seed"] for each in results.parse(texts)] == [1, 2]


def test_a_ledger_that_is_damaged_elsewhere_is_refused():
    with pytest.raises(ValueError, match="line 1"):
        results.parse(["{", json.dumps(line(1))])


def test_seeds_with_a_verdict_for_this_product_are_known():
    lines = [line(1), line(2, "old"), line(3, outcome="error"), line(4, outcome="failed", lost=1)]
    assert results.known_seeds(lines, "new") == {1, 4}


def test_the_last_line_says_everything():
    counts = results.totals([line(1, lost=2), line(2, doubled=1, reordered=3, wrong_state=4)])
    assert results.sentence(counts) == "schedules 2, lost 2, doubled 1, reordered 3, wrong_state 4"
    assert results.sentence(results.totals([line(1, outcome="error")])).endswith("without a result 1")


def test_the_table_marks_older_products_stale_and_counts_each_step():
    other = {**STEP, "kind": "zombie", "victim": "enricher"}
    lines = [line(1), line(2, steps=[STEP, other], lost=1), line(1, "old"), line(2, "older")]
    made = results.table(lines, "new")
    present, stale = made.split("**Stale**")
    assert "| kill | kafka | 2 | 1 | 0 | 0 | 0 | 0 | 2.0 s, 2.0 s |" in present
    assert "| zombie | enricher | 1 | 1 | 0 | 0 | 0 | 0 |  |" in present
    assert stale.startswith(": 2 older products")
    assert "| kill | kafka | 2 | 0 |" in stale


def test_a_seed_that_was_run_again_counts_once_with_its_last_result():
    lines = [line(1, outcome="error"), line(1)]
    assert "| kill | kafka | 1 | 0 | 0 | 0 | 0 | 0 |" in results.table(lines, "new")


def test_a_document_keeps_what_is_outside_the_marks():
    document = f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n"
    assert results.put_into(document, "made") == f"before\n{results.BEGIN}\n\nmade\n\n{results.END}\nafter\n"
    with pytest.raises(ValueError, match="has no lines"):
        results.put_into("nothing", "made")
