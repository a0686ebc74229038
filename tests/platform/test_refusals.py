"""Every refusal reason of the engine has an HTTP status and a sentence."""

import re

from cift.contracts.refusals import REFUSALS
from cift.platform.engine import refusal
from tests.stack import ROOT

TYPES = ROOT / "rust_core" / "crates" / "engine" / "src" / "names.rs"
OF_MATCHD = {"journal_full", "queue_full", "expired", "command_quarantined"}
INTERNAL = {"continue_expected", "nothing_to_continue"}


def names() -> set[str]:
    block = re.search(r"\n\s*Refusal \{(.*?)\n\s*\}\s*\);", TYPES.read_text(), re.DOTALL)
    assert block is not None
    return set(re.findall(r'"([a-z_]+)"', block[1]))


def test_the_reasons_and_their_sentences_are_the_same_list() -> None:
    assert names() - INTERNAL == set(REFUSALS) - OF_MATCHD


def test_statuses() -> None:
    for code, status in {
        "unknown_symbol": 404,
        "unknown_account": 404,
        "idempotency_conflict": 409,
        "duplicate_order_id": 409,
        "order_not_open": 409,
        "account_not_flat": 409,
        "account_suspended": 403,
        "account_closed": 403,
        "account_reduce_only": 403,
        "order_rate_exceeded": 429,
        "insufficient_buying_power": 422,
        "price_not_on_tick": 422,
        "orders_full": 503,
        "journal_full": 503,
        "something_new": 422,
    }.items():
        assert refusal(code).status == status, code
    assert all(status in (403, 404, 409, 422, 429, 503) for status, _ in REFUSALS.values())
