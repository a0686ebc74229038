"""`cift dlq …`: dead letters, which are events that a function rejected permanently."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from cift.cli import output
from cift.cli.client import Client, Failed, new_key
from cift.cli.output import AsJson

app = typer.Typer(help="List and replay dead letters, with an administrator's key.", no_args_is_help=True)
PATH = "/admin/dead-letters"
ALL_MAX = 100_000
COLUMNS = [
    output.number("id", "id"),
    output.moment("put aside", "put_aside_at"),
    output.text("function", "function"),
    output.text("stream", "stream"),
    output.number("sequence", "sequence"),
    output.text("subject", "subject"),
    output.number("bytes", "data_bytes"),
    output.text("reason", "reason"),
]
OUTCOMES = [
    output.number("id", "id"),
    output.text("function", "function"),
    output.text("outcome", "outcome"),
    output.text("reason", "message"),
]
OfFunction = Annotated[
    str | None, typer.Option("--function", "-f", help="Only dead letters of this function.")
]


@app.command("list")
def list_(
    function: OfFunction = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=ALL_MAX, help="At most this many, oldest first.")
    ] = 50,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first, with the reason of the rejection."""
    letters = Client().pages(PATH, limit, function=function)
    output.show_list(letters, COLUMNS, "no dead letters", as_json)


@app.command()
def replay(
    id: Annotated[int | None, typer.Option("--id", help="Replay this one.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Replay all, oldest first.")] = False,
    function: OfFunction = None,
    as_json: AsJson = False,
) -> None:
    """Deliver dead letters to their functions again, each to its own function only.

    A dead letter that its function accepts is removed. One that is rejected again, or cannot be delivered
    now, stays; the exit code is then 1.
    """
    if (id is None) != every:
        raise Failed("usage", "give --id ID or --all")
    client = Client()
    if id is not None:
        letters: list[dict[str, Any]] = [{"id": id, "function": None}]
    else:
        letters = client.pages(PATH, ALL_MAX, function=function)
    outcomes = [_replay(client, letter) for letter in letters]
    output.show_list(outcomes, OUTCOMES, "no dead letters", as_json)
    if any(outcome["outcome"] != "taken" for outcome in outcomes):
        sys.exit(1)


def _replay(client: Client, letter: dict[str, Any]) -> dict[str, Any]:
    try:
        taken = client.call("POST", f"{PATH}/{letter['id']}/replay", key=new_key())
    except Failed as problem:
        if problem.code in (
            "unreachable",
            "scope_required",
            "unauthenticated",
            "not_logged_in",
            "session_ended",
        ):
            raise
        return {**_named(letter), "outcome": "stays", "message": str(problem)}
    return {**_named(letter), "function": taken["function"], "outcome": "taken", "message": None}


def _named(letter: dict[str, Any]) -> dict[str, Any]:
    return {"id": letter["id"], "function": letter["function"]}
