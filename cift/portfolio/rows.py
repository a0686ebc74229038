"""The rows of the tables `accounts`, `positions` and `transactions`: the one definition of their fields.

The statements that write the tables and the columns that read them are derived from these dataclasses
(`cift.platform.columns`). Numbers are nanos, times ns since the Unix epoch.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Annotated

from cift.contracts.accounts import TransactionKind
from cift.contracts.names_gen import AccountKind, AccountRole, AccountState
from cift.platform.columns import TEXT, BigInt, Integer, Money, Nanos, Text, Time, Uuid

MINUTE_NS = 60_000_000_000


@dataclass(slots=True)
class Account:
    """A row of `accounts`, as it is opened."""

    id: Uuid
    kind: Annotated[AccountKind, TEXT]
    role: Annotated[AccountRole, TEXT]
    currency: Text
    opened_at: Time
    updated_at: Time
    sequence: BigInt
    state: Annotated[AccountState, TEXT] = "active"
    cash: Money = 0


@dataclass(slots=True)
class AccountUpdate:
    """The last cash and state of an account; None: unchanged."""

    id: Uuid
    updated_at: Time = 0
    sequence: BigInt = 0
    cash: Money | None = None
    state: Annotated[AccountState, TEXT] | None = None


@dataclass(slots=True)
class AccountLimits:
    """The limits of an account; None: no limit of that kind."""

    id: Uuid
    max_order_quantity: Nanos | None
    max_order_notional: Money | None
    max_position: Nanos | None
    max_open_orders: Integer
    max_orders_per_second: Integer
    max_daily_loss: Money | None
    leverage_percent: Integer


@dataclass(slots=True)
class Position:
    """A row of `positions` at the end of a minute; `realized` is what the minute added."""

    account_id: Uuid
    symbol: Text
    opened_at: Time
    quantity: Nanos = 0
    cost: Money = 0
    realized: Money = 0
    updated_at: Time = 0
    sequence: BigInt = 0


@dataclass(slots=True)
class Transaction:
    """A row of `transactions`: a movement of cash; `amount` is what the account received."""

    sequence: BigInt
    entry: Integer
    account_id: Uuid
    kind: Annotated[TransactionKind, TEXT]
    amount: Money
    cash: Money
    symbol: Text | None
    order_id: Uuid | None
    trade_id: BigInt | None
    transfer_id: Uuid | None
    created_at: Time


@dataclass(slots=True)
class LedgerChanges:
    """What a batch of records changes in accounts, positions, transactions and system_balances."""

    opened: list[Account] = field(default_factory=list)
    accounts: dict[str, AccountUpdate] = field(default_factory=dict)
    limits: dict[str, AccountLimits] = field(default_factory=dict)
    positions: dict[int, dict[tuple[str, str], Position]] = field(default_factory=lambda: defaultdict(dict))
    """By minute, in order of time."""
    transactions: list[Transaction] = field(default_factory=list)
    world: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Per account: what the world received from it."""
    fees: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Per account: what it paid in fees."""

    def account(self, id: str, at: int, sequence: int) -> AccountUpdate:
        """The update of an account, with the time and the sequence of its last command."""
        change = self.accounts.get(id)
        if change is None:
            change = self.accounts[id] = AccountUpdate(id)
        change.updated_at, change.sequence = at, sequence
        return change

    def position(self, account: str, symbol: str, at: int, sequence: int) -> Position:
        """The position in the minute of `at`, with the time and the sequence of its last command."""
        minute = self.positions[at // MINUTE_NS]
        found = minute.get((account, symbol))
        if found is None:
            found = minute[account, symbol] = Position(account, symbol, at)
        found.updated_at, found.sequence = at, sequence
        return found
