"""Open the accounts of new users.

Registration stores the user as `pending`, opens the account and deposits the starting cash with commands to
the engine, and sets the user `active`. Account and transfer ids are derived from the user's id, so login and
`complete_registrations` can repeat an interrupted registration without doing anything twice.
"""

from cift.auth import rules, store
from cift.kernel.errors import Refused
from cift.platform.engine import Engine
from cift.platform.postgres import Database


async def complete_account(user_id: str, database: Database, engine: Engine) -> None:
    """Open the user's account and deposit the starting cash, unless that is done already.

    Raises:
        Unavailable, OutcomeUnknown: repeat the call later.
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
    """Complete interrupted registrations, oldest first. Returns how many were completed."""
    async with database.write() as c:
        rows = await store.pending_users(c, older_than_s, limit)
    for row in rows:
        await complete_account(row["user_id"], database, engine)
    return len(rows)
