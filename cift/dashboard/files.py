"""The dashboard's files as HTTP responses.

`npm run build` in `dashboard/` writes them to `dashboard/dist`: the page, and its assets. Text is stored
compressed (`<name>.gz`), so that no process compresses it again. All of it is 0.3 MB and stays in memory.
"""

import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from starlette.responses import Response

from cift.kernel.errors import NotFound

FOLDER = Path(__file__).resolve().parent.parent.parent / "dashboard" / "dist"
PAGE = "index.html"
# No inline script or style, nothing from another address, and no other site may frame the page.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cross-origin-opener-policy": "same-origin",
}
ASSET_HEADERS = {"cache-control": "public, max-age=31536000, immutable"}
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


@cache
def stored() -> dict[str, bytes]:
    """The files below FOLDER by their path, such as `assets/x.js.gz`. All are read at once, so that a build
    meanwhile does not mix two versions. Empty if the dashboard was not built."""
    paths = (path for path in FOLDER.rglob("*") if path.is_file())
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in paths}


@cache
def names() -> frozenset[str]:
    """The names of all files, without `.gz`."""
    return frozenset(name.removesuffix(".gz") for name in stored())


@cache
def content(name: str, *, compressed: bool) -> tuple[bytes, bool]:
    """The bytes of one of `names()`, and whether they are compressed with gzip."""
    packed = stored().get(f"{name}.gz")
    if packed is None:
        return stored()[name], False
    return (packed, True) if compressed else (gzip.decompress(packed), False)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a request with this header accepts gzip (RFC 9110, 12.5.3)."""
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";q=")
        if coding in ("gzip", "*"):
            return weight.strip("0.") != "" or weight == ""
    return False


def response(name: str, accept_encoding: str, headers: Mapping[str, str]) -> Response:
    """The response with a file.

    Raises:
        NotFound: there is no such file.
    """
    if name not in names():
        raise NotFound("not_found", f"The dashboard has no file '{name[:64]}'")
    body, is_compressed = content(name, compressed=accepts_gzip(accept_encoding))
    found = {"content-type": MEDIA_TYPES[Path(name).suffix], "vary": "accept-encoding", **headers}
    if is_compressed:
        found["content-encoding"] = "gzip"
    return Response(body, headers=found)
