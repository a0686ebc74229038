"""Requests and responses of identity."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, EmailStr, Field, StrictBool

from cift.contracts.amounts import Time

KeyScope = Literal["read", "trade", "funds"]
Password = Annotated[
    str,
    Field(
        description="At least 8 characters, at most 72 bytes in UTF-8, and not among the 10,000 most common.",
        examples=["correct horse battery"],
    ),
]


class Registration(BaseModel):
    """A new user. Email and username are unique, whatever their case."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[EmailStr, Field(max_length=254)]
    username: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_.-]{3,32}$", description="3 to 32 of A-Z a-z 0-9 _ . -")
    ]
    password: Password


class UserView(BaseModel):
    """The user of this request."""

    user_id: str
    email: str
    username: str
    account_id: str
    status: Literal["pending", "active", "disabled"] = Field(
        description="pending: the account is being opened; a login completes it."
    )
    created_at: Time


class Me(UserView):
    """The owner of this request's credential."""

    scopes: list[str]
    credential: Literal["session", "key"]


class Login(BaseModel):
    """`username` (which may contain the email) or `email`, and the password."""

    model_config = ConfigDict(extra="forbid")

    username: Annotated[str | None, Field(max_length=254)] = None
    email: Annotated[str | None, Field(max_length=254)] = None
    password: Annotated[str, Field(max_length=1024)]


class TokenPair(BaseModel):
    """An access token (a JWT, see jwks) and a refresh token, which returns the next pair once."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 (a kind, not a token)
    expires_in: int = Field(description="Seconds until the access token expires.", examples=[1800])


class RefreshRequest(BaseModel):
    """A refresh token. Each works once; using one again revokes the whole session."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: Annotated[str, Field(max_length=256)]


class LogoutRequest(BaseModel):
    """Ends the session of this refresh token too."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: Annotated[str | None, Field(max_length=256)] = None


class PasswordChange(BaseModel):
    """A new password. All other sessions end; with `revoke_api_keys` the API keys too."""

    model_config = ConfigDict(extra="forbid")

    current_password: Annotated[str, Field(max_length=1024)]
    new_password: Password
    revoke_api_keys: StrictBool = False


class ForgottenPassword(BaseModel):
    """The e-mail address to which a token is sent."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[EmailStr, Field(max_length=254)]


class PasswordReset(BaseModel):
    """A token from a mail, and the new password. All sessions end."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(max_length=128)]
    new_password: Password
    revoke_api_keys: StrictBool = False


class EmailVerification(BaseModel):
    """A token from a mail."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(max_length=128)]


class SessionView(BaseModel):
    """A session that was started by a login."""

    id: str
    started_at: Time
    last_used_at: Time = Field(description="When its tokens were last renewed.")
    address: str | None = Field(description="Of the last renewal.")
    user_agent: str | None
    is_current: bool = Field(description="Whether it is the session of this request.")


class SessionsView(BaseModel):
    """All sessions of the user that have not ended."""

    items: list[SessionView]
    next_cursor: None = None


class BrowserSession(BaseModel):
    """The access token of a page of this exchange. Its refresh token is in a cookie."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 (a kind, not a token)
    expires_in: int = Field(description="Seconds until the access token expires.", examples=[1800])


class NewApiKey(BaseModel):
    """The name and the scopes of a new API key."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
    scopes: Annotated[list[KeyScope], Field(min_length=1, max_length=3)] = ["read", "trade"]
    expires_at: Annotated[str | None, Field(max_length=40, description="RFC 3339; null: never.")] = None


class ApiKeyView(BaseModel):
    """An API key, without its secret."""

    id: str
    name: str
    scopes: list[KeyScope]
    created_at: Time
    expires_at: Time | None
    last_used_at: Time | None = Field(description="To the minute.")
    revoked_at: Time | None


class CreatedApiKey(ApiKeyView):
    """The key itself, which is shown only once."""

    key: str = Field(
        description="Id and secret in one: send it as X-API-Key.", examples=["cift_PKABCDEFGHIJ234567AB_…"]
    )
    secret: str = Field(
        description="The secret alone, for clients that send the id beside it: APCA-API-KEY-ID and"
        " APCA-API-SECRET-KEY, or Basic."
    )


class Jwks(BaseModel):
    """The public keys that verify access tokens (RFC 7517)."""

    keys: list[dict[str, str]]
