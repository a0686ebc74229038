"""Records of the journal folded into changes of accounts, positions and cash. Pure: no SQL, no clock.

Each fill carries the cash and the position it left behind, so the last one wins and nothing is looked
up. Only the system's side (world, fees) is a sum: what customers paid it, negated per account, because
no event tells it; it is exact, for the offset is in the same transaction.

Positions are folded minute by minute: the trigger that keeps position_history sees each position as it
was at the end of each minute, however the records are cut into batches.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from cift.platform.journal import JournalRecord

MINUTE_NS = 60_000_000_000
NIL = "00000000-0000-0000-0000-000000000000"
# Rows of one event: the maker's two, then the taker's two (trade, fee).
ROWS_PER_EVENT = 4


@dataclass(slots=True)
class Account:
    """An account that was opened."""

    id: str
    kind: str
    role: str
    currency: str
    at: int
    sequence: int


@dataclass(slots=True)
class AccountChange:
    """Last cash, state and limits of an account; None stays as it is."""

    id: str
    at: int = 0
    sequence: int = 0
    cash: int | None = None
    state: str | None = None
    limits: dict[str, Any] | None = None


@dataclass(slots=True)
class Position:
    """A position at the end of a minute; `realized` is what the minute added."""

    account: str
    symbol: str
    first_at: int
    quantity: int = 0
    cost: int = 0
    realized: int = 0
    at: int = 0
    sequence: int = 0


@dataclass(slots=True)
class Transaction:
    """A movement of cash; `amount` is what the account received."""

    sequence: int
    entry: int
    account: str
    kind: str
    amount: int
    cash: int
    symbol: str | None
    order: str | None
    trade: int | None
    transfer: str | None
    at: int


@dataclass(slots=True)
class LedgerChanges:
    """What a batch does to accounts, positions, transactions and system_balances."""

    opened: list[Account] = field(default_factory=list)
    accounts: dict[str, AccountChange] = field(default_factory=dict)
    positions: dict[int, dict[tuple[str, str], Position]] = field(default_factory=lambda: defaultdict(dict))
    """By minute, in order of time."""
    transactions: list[Transaction] = field(default_factory=list)
    world: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Per account: what the world received from it."""
    fees: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Per account: what it paid in fees."""

    def account(self, id: str, at: int, sequence: int) -> AccountChange:
        """The change of an account, stamped."""
        change = self.accounts.get(id)
        if change is None:
            change = self.accounts[id] = AccountChange(id)
        change.at, change.sequence = at, sequence
        return change

    def position(self, account: str, symbol: str, at: int, sequence: int) -> Position:
        """The position in the minute of `at`, stamped."""
        minute = self.positions[at // MINUTE_NS]
        found = minute.get((account, symbol))
        if found is None:
            found = minute[account, symbol] = Position(account, symbol, at)
        found.at, found.sequence = at, sequence
        return found


def fold(records: list[JournalRecord]) -> LedgerChanges:
    """What these records, in order, do to the ledger."""
    changes = LedgerChanges()
    for record in records:
        at = record.timestamp
        first = record.record["first_command"]
        for offset, entry in enumerate(record.entries):
            for index, event in enumerate(entry["events"]):
                kind = event["type"]
                if kind == "trade_executed":
                    _trade(changes, event, at, first + offset, index * ROWS_PER_EVENT)
                elif kind == "level_changed":
                    break  # the last events of a command are only these
                elif kind not in _IGNORED:
                    _other(changes, event, at, first + offset, index * ROWS_PER_EVENT)
    return changes


_IGNORED = frozenset(
    {"order_accepted", "order_closed", "order_activated", "order_adjusted", "order_replaced"}
)


def _trade(changes: LedgerChanges, event: dict[str, Any], at: int, sequence: int, entry: int) -> None:
    symbol = event["symbol"]
    notional = event["price"] * event["quantity"] // 1_000_000_000
    bought = event["aggressor"] == "buy"  # by the taker
    # The engine posts the maker first; with both sides of one account the taker's cash is the last.
    for name, is_buyer, row in (("maker", not bought, entry), ("taker", bought, entry + 2)):
        fill = event[name]
        account, fee = fill["account"], fill["fee"]
        changes.account(account, at, sequence).cash = fill["cash"]
        position = changes.position(account, symbol, at, sequence)
        position.quantity, position.cost = fill["position"], fill["cost"]
        position.realized += fill["realized"]
        order = None if fill["order"] == NIL else fill["order"]
        changes.transactions.append(
            Transaction(
                sequence,
                row,
                account,
                "trade",
                -notional if is_buyer else notional,
                fill["cash"] + fee,
                symbol,
                order,
                event["trade"],
                None,
                at,
            )
        )
        if fee:
            changes.fees[account] += fee
            changes.transactions.append(
                Transaction(
                    sequence,
                    row + 1,
                    account,
                    "fee",
                    -fee,
                    fill["cash"],
                    symbol,
                    order,
                    event["trade"],
                    None,
                    at,
                )
            )


def _other(changes: LedgerChanges, event: dict[str, Any], at: int, sequence: int, entry: int) -> None:
    match event["type"]:
        case "account_opened":
            changes.opened.append(
                Account(event["account"], event["kind"], event["role"], event["currency"], at, sequence)
            )
        case "limits_set":
            changes.account(event["account"], at, sequence).limits = event["limits"]
        case "account_state_set":
            changes.account(event["account"], at, sequence).state = event["state"]
        case "cash_moved":
            account, amount = event["account"], event["amount"]
            changes.account(account, at, sequence).cash = event["cash"]
            changes.world[account] -= amount
            transfer = None if event["transfer"] == NIL else event["transfer"]
            changes.transactions.append(
                Transaction(
                    sequence,
                    entry,
                    account,
                    event["kind"],
                    amount,
                    event["cash"],
                    None,
                    None,
                    None,
                    transfer,
                    at,
                )
            )
        case "position_moved":
            position = changes.position(event["account"], event["symbol"], at, sequence)
            position.quantity, position.cost = event["position"], event["cost"]
