"""Rules of identity. They decide and do not await.

bcrypt reads 72 bytes and ignores the rest, so longer passwords are refused. Cutting them would accept wrong
passwords; hashing them first would make our stored hashes differ from the bcrypt of other programs.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cift.auth.common_passwords import is_common
from cift.auth.names import is_reserved
from cift.kernel.clock import now_ns, parse_rfc3339, to_datetime
from cift.kernel.errors import Refused
from cift.kernel.ids import uuid5

if TYPE_CHECKING:  # complete_registrations imports this module and must not load pydantic
    from cift.contracts.auth import Login, NewApiKey, Registration

PASSWORD_CHARACTERS_MIN = 8
PASSWORD_BYTES_MAX = 72
API_KEYS_MAX = 100
STARTING_CASH = 100_000 * 10**9  # nanos of USD
CURRENCY = "USD"


def check_password(password: str, *others: str) -> None:
    """Check a new password. `others` are texts that it must not equal, in any case.

    Raises:
        Refused: `invalid_password`, with the reason. The message never holds the password.
    """
    size = len(password.encode())
    if len(password) < PASSWORD_CHARACTERS_MIN:
        reason = f"A password has at least {PASSWORD_CHARACTERS_MIN} characters; this one has {len(password)}"
    elif size > PASSWORD_BYTES_MAX:
        reason = f"A password has at most {PASSWORD_BYTES_MAX} bytes in UTF-8; this one has {size}"
    elif "\x00" in password:
        reason = "A password must not contain NUL"
    elif password.lower() in {other.lower() for other in others}:
        reason = "The password must differ from username and email"
    elif is_common(password):
        reason = "This password is among the 10,000 most common: choose another"
    else:
        return
    raise Refused("invalid_password", reason, "password")


def check_registration(registration: "Registration") -> None:
    """Raises Refused if the registration's username or password is not acceptable."""
    if is_reserved(registration.username):
        raise Refused("username_reserved", "This username is reserved: choose another", "username")
    check_password(registration.password, registration.username, registration.email)


def login_name(login: "Login") -> str:
    """The username or email of a login. Raises Refused unless exactly one of the two is given."""
    if (login.username is None) == (login.email is None):
        raise Refused("invalid_request", "Give either username or email", "username")
    return (login.username or login.email or "").strip()


def account_of(user_id: str) -> str:
    """The account id of a user. Derived, so that a repeated `open_account` opens one account."""
    return uuid5(user_id, "account")


def first_deposit_of(user_id: str) -> str:
    """The transfer id of a user's starting cash. Derived, so that a repeated deposit is paid once."""
    return uuid5(user_id, "starting-cash")


def key_expiry(new: "NewApiKey") -> datetime | None:
    """When a new API key expires; None for never. Raises Refused if that is not a time, or has passed."""
    if new.expires_at is None:
        return None
    at = parse_rfc3339(new.expires_at)
    if at is None:
        raise Refused(
            "invalid_request",
            "expires_at must be an RFC 3339 time such as 2027-01-31T00:00:00Z",
            "expires_at",
        )
    if at <= now_ns():
        raise Refused("invalid_request", f"expires_at is in the past: {new.expires_at}", "expires_at")
    return to_datetime(at)


def has_expired(at: datetime) -> bool:
    return at <= datetime.now(UTC)


def is_recent(at: datetime, seconds: int) -> bool:
    """Whether `at` is less than this many seconds ago."""
    return datetime.now(UTC) - at < timedelta(seconds=seconds)


def is_loopback(address: str | None) -> bool:
    """Whether a caller's address belongs to this machine alone."""
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False
