"""Two stores side by side: whatever one owns is, for the other's keys and links, not there."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from rma.api import access
from rma.api.reading import Cursors
from rma.api.routing import Endpoint
from rma.app import ROUTES
from tests.support.desk import Desk
from tests.support.foreign import EVERYWHERE, Asking, Names, askings, plain, unasked
from tests.support.neighbours import Neighbour, nobodys

if TYPE_CHECKING:
    from tests.api.conftest import Api

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
_OWN = ("PUT /products/{sku}", "PUT /orders/{number}")
"""They make a thing of the caller's own under a number that another store uses too."""
_NOBODYS = ("GET /law/profiles", "GET /test-clock", "GET /health/live", "GET /health/ready")
"""They tell of no thing of a store's."""
_CHANGING = re.compile(
    r"[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}|\d{4}-\d\d-\d\dT[\d:.]+(Z|\+[\d:]+)|[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}|OF\d+TR|[\w-]{27,}"
)
"""Ids, instants, RMA numbers, tracking numbers and tokens: what two things of the same story differ in."""


def _routes() -> Iterator[tuple[str, Endpoint]]:
    """Every route but the numbers of the whole process; what makes things under another's numbers comes late."""
    served = {f"{one.method} {one.path}": one for group in ROUTES for one in group.endpoints}
    assert {f"{method} {path}" for method, path in access.RULES} - served.keys() == {"GET /metrics"}
    first = ("GET", "DELETE", "POST /receipts", "POST", "PATCH", "PUT")
    yield from sorted(served.items(), key=lambda item: [item[0].startswith(one) for one in first].index(True))


def _text(answer: Any) -> str:
    """What can be read of an answer, also of a packed one."""
    if answer.headers.get("content-type") != "application/zip":
        return f"{answer.text} {answer.headers.get('content-disposition')}"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        return " ".join(f"{name} {packed.read(name)!r}" for name in packed.namelist())


def _blank(text: str, *words: str) -> str:
    """The text without these words and without whatever is another for each thing."""
    for word in sorted(words, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)" if word.isdigit() else re.escape(word), "…", text)
    return _CHANGING.sub("…", text)


def _seen(answer: Any, marks: frozenset[str], *sent: str) -> list[str]:
    """The marks that an answer shows beside what was sent."""
    text = _text(answer)
    for word in sorted(sent, key=len, reverse=True):
        text = text.replace(word, "")
    return sorted(mark for mark in marks if mark in text)[:3]


def _found_out(answer: Any, asking: Asking) -> bool:
    """Whether an answer says of the strange place that nothing is there, or takes it as it takes any text."""
    if answer.is_success or answer.status_code == 404:
        return True
    faults = [fault["path"] for fault in answer.json().get("errors", ()) if fault["path"]]
    return any(asking.place.startswith(path) or asking.place == EVERYWHERE for path in faults)


class _Side(NamedTuple):
    """Who asks: with these headers, about things of its own and about strange ones."""

    headers: Mapping[str, str]
    own: Names
    strange: Names
    word: str


def _differences(
    api: Api, name: str, endpoint: Endpoint, one: _Side, twin: _Side, marks: frozenset[str]
) -> Iterator[Any]:
    """Where a thing of somebody else's is not answered as the twin's, which never was."""
    pairs = zip(*(askings(endpoint, side.own, side.strange, fresh=side.word) for side in (one, twin)), strict=True)
    for n, (asked, other) in enumerate(pairs):
        said = asked.send(api.client, endpoint, _keyed(one.headers, f"{name} {n}"))
        expected = other.send(api.client, endpoint, _keyed(twin.headers, f"{name} {n}"))
        told = (said.status_code, _blank(_text(said), *asked.strange, one.word))
        if told != (expected.status_code, _blank(_text(expected), *other.strange, twin.word)):
            yield name, asked.place, "differs", said.text, expected.text
        if seen := _seen(said, marks, *asked.strange):
            yield name, asked.place, "shows", seen
        if not _found_out(expected, asked) or ("{" in asked.place and name not in _OWN and said.status_code != 404):
            yield name, asked.place, "was refused before it was looked for", expected.text


def test_nothing_of_another_store_is_there(api: Api) -> None:
    """Wherever a route takes a name, one of another store is answered as one that nobody has: same status, same words.

    Two stores of one story ask alike, one for what is another's and one for what never was. Every text of a query or a
    body is asked, or is known to name nothing.
    """
    assert [(name, field) for name, endpoint in _routes() for field in unasked(endpoint)] == []
    victim = Neighbour(api, "nergis").furnish(policies=2)
    asks, twin = Neighbour(api, "papatya").furnish(), Neighbour(api, "menekse").furnish()
    sides = (
        _Side(asks.key, asks.names, victim.names, asks.word),
        _Side(twin.key, twin.names, nobodys(victim.names, victim.word), twin.word),
    )
    before = victim.rows()
    wrong = [one for name, endpoint in _routes() for one in _differences(api, name, endpoint, *sides, victim.marks)]
    assert wrong == []
    assert victim.rows() == before


