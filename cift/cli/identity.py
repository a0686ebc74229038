"""`cift register`, `login`, `logout`, `me`, `password`, `sessions`, `user`, and `cift keys …`."""

from __future__ import annotations

from typing import Annotated

import typer

from cift.cli import credentials, output
from cift.cli.client import Client, Failed, segment
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


SESSION_COLUMNS = [
    output.text("session", "id"),
    output.moment("started", "started_at"),
    output.moment("last used", "last_used_at"),
    output.text("address", "address"),
    output.text("program", "user_agent"),
    output.text("this one", "is_current"),
]
USER_COLUMNS = [
    output.text("username", "username"),
    output.text("email", "email"),
    output.text("user", "user_id"),
    output.text("account", "account_id"),
    output.text("status", "status"),
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


def logout(
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="End all your sessions, on all machines.")
    ] = False,
    api_keys: Annotated[
        bool, typer.Option("--api-keys", help="With --everywhere: revoke all your API keys too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """End the session and remove its credentials."""
    client = Client()
    if api_keys and not everywhere:
        raise Failed("usage", "--api-keys needs --everywhere")
    if everywhere:
        client.call("DELETE", "/auth/sessions", query={"api_keys": api_keys})
        client.who = Credentials(url=client.who.url)
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


def password(
    current: Annotated[
        str,
        typer.Option(
            "--current",
            envvar="CIFT_PASSWORD",
            prompt="Current password",
            hide_input=True,
            help="Default: a prompt.",
        ),
    ],
    new: Annotated[
        str,
        typer.Option(
            "--new",
            envvar="CIFT_NEW_PASSWORD",
            prompt="New password",
            confirmation_prompt=True,
            hide_input=True,
            help="Default: a prompt.",
        ),
    ],
    api_keys: Annotated[bool, typer.Option("--api-keys", help="Revoke all your API keys too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change your password. All your other sessions end."""
    body = {"current_password": current, "new_password": new, "revoke_api_keys": api_keys}
    Client().call("PUT", "/auth/password", body)
    if as_json:
        output.print_json({"changed": True})
    else:
        output.console.print("password changed; your other sessions have ended")


def reset_password(
    email: Annotated[str | None, typer.Option("--email", help="Have a token sent to this address.")] = None,
    token: Annotated[
        str | None, typer.Option("--token", help="The token from the mail; asks for a new password.")
    ] = None,
    new: Annotated[
        str | None, typer.Option("--new", envvar="CIFT_NEW_PASSWORD", help="Default: a prompt.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set a new password with a token from a mail: first --email, then --token."""
    if (email is None) == (token is None):
        raise Failed("usage", "give --email or --token")
    client = Client(Credentials(url=credentials.load().url))
    if email is not None:
        client.call("POST", "/auth/password/forgotten", {"email": email}, public=True)
        done = "if a user has this address, a mail with a token is on its way"
    else:
        new = new or typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
        body = {"token": token, "new_password": new}
        client.call("POST", "/auth/password/reset", body, public=True)
        done = "password changed; all sessions have ended: log in"
    if as_json:
        output.print_json({"done": done})
    else:
        output.console.print(done)


def verify_email(token: str, as_json: AsJson = False) -> None:
    """Verify your e-mail address with the token from the mail."""
    client = Client(Credentials(url=credentials.load().url))
    client.call("POST", "/auth/email/verify", {"token": token}, public=True)
    if as_json:
        output.print_json({"verified": True})
    else:
        output.console.print("address verified: log in")


def sessions(
    end: Annotated[str | None, typer.Option("--end", help="End the session with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List your sessions, or end one of them."""
    client = Client()
    if end is not None:
        client.call("DELETE", f"/auth/sessions/{segment(end)}")
    output.show_list(client.get("/auth/sessions")["items"], SESSION_COLUMNS, "no sessions", as_json)


def user(
    name: Annotated[str, typer.Argument(help="Username, email or user id.")],
    disable: Annotated[bool, typer.Option("--disable", help="End all access of the user at once.")] = False,
    enable: Annotated[bool, typer.Option("--enable", help="Allow the user to log in again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Disable or enable a user, with an administrator's key (make key ADMIN=1)."""
    if disable == enable:
        raise Failed("usage", "give --disable or --enable")
    body = {"status": "disabled" if disable else "active"}
    output.show_record(Client().call("PATCH", f"/admin/users/{segment(name)}", body), USER_COLUMNS, as_json)


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
