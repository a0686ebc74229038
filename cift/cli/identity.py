"""`cift register`, `login`, `logout`, `me`, and `cift keys …`."""

from __future__ import annotations

from typing import Annotated

import typer

from cift.cli import credentials, output
from cift.cli.client import Client, Failed
from cift.cli.credentials import Credentials
from cift.cli.output import AsJson

app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)

ME_COLUMNS = [
    output.text("username", "username"),
    output.text("email", "email"),
    output.text("user", "user_id"),
    output.text("account", "account_id"),
    output.text("status", "status"),
    output.text("credential", "credential"),
    output.words("scopes", "scopes"),
]
KEY_COLUMNS = [
    output.text("id", "id"),
    output.text("name", "name"),
    output.words("scopes", "scopes"),
    output.moment("created", "created_at"),
    output.moment("last used", "last_used_at"),
    output.moment("expires", "expires_at"),
    output.moment("revoked", "revoked_at"),
]


def register(
    username: str,
    email: str,
    password: Annotated[
        str,
        typer.Option(
            "--password",
            envvar="CIFT_PASSWORD",
            prompt=True,
            confirmation_prompt=True,
            hide_input=True,
            help="Default: a prompt.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Register a user with an account of 100,000 USD of paper money, and log in."""
    client = Client()
    made = client.call(
        "POST",
        "/auth/register",
        {"email": email, "username": username, "password": password},
        public=True,
    )
    credentials.save(client.login({"username": username, "password": password}))
    output.show_record(made, ME_COLUMNS, as_json)


def login(
    username: Annotated[str | None, typer.Argument(help="Username or email.")] = None,
    password: Annotated[
        str | None, typer.Option("--password", envvar="CIFT_PASSWORD", help="Default: a prompt.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option("--api-key", help="Use this API key instead of a password.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Address of the exchange.")] = None,
    as_json: AsJson = False,
) -> None:
    """Log in, and keep the credentials in ~/.config/cift/credentials, readable by you only."""
    base = (url or credentials.load().url).rstrip("/")
    if api_key is not None:
        who = Credentials(url=base, api_key=api_key)
        Client(who).get("/auth/me")
    else:
        username = username or typer.prompt("Username", err=True)
        password = password or typer.prompt("Password", hide_input=True, err=True)
        who = Client(Credentials(url=base)).login({"username": username, "password": password})
    where = credentials.save(who)
    if as_json:
        output.print_json({"url": base, "credentials": str(where)})
    else:
        output.console.print(f"logged in to {base}")


def logout(as_json: AsJson = False) -> None:
    """End the session and remove its credentials."""
    client = Client()
    if client.who.refresh_token is not None:
        try:
            client.call("POST", "/auth/logout", {"refresh_token": client.who.refresh_token})
        except Failed as problem:
            if problem.code not in ("session_ended", "unreachable"):
                raise
    credentials.forget()
    if as_json:
        output.print_json({"url": client.who.url})
    else:
        output.console.print("logged out")


def me(as_json: AsJson = False) -> None:
    """Show the user, its account and the scopes of the credentials."""
    output.show_record(Client().get("/auth/me"), ME_COLUMNS, as_json)


@app.command()
def create(
    name: str,
    scopes: Annotated[
        str, typer.Option("--scopes", help="read, trade, funds; separated by commas.")
    ] = "read,trade",
    expires_at: Annotated[
        str | None, typer.Option("--expires-at", help="RFC 3339 time; default: never.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key. It is shown only once."""
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    made = Client().call("POST", "/auth/api-keys", {"name": name, "scopes": wanted, "expires_at": expires_at})
    if as_json:
        output.print_json(made)
    else:
        output.show_record(made, KEY_COLUMNS, as_json=False)
        output.console.print(f"\n{made['key']}", soft_wrap=True)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List API keys."""
    output.show_list(Client().get("/auth/api-keys")["items"], KEY_COLUMNS, "no API keys", as_json)


@app.command()
def revoke(key_id: str, as_json: AsJson = False) -> None:
    """Revoke an API key, immediately and permanently."""
    Client().call("DELETE", f"/auth/api-keys/{key_id}")
    if as_json:
        output.print_json({"revoked": key_id})
    else:
        output.console.print(f"{key_id} revoked")
