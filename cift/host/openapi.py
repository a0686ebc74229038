"""/openapi.json from the declarations, and /docs and /redoc with their scripts from our own address.

FastAPI only describes, `app.py` serves. So FastAPI is imported at the first request for a description, and
does not add to the cold start of a function.
"""

import inspect
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import fastapi_offline
from fastapi import FastAPI, Header, Query
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from cift import __version__
from cift.contracts.errors import AlpacaErrorView, ErrorView
from cift.contracts.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX
from cift.function import Function
from cift.host.call import Call, header_of
from cift.host.provide import bare_type

TITLE = "CIFT Markets"
SUMMARY = "An exchange and a broker that anyone can run"
DESCRIPTION = """\
Amounts, prices and quantities are decimal strings. Requests may also use JSON numbers, which are read
exactly. Times are RFC 3339 in UTC, ids are UUIDs.

Authenticate with `X-API-Key: cift_…` or `Authorization: Bearer <access token>`.
Every error has the same form (`ErrorView`). `outcome_unknown` (503) means that the change may have been
applied: look it up by its id, or send it again with the same `client_order_id` or `Idempotency-Key`.
"""
_ASSETS = Path(fastapi_offline.__file__).parent / "static"
PAGES = {
    "/docs": "text/html; charset=utf-8",
    "/redoc": "text/html; charset=utf-8",
    "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui.css": "text/css; charset=utf-8",
    "/docs/redoc.standalone.js": "text/javascript; charset=utf-8",
    "/docs/favicon.png": "image/png",
}
"""The paths that `page` serves, and their media types. In a cluster the gateway serves them and
/openapi.json."""
_SECURITY = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "AccessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "KeyId": {"type": "apiKey", "in": "header", "name": "APCA-API-KEY-ID"},
    "KeySecret": {"type": "apiKey", "in": "header", "name": "APCA-API-SECRET-KEY"},
    "KeyPair": {"type": "http", "scheme": "basic"},
}
_PAGE_PARAMETERS = [
    inspect.Parameter(
        "limit",
        inspect.Parameter.KEYWORD_ONLY,
        annotation=int,
        default=Query(PAGE_LIMIT_DEFAULT, ge=1, le=PAGE_LIMIT_MAX, description="How many items."),
    ),
    inspect.Parameter(
        "cursor",
        inspect.Parameter.KEYWORD_ONLY,
        annotation=str | None,
        default=Query(None, max_length=200, description="next_cursor of the previous page."),
    ),
]
_ERROR_MEANINGS = {
    "400": "The request cannot be parsed",
    "401": "The credential is missing or not valid",
    "403": "Not allowed",
    "404": "Not found",
    "408": "The body did not arrive in time",
    "409": "Conflict with existing data",
    "413": "The body is too large",
    "422": "Refused, with the reason",
    "429": "Too many requests",
    "503": "Unavailable and nothing happened, or `outcome_unknown`",
}


def _described(parameter: inspect.Parameter) -> inspect.Parameter:
    """The parameter for FastAPI: `FromHeader` becomes FastAPI's `Header`."""
    header = header_of(parameter.annotation)
    if header is None:
        return parameter
    bare, *extras = typing.get_args(parameter.annotation)
    return parameter.replace(
        annotation=Annotated[
            (bare, *extras, Header(alias=header.name.lower(), include_in_schema=header.listed))
        ]
    )


def _add_routes(app: FastAPI, calls: Iterable[Call]) -> None:
    """Add each HTTP function to FastAPI's routes, as an endpoint that has a signature only."""
    for call in calls:
        function = call.function
        doc = function.doc.split("\n\n", 1)
        parameters = list(call.parameters.values())
        if call.has_page:
            parameters += _PAGE_PARAMETERS

        async def endpoint() -> None:  # never called
            raise AssertionError

        endpoint.__name__ = function.call.__name__
        endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [_described(p).replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        )
        bare = bare_type(call.returns)[0]
        is_response = isinstance(bare, type) and issubclass(bare, Response)
        app.add_api_route(
            function.path,
            endpoint,
            methods=[function.method],
            status_code=function.status,
            tags=[function.domain.replace("_", " ")],
            summary=doc[0].replace("\n", " ").rstrip("."),
            description=doc[1] if len(doc) > 1 else None,
            operation_id=function.name.replace(".", "_"),
            name=function.name,
            response_model=None if is_response or function.status == 204 else call.returns,
            response_class=Response if function.status == 204 or is_response else JSONResponse,
            include_in_schema=function.in_schema,
        )


def make_openapi(calls: Sequence[Call]) -> dict[str, Any]:
    """FastAPI's document with our error form, security schemes and scopes in every operation."""
    app = FastAPI(title=TITLE, version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    _add_routes(app, calls)
    document = get_openapi(
        title=TITLE, version=__version__, summary=SUMMARY, description=DESCRIPTION, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["ErrorView"] = _schema(ErrorView)
    schemas["AlpacaErrorView"] = _schema(AlpacaErrorView)
    document["components"]["securitySchemes"] = _SECURITY
    by_operation = {call.function.name.replace(".", "_"): call.function for call in calls}
    for path in document.get("paths", {}).values():
        for operation in path.values():
            function = by_operation[operation["operationId"]]
            statuses = _statuses(function, has_body="requestBody" in operation)
            if function.scope is not None:
                operation["security"] = [{"AccessToken": []}]
                if function.scope not in ("keys", "session"):
                    pair: list[dict[str, list[str]]] = [{"KeyId": [], "KeySecret": []}, {"KeyPair": []}]
                    operation["security"] += [{"ApiKey": []}, *pair]
                note = (
                    f"Needs the scope `{function.scope}`."
                    if function.scope != "session"
                    else "Needs an access token."
                )
                operation["description"] = f"{operation.get('description', '')}\n\n{note}".strip()
            operation["responses"].pop("422", None)
            error = "AlpacaErrorView" if function.form == "alpaca" else "ErrorView"
            for status in sorted(statuses):
                operation["responses"][status] = {
                    "description": _ERROR_MEANINGS[status],
                    "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{error}"}}},
                }
    return document


def _statuses(function: Function, *, has_body: bool) -> set[str]:
    """The statuses of all refusals of a function, as text."""
    statuses = {"503", *map(str, function.refusals)}
    if function.rate != "none":
        statuses |= {"400", "422", "429"}
    if has_body:
        statuses |= {"408", "413"}
    if function.scope is not None:
        statuses |= {"401", "403"}
        if function.method != "GET":
            statuses.add("409")
    if "{" in function.path:
        statuses.add("404")
    return statuses


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(ref_template="#/components/schemas/{model}")


def page(path: str) -> Response | None:
    """The response to /docs, /redoc and their assets; None for any other path."""
    match path:
        case "/docs":
            return get_swagger_ui_html(
                openapi_url="/openapi.json",
                title=TITLE,
                swagger_js_url="/docs/swagger-ui-bundle.js",
                swagger_css_url="/docs/swagger-ui.css",
                swagger_favicon_url="/docs/favicon.png",
                swagger_ui_parameters={"persistAuthorization": True, "tryItOutEnabled": True},
            )
        case "/redoc":
            html = get_redoc_html(
                openapi_url="/openapi.json",
                title=TITLE,
                redoc_js_url="/docs/redoc.standalone.js",
                redoc_favicon_url="/docs/favicon.png",
                with_google_fonts=False,
            )
            return HTMLResponse(html.body)
        case _ if path in PAGES:
            return FileResponse(_ASSETS / path.rsplit("/", 1)[1], headers={"cache-control": "max-age=86400"})
        case _:
            return None
