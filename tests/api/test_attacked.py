"""The whole API attacked along its OpenAPI document, with data that fits, data that does not, and chains of requests.

``make test ARGS="tests/api/test_attacked.py --attack 500"`` sends so many random requests to each operation and tries
every border of every field besides, anew each time; in a run of the suite it is a small dose that is always the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from rma.api.examples import BODIES
from rma.app import ROUTES, create_app
from rma.services import keys
from rma.services.caller import SCOPES
from rma.services.keys import NewKey
from rma.services.limits import RATES, Limiter, Rate
from rma.settings import Settings
from tests.support.attack import Attack, attack
from tests.support.desk import Desk

EDGES: Mapping[type | None, Sequence[Any]] = {
    datetime: ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00"),
    date: ("9999-12-31", "0001-01-01"),
    int: (2**31, 2**63, -(2**63) - 1, 10**30, 1e308),
    str: ("9" * 5_000, "P9999999D", "-1e9999"),
}
"""The ends of what a value of this kind can be, and what stands beyond."""
_WHEN = re.compile(r"_(from|to|before)$|^(on|received|ordered)$")

if TYPE_CHECKING:
    from tests.api.conftest import Api

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
SEED, DOSE = 20_261_122, 2


def _attacked(api: Api, settings: Settings, examples: int) -> Attack:
    """A shop with orders and a return, attacked with a key that may do everything but move time, which waits."""
    desk = Desk(api.services, test_mode=False)
    for number in ("1001", "1002"):
        desk.order(number)
    desk.parcel(desk.file("1001"))
    everything = NewKey(name="attacker", scopes=list(SCOPES), person="a@b.example")
    with api.services.database.write() as work:
        key = keys.mint(work, everything, store_id=desk.store_id, actor="system").key
    app = create_app(settings, services=api.services)
    long = examples > DOSE
    return attack(app, {"Authorization": f"Bearer {key}"}, examples=examples, borders=long, seed=None if long else SEED)


def _kind(value: object) -> type | None:
    """What a value of an example is; None for words."""
    if not isinstance(value, str):
        return type(value)
    if re.match(r"\d{4}-\d\d-\d\d", value):
        return datetime if "T" in value else date
    return str if re.fullmatch(r"\d+(\.\d+)?|P\w+", value) else None


def _bent(value: Any) -> Iterator[Any]:
    """A body again and again, each time with one value of it at an end."""
    if isinstance(value, dict | list):
        for at in value if isinstance(value, dict) else range(len(value)):
            for part in _bent(value[at]):
                copy = value.copy()
                copy[at] = part
                yield copy
    elif value is not True and value is not False:
        yield from EDGES.get(_kind(value), ())


def _asked(api: Api, key: dict[str, str], places: dict[str, str]) -> Iterator[tuple[Any, ...]]:
    """What went wrong with a query: a 500, or a day or an instant out of reach that was not refused by its name."""
    for one in (one for group in ROUTES for one in group.endpoints):
        for name in one.query.__struct_fields__ if one.query else ():
            timed = _WHEN.search(name)
            for value in (*EDGES[datetime], *EDGES[date], *EDGES[str]) if timed else (EDGES[str][0], 2**63):
                answer = api.get(one.path.format_map(places), key, params={name: value})
                refused = answer.status_code == 422 and [fault["path"] for fault in answer.json()["errors"]] == [name]
                if not refused and (timed or answer.status_code >= 500):
                    yield one.path, name, str(value)[:40], answer.text[:200]


def _sent(api: Api, key: dict[str, str], places: dict[str, str]) -> Iterator[tuple[Any, ...]]:
    """What went wrong with a body: a 500."""
    number = count()
    for place, example in (*BODIES.items(), ("POST /test-clock", {"now": "2026-11-01T10:00:00Z"})):
        method, _, path = place.partition(" ")
        at = path.format_map(places | {"id": places.get(path.split("/")[1], "x")})
        for body in _bent(example):
            headers = key | {"Idempotency-Key": f"b-{next(number)}"}
            answer = api.client.request(method, f"/api/v1{at}", json=body, headers=headers)
            if answer.status_code >= 500:
                yield place, str(body)[:300], answer.text[:200]


def test_the_ends_of_time_and_of_numbers_break_nothing(api: Api) -> None:
    """A day, an instant or a number at the end of what can be written is refused by its name, or taken; never a 500."""
    desk = Desk(api.services)
    desk.order("1001")
    filed = desk.file("1001")
    parcel = desk.parcel(filed)
    places = {"returns": filed["id"], "id": filed["id"], "parcels": parcel, "pid": parcel, "number": "1001"}
    places |= {"line_id": filed["lines"][0]["id"], "trigger": "cancel", "slug": "cinar", "sku": "S", "version": "1"}
    key = api.key(*SCOPES, person="a@b.example", store_id=desk.store_id)
    assert [*_asked(api, key, places), *_sent(api, key, places)] == []


def test_no_request_breaks_the_document(api: Api, settings: Settings, pytestconfig: pytest.Config) -> None:
    """No answer is a 500 or anything that the document does not say, and nothing that it forbids is taken."""
    quick = settings.model_copy(update={"even_seconds": 0.0})
    api.services.settings = quick
    api.services.limits = Limiter(dict.fromkeys(RATES, Rate(1_000_000, 1)))
    found = _attacked(api, quick, pytestconfig.getoption("attack"))
    assert found.faults == {}
    assert found.asked > 200
    assert len(found.opened) > 15, sorted(found.opened)
