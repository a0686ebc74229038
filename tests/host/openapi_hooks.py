"""Credentials for schemathesis: run by tests/host/openapi_requests.py.

Each operation gets the kind of credential that it needs. Users are new ones, because some operations end the
session that calls them, revoke its keys or change its password: after a 401 the next user is registered."""

import os
import uuid
from typing import Any

import requests
import schemathesis

URL = os.environ["URL"]
PASSWORD = "a password for tests"


def kind(operation: Any) -> str:
    if operation.path.startswith("/api/v1/admin/"):
        return "admin"
    security = operation.definition.raw.get("security", [])
    return "key" if {"ApiKey": []} in security else "session" if security else "none"


def post(path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    response = requests.post(f"{URL}/api/v1/auth/{path}", json=body, headers=headers, timeout=60)
    response.raise_for_status()
    found: dict[str, Any] = response.json()
    return found


def new_session() -> str:
    name = f"schema{uuid.uuid4().hex[:12]}"
    post("register", {"email": f"{name}@example.com", "username": name, "password": PASSWORD})
    return f"Bearer {post('login', {'username': name, 'password': PASSWORD})['access_token']}"


@schemathesis.auth(cache_by_key=lambda case, context: kind(context.operation))
class Credentials:
    """See the module's docstring."""

    def get(self, case: Any, context: Any) -> tuple[str, str] | None:
        match kind(context.operation):
            case "admin":
                return "X-API-Key", os.environ["ADMIN_KEY"]
            case "key":
                new = {"name": "tests", "scopes": ["read", "trade", "funds"]}
                return "X-API-Key", post("api-keys", new, Authorization=new_session())["key"]
            case "session":
                return "Authorization", new_session()
        return None

    def set(self, case: Any, data: tuple[str, str] | None, context: Any) -> None:
        if data is not None and not os.environ.get("ANONYMOUS"):
            case.headers[data[0]] = data[1]


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Alpaca's functions ignore parameters without a value, as Alpaca does: such a request is not invalid."""
    values = (case.query or {}).values()
    return not case.path.startswith("/v") or all(
        value not in (None, "") and not isinstance(value, list | dict) for value in values
    )
