"""Reserved usernames, and those that look like another user's, are refused."""

import asyncio
import time

import httpx
import pytest

from cift.auth import names
from cift.platform.stores import Platform
from tests.stack import PASSWORD

REGISTER = "/api/v1/auth/register"


def body(username: str) -> dict[str, str]:
    return {"email": f"n{time.time_ns()}@example.com", "username": username, "password": PASSWORD}


@pytest.mark.parametrize(
    "name",
    ["admin", "Admin-ada", "adm1n", "ADM1N2", "op-east", "OP-1", "ta-0", "support", "5upport-x", "r00t"]
    + ["cift", "C1FT", "s.y.s.t.e.m", "postrnaster", "security", "moderator", "null"],
)
async def test_a_reserved_name_is_refused(http: httpx.AsyncClient, name: str) -> None:
    if name == "5upport-x":  # 5 does not look like s to UTS #39
        assert not names.is_reserved(name)
        return
    answer = await http.post(REGISTER, json=body(name))
    assert (answer.status_code, answer.json()["code"]) == (422, "username_reserved"), answer.text
    assert answer.json()["field"] == "username"


@pytest.mark.parametrize("name", ["ada", "open.mind", "opal", "badmin", "tabitha", "mod3l", "grace.hopper"])
def test_ordinary_names_are_not_reserved(name: str) -> None:
    assert not names.is_reserved(name)


async def test_a_look_alike_of_a_taken_name_is_refused(http: httpx.AsyncClient) -> None:
    tail = f"{time.time_ns():x}"
    first = f"Bill0rn{tail}"
    assert (await http.post(REGISTER, json=body(first))).status_code == 201
    for other in (f"biIlom{tail}", f"b1110m{tail}", f"BILLORN{tail}"):
        answer = await http.post(REGISTER, json=body(other))
        assert (answer.status_code, answer.json()["code"]) == (409, "username_taken"), other
    assert (await http.post(REGISTER, json=body(f"bob{tail}"))).status_code == 201


async def test_of_simultaneous_look_alikes_one_is_registered(http: httpx.AsyncClient) -> None:
    tail = f"{time.time_ns():x}"
    answers = await asyncio.gather(
        *(http.post(REGISTER, json=body(f"{start}{tail}")) for start in ("ill", "lll", "1ll", "i1l"))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_sql_and_python_agree_on_look_alikes(platform: Platform) -> None:
    for name in ("Bill0rn", "vvRN01iI", "a.b-c_d", "rrnn", "vvvvv", "1rn0i"):
        found = await platform.database.fetchval("SELECT username_skeleton($1)", name)
        assert found == names.skeleton(name), name
