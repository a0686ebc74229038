"""What identity allows. Decides, and does not await.

bcrypt reads 72 bytes and ignores the rest, so longer passwords are refused rather than cut or hashed
first (a hash before the hash would make every stored one of ours unlike everybody else's bcrypt).
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cift.kernel.clock import now_ns, parse_rfc3339, to_datetime
from cift.kernel.errors import Refused
from cift.kernel.ids import uuid5

if TYPE_CHECKING:  # pydantic is not for the sweep that completes registrations
    from cift.contracts.auth import Login, NewApiKey, Registration

PASSWORD_BYTES_MIN = 12
PASSWORD_BYTES_MAX = 72
API_KEYS_MAX = 100
STARTING_CASH = 100_000 * 10**9  # nanos of USD
CURRENCY = "USD"


def check_password(password: str, *others: str) -> None:
    """Raises Refused `invalid_password` where a new password is too short, too long, or one of `others`."""
    size = len(password.encode())
    if size < PASSWORD_BYTES_MIN:
        raise Refused(
            "invalid_password", f"A password has at least {PASSWORD_BYTES_MIN} characters", "password"
        )
    if size > PASSWORD_BYTES_MAX:
        raise Refused(
            "invalid_password",
            f"A password has at most {PASSWORD_BYTES_MAX} bytes in UTF-8; this one has {size}",
            "password",
        )
    if "\x00" in password:
        raise Refused("invalid_password", "A password must not contain NUL", "password")
    if password.lower() in {other.lower() for other in others}:
        raise Refused("invalid_password", "The password must differ from username and email", "password")
    if len(set(password)) < 4:
        raise Refused("invalid_password", "The password repeats too few characters", "password")


def check_registration(registration: "Registration") -> None:
    """Raises Refused where a registration is not acceptable."""
    check_password(registration.password, registration.username, registration.email)


def login_name(login: "Login") -> str:
    """The username or email that a login names. Raises Refused unless it is exactly one."""
    if (login.username is None) == (login.email is None):
        raise Refused("invalid_request", "Give username or email, and not both", "username")
    return (login.username or login.email or "").strip()


def account_of(user_id: str) -> str:
    """The account of a user: always the same, so that opening it twice opens it once."""
    return uuid5(user_id, "account")


def first_deposit_of(user_id: str) -> str:
    """The transfer id of a user's starting cash: always the same, so that it is paid once."""
    return uuid5(user_id, "starting-cash")


def key_expiry(new: "NewApiKey") -> datetime | None:
    """When a new API key expires. Raises Refused where that is no time or has passed."""
    if new.expires_at is None:
        return None
    at = parse_rfc3339(new.expires_at)
    if at is None:
        raise Refused("invalid_request", "Not an RFC 3339 time, such as 2027-01-31T00:00:00Z", "expires_at")
    if at <= now_ns():
        raise Refused("invalid_request", "expires_at has passed", "expires_at")
    return to_datetime(at)


def has_expired(at: datetime) -> bool:
    return at <= datetime.now(UTC)
