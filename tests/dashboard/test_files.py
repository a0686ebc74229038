"""The dashboard's files over HTTP: compression, caching, the content security policy."""

import gzip
import re

import httpx
import pytest

from cift.dashboard import files
from tests.venue import refusal


async def test_the_page_is_never_cached_and_allows_only_its_own_scripts(http: httpx.AsyncClient) -> None:
    page = await http.get("/")
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "style-src 'self';" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", page.text), "no inline code"
    assert "//" not in re.sub(r"<!doctype html>", "", page.text), "nothing from another address"


async def test_every_asset_of_the_page_is_cached_for_ever_and_compressed(http: httpx.AsyncClient) -> None:
    page = await http.get("/")
    paths = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
    assert len(paths) >= 3, "script, style and icon"
    for path in paths:
        asset = await http.get(path)
        assert asset.status_code == 200 and asset.headers["content-encoding"] == "gzip", path
        assert (
            "immutable" in asset.headers["cache-control"]
            and "max-age=31536000" in asset.headers["cache-control"]
        )
        plain = await http.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers and plain.content == asset.content, path


def test_every_built_file_is_served_with_its_media_type() -> None:
    assert files.PAGE in files.names() and len(files.names()) > 5
    for name in files.names():
        response = files.response(name, "gzip", files.ASSET_HEADERS)
        assert response.headers["content-type"] in files.MEDIA_TYPES.values()
        if response.headers.get("content-encoding") == "gzip":
            assert gzip.decompress(bytes(response.body)) == files.content(name, compressed=False)[0]


async def test_an_unknown_asset_is_not_found(http: httpx.AsyncClient) -> None:
    for path in ("/assets/missing.js", "/assets/..%2Findex.html", "/assets/%2e%2e%2f%2e%2e%2fREADME.md"):
        refusal(await http.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip, deflate, br", True),
        ("GZIP", True),
        ("br;q=1.0, gzip;q=0.8", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
    ],
)
def test_gzip_is_sent_only_where_it_is_accepted(header: str, accepted: bool) -> None:
    assert files.accepts_gzip(header) is accepted
