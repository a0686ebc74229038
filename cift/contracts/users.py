"""Requests and responses of administrators about users."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class UserEdit(BaseModel):
    """Whether a user has access. Disabling ends all sessions, API keys and open connections at once."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"status": "disabled"}]})

    status: Literal["active", "disabled"]


class AdminUser(BaseModel):
    """A user, as administrators see it."""

    user_id: str
    username: str
    email: str
    account_id: str
    status: Literal["pending", "active", "disabled"]
