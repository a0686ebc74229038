"""Every error response has the same form."""

from typing import Any

import httpx
import pytest

from tests.stack import Stack, User
from tests.target import until

REGISTER = "/api/v1/auth/register"


def check(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code, body
    assert {"code", "message", "request_id"} <= set(body) <= {"code", "message", "field", "request_id", "id"}
    assert body["request_id"] == response.headers["x-request-id"]
    assert response.headers["x-cift-origin"]
    return body


async def test_unknown_paths(http: httpx.AsyncClient) -> None:
    for path in ("/nope", "/api/v1/auth", "/api/v1/auth/me/", "/api/v1/auth/me/x", "/%00", "/docs/x"):
        check(await http.get(path), 404, "not_found")


async def test_a_wrong_method_lists_the_allowed_ones(http: httpx.AsyncClient) -> None:
    response = await http.put("/api/v1/auth/me")
    check(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    response = await http.post("/api/v1/auth/api-keys/abc")
    check(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "DELETE, OPTIONS"
    check(await http.post("/openapi.json"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{]", b"nul", b"\xff\xfe", b'{"a": 1,}', b"{'a': 1}", b'{"a": 1} x', b"[" * 5000]
)
async def test_a_body_that_is_not_json(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post(REGISTER, content=body, headers={"content-type": "application/json"})
    check(response, 400, "invalid_json")


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true"])
async def test_json_that_is_not_an_object(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post(REGISTER, content=body, headers={"content-type": "application/json"})
    check(response, 422, "invalid_request")


async def test_a_body_of_another_media_type(http: httpx.AsyncClient) -> None:
    check(await http.post(REGISTER, data={"email": "a@example.com"}), 415, "unsupported_media_type")
    check(await http.post(REGISTER, files={"file": b"x"}), 415, "unsupported_media_type")


async def test_a_body_above_the_limit(http: httpx.AsyncClient) -> None:
    big = b'{"email": "' + b"x" * 70_000 + b'"}'
    check(
        await http.post(REGISTER, content=big, headers={"content-type": "application/json"}),
        413,
        "body_too_large",
    )

    async def drip() -> Any:
        for _ in range(70):
            yield b"x" * 1024

    # Chunked, without a content-length: counted while it arrives.
    check(
        await http.post(REGISTER, content=drip(), headers={"content-type": "application/json"}),
        413,
        "body_too_large",
    )


async def test_unknown_and_repeated_parameters(http: httpx.AsyncClient, user: User) -> None:
    path = "/api/v1/auth/api-keys"
    for query, field in (
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("limit=1.5", "limit"),
        ("limit=", "limit"),
        ("colour=red", "colour"),
        ("limit=1&limit=2", "limit"),
    ):
        body = check(await http.get(f"{path}?{query}", headers=user.bearer), 422, "invalid_request")
        assert body["field"] == field, body
    check(await http.get("/api/v1/auth/me?x=1", headers=user.bearer), 422, "invalid_request")


async def test_unknown_fields_and_wrong_types_name_the_field(http: httpx.AsyncClient) -> None:
    valid = {"email": "a@example.com", "username": "abc", "password": "long enough pw"}
    for changed, field in (
        ({"extra": 1}, "extra"),
        ({"email": 7}, "email"),
        ({"username": ["a"]}, "username"),
        ({"password": {"$gt": ""}}, "password"),
    ):
        body = check(await http.post(REGISTER, json=valid | changed), 422, "invalid_request")
        assert body["field"] == field


async def test_a_valid_request_id_is_kept_and_an_invalid_one_is_replaced(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health", headers={"X-Request-ID": "abc-1.2:3"})).headers[
        "x-request-id"
    ] == "abc-1.2:3"
    for wrong in ("x" * 65, "has space", '"quoted"', "<script>"):
        returned = (await http.get("/nope", headers={"X-Request-ID": wrong})).headers["x-request-id"]
        assert returned != wrong and len(returned) == 32


async def test_the_trace_context_is_returned(http: httpx.AsyncClient) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    response = await http.get("/api/v1", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    version, trace_id, span, flags = response.headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", trace, "01") and span != "b7ad6b7169203331"
    for wrong in (
        "x",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{trace}-{'0' * 16}-01",
        f"ff-{trace}-b7ad6b7169203331-01",
        f"00-{trace.upper()}-b7ad6b7169203331-01",
        f"00-{trace}-b7ad6b7169203331-01-extra",
    ):
        response = await http.get("/api/v1", headers={"traceparent": wrong})
        assert response.status_code == 200 and trace not in response.headers["traceparent"]


async def test_an_untrusted_host_name_is_refused(exchange: Stack, http: httpx.AsyncClient) -> None:
    check(await http.get("/api/v1", headers={"Host": "evil.example"}), 400, "untrusted_host")
    check(await http.get("/nope", headers={"Host": "evil.example"}), 400, "untrusted_host")
    assert (await http.get("/api/v1", headers={"Host": "localhost:1"})).status_code == 200
    # Kubernetes sends probes to the pod's address.
    assert (await http.get("/health", headers={"Host": "10.1.2.3"})).status_code == 200


async def test_head_and_options(http: httpx.AsyncClient) -> None:
    head = await http.head("/api/v1")
    assert head.status_code == 200 and not head.content and int(head.headers["content-length"]) > 0
    options = await http.options("/api/v1/auth/me")
    assert options.status_code == 204 and options.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_the_links_of_the_index_work(http: httpx.AsyncClient) -> None:
    links = (await http.get("/api/v1")).json()["links"]
    for path in links.values():
        assert (await http.get(path)).status_code == 200, path


async def test_ready_checks_the_real_stores(http: httpx.AsyncClient) -> None:
    body = (await http.get("/ready")).json()
    assert body["status"] == "ready"
    assert set(body["stores"]) == {"postgres", "nats", "valkey", "engine"}
    assert all(store["status"] == "ready" for store in body["stores"].values())


async def test_metrics_count_requests_by_function_and_status(http: httpx.AsyncClient) -> None:
    async def count() -> float:
        for line in (await http.get("/metrics")).text.splitlines():
            if line.startswith('cift_requests_total{function="platform.index",status="200"}'):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    before = await count()
    await http.get("/api/v1")

    async def counted() -> bool:  # an answer of /metrics is up to a second old
        return await count() == before + 1

    await until(counted, "the request is counted")
    text = (await http.get("/metrics")).text
    assert 'cift_requests_in_flight{function="platform.metrics"} 1.0' in text
    assert 'cift_request_seconds_bucket{function="platform.index",le="0.001"}' in text
