"""Accounts of new users: opened by registration, completed by whoever comes next.

A user is committed as `pending`; then the engine is told to open the account and to deposit the
starting cash, both with ids derived from the user's; then the user is `active`. Whatever is interrupted
is done again by login or by the sweep, and does nothing twice.
"""

from cift.auth import rules, store
from cift.kernel.errors import Refused
from cift.platform.engine import Engine
from cift.platform.postgres import Database


async def complete_account(user_id: str, database: Database, engine: Engine) -> None:
    """Open the user's account and pay in the starting cash, where that is not done yet.

    Raises:
        Unavailable, OutcomeUnknown: to be done again.
    """
    account_id = rules.account_of(user_id)
    try:
        await engine.submit(
            {
                "type": "open_account",
                "account": account_id,
                "kind": "margin",
                "role": "customer",
                "currency": rules.CURRENCY,
            }
        )
    except Refused as refused:
        if refused.code != "account_exists":
            raise
    await engine.submit(
        {
            "type": "deposit",
            "account": account_id,
            "transfer": rules.first_deposit_of(user_id),
            "amount": rules.STARTING_CASH,
            "idempotency_key": "starting-cash",
        }
    )
    async with database.write() as c:
        await store.activate_user(c, user_id)


async def complete_pending(
    database: Database, engine: Engine, *, older_than_s: float = 10.0, limit: int = 100
) -> int:
    """Complete the accounts of interrupted registrations; returns how many."""
    async with database.write() as c:
        rows = await store.pending_users(c, older_than_s, limit)
    for row in rows:
        await complete_account(row["user_id"], database, engine)
    return len(rows)