def test_no_list_shows_what_another_store_has(api: Api) -> None:
    """Plainly asked, or from a place in another's list, no answer holds a mark of the other store; its owner finds it.

    A refusal that tells what there is instead tells of the store's own goods alone.
    """
    victim, asks = Neighbour(api, "nergis").furnish(), Neighbour(api, "papatya").furnish()
    wrong: list[Any] = []
    swapped = {"order_line_id": "1", "quantity": 1, "outcome": "exchange", "replacement": {"sku": "papatya-none"}}
    asked = {"order_number": asks.names["order"], "kind": "withdrawal", "lines": [swapped]}
    refused = api.post("/returns/quote", asked, asks.key)
    assert "variant:papatya-one" in refused.json()["allowed"]
    assert _seen(refused, victim.marks) == []
    for name, endpoint in _routes():
        said = plain(endpoint, asks.names, fresh="plain").send(api.client, endpoint, _keyed(asks.key, name))
        if (seen := _seen(said, victim.marks)) or said.status_code == 500:
            wrong.append((name, "plain", said.status_code, seen))
        if endpoint.method == "GET":
            wrong += _listed(api, name, endpoint, victim, asks)
    assert _seen(api.client.get("/metrics"), victim.marks) == []
    assert wrong == []


def _listed(api: Api, name: str, endpoint: Endpoint, victim: Neighbour, asks: Neighbour) -> Iterator[Any]:
    """What is wrong with a list: its owner does not find a thing by a filter, or a cursor shows it to another.

    A cursor of another store, list or filter is refused by name; one of its own at a strange place shows nothing.
    """
    mine = plain(endpoint, victim.names, fresh="mine").send(api.client, endpoint, victim.key)
    if name not in _NOBODYS and not _seen(mine, victim.marks) and mine.headers["content-type"] == "application/json":
        yield name, "its owner sees nothing", mine.text
    for one in (one for one in askings(endpoint, victim.names, victim.names, fresh="mine") if one.query):
        found = one.send(api.client, endpoint, victim.key)
        if b'"items"' in found.content and not _seen(found, victim.marks, *one.strange):
            yield name, one.place, "its owner does not find it", found.text
    if b'"next_cursor"' not in mine.content:
        return
    url = f"{endpoint.prefix}{plain(endpoint, asks.names, fresh='').url}"
    its = f"{endpoint.prefix}{plain(endpoint, victim.names, fresh='').url}"
    after = api.client.get(its, params={"limit": 1}, headers=victim.key).json()["next_cursor"]
    own = Cursors(api.services.settings.secret, asks.store_id, url, b"").write("" if after is None else "0")
    asked = ("limit=1", "limit=1&variant_of=of-all")
    goods = [api.client.get("/api/v1/products", params=one, headers=asks.key).json()["next_cursor"] for one in asked]
    for cursor in (own, after or "MA", *goods[name == "GET /products" :]):
        said = api.client.get(url, params={"limit": 200, "cursor": cursor}, headers=asks.key)
        refused = said.status_code == 422 and [fault["path"] for fault in said.json()["errors"]] == ["cursor"]
        if (seen := _seen(said, victim.marks)) or refused is (cursor == own):
            yield name, "cursor", cursor, said.status_code, seen


def _keyed(headers: Mapping[str, str], key: str) -> dict[str, str]:
    return {**headers, "Idempotency-Key": key}


def test_a_link_opens_its_own_return_alone(api: Api) -> None:
    """A customer's link to one return finds no other, of another store or of its own: as if it had never been."""
    other, store = Neighbour(api, "nergis"), Neighbour(api, "papatya")
    asks, twin, beside = store.names, *(store.case(number, quantity=2) for number in ("2", "3"))
    beside |= {"sku": "nergis-sku"}
    marks = other.marks | set(beside.values()) - {store.word}
    link, others = ({"Authorization": f"Link {names['link']}"} for names in (asks, twin))
    wrong: list[Any] = []
    for name, endpoint in _routes():
        if not access.RULES[endpoint.method, endpoint.path].link:
            continue
        if endpoint.method == "GET":
            said = plain(endpoint, asks, fresh="").send(api.client, endpoint, link)
            wrong += [(name, "plain", mark) for mark in _seen(said, marks)]
        for strange, word in ((other.names, "nergis"), (beside, "papatya")):
            sides = _Side(link, asks, strange, word), _Side(others, twin, nobodys(strange, word), word)
            wrong += _differences(api, f"{name} {word}", endpoint, *sides, marks)
    assert wrong == []


def test_an_idempotency_key_counts_for_its_owner_alone(api: Api) -> None:
    """The same key with the same body on the same address replays nothing to another key, person, link or store."""
    mine, other = Desk(api.services), Desk(api.services, slug="second")
    for shop in (mine, other):
        shop.order()
    filed = mine.file()
    other.file()
    body = {"order_number": "1001", "kind": "withdrawal", "lines": [{"order_line_id": "1", "quantity": 1}],
            "method": "drop_off_code"}  # fmt: skip
    callers = [
        api.key("returns:write", store_id=store, person=person)
        for store in (mine.store_id, other.store_id)
        for person in ("a@b.example", "c@d.example")
    ]
    answers = [api.post("/returns", body, who | {"Idempotency-Key": "same"}) for who in callers]
    assert all("idempotency-replayed" not in answer.headers for answer in answers)
    made = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert len(set(made)) == len(made) >= 2, [answer.text for answer in answers]
    again = api.post("/returns", body, callers[0] | {"Idempotency-Key": "same"})
    assert (again.headers["idempotency-replayed"], again.content) == ("true", answers[0].content)
    text = {"text": "Hello"}
    at = f"/returns/{filed['id']}/messages"
    links = [{"Authorization": f"Link {filed['link']['token']}"}, api.key("returns:write", store_id=mine.store_id)]
    told = [api.post(at, text, who | {"Idempotency-Key": "same"}) for who in links]
    assert [one.status_code for one in told] == [201, 201]
    assert told[0].json()["id"] != told[1].json()["id"]
