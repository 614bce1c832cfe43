"""The law over HTTP: texts with their articles, and the calculator of deadlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from rma.db import tables
from tests.support.law_rows import asked, rows, wanted
from tests.support.snapshots import snapshot

if TYPE_CHECKING:
    import httpx

    from tests.api.conftest import Api

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def _ask(api: Api, jurisdiction: str, deadline: str, **facts: Any) -> httpx.Response:
    country = facts.pop("country", None)
    body = {"jurisdiction": jurisdiction, "deadline": deadline, "facts": facts} | (
        {"country": country} if country else {}
    )
    return api.post("/law/deadlines", body, api.key("returns:read"))


def _faults(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {fault["path"]: fault["code"] for fault in answer.json()["errors"]}


def test_a_deadline_in_three_readings(api: Api) -> None:
    """A withdrawal in Türkiye that ends on Friday, 1 May: counted, rolled by law, and in the mildest reading."""
    found = _ask(api, "TR", "withdrawal_end", delivered="2026-04-17").json()
    assert {name: found[name] for name in ("raw", "strict", "lenient", "binding")} == {
        "raw": "2026-05-01",
        "strict": "2026-05-02",
        "lenient": "2026-05-04",
        "binding": "2026-05-04",
    }
    assert found["last_instant_utc"] == "2026-05-04T20:59:59Z"
    assert found["articles"] == ["MSY m.9/1"]
    assert (found["law"], found["side"], found["confidence"]) == ("TR@2026-01-01", "consumer", "H")


@pytest.mark.parametrize("case_id", ["A23", "B04", "C04", "D16", "H05", "H07", "G31"])
def test_rows_of_the_worked_cases(api: Api, case_id: str) -> None:
    """The same answers over HTTP as in the domain."""
    if case_id == "G31":
        repair = ["2026-02-10", "2026-02-25"]
        assert _ask(api, "UK", "reject_end", delivered="2026-01-31", repair=repair).json()["binding"] == "2026-03-18"
        return
    question = asked(rows()[case_id])
    found = _ask(api, question.jurisdiction, question.deadline, country=question.country, **question.facts).json()
    name = next(iter(rows()[case_id].expected))
    expected = {"B04": "2026-04-03", "C04": "2026-01-12"}.get(case_id) or str(wanted(rows()[case_id], name))
    assert expected in (found["raw"], found["binding"], found["withhold_until"])


@pytest.mark.parametrize(
    ("deadline", "facts", "faults"),
    [
        ("send_back", {"notice": "2026-05-13", "delivered": "2026-05-01"}, {"facts.delivered": "unknown"}),
        ("send_back", {}, {"facts.notice": "missing"}),
        ("withdrawal_end", {}, {"facts.delivered": "missing"}),
        ("withdrawal_end", {"kind": "service"}, {"facts.contract": "missing"}),
        ("withdrawal_end", {"delivered": "2026-02-30"}, {"facts.delivered": "value"}),
        ("withdrawal_end", {"delivered": 20260210}, {"facts.delivered": "type"}),
        ("withdrawal_end", {"parcels": "2026-02-01"}, {"facts.parcels": "type"}),
        ("withdrawal_end", {"delivered": "2026-06-10T10:00:00"}, {"facts.delivered": "value"}),
        ("withdrawal_end", {"delivered": "9999-12-31"}, {"facts.delivered": "value"}),
        ("refund_due", {"notice": "2026-06-10", "carrier": "pigeon"}, {"facts.carrier": "value"}),
        ("delivery_due", {"ordered": "2026-06-10", "promised_days": -1}, {"facts.promised_days": "type"}),
        ("delivery_due", {"ordered": "2026-06-10", "promised_days": True}, {"facts.promised_days": "type"}),
        (
            "warranty_end",
            {"delivered": "2026-06-10", "repairs": [["2026-07-02", "2026-07-01"]]},
            {"facts.repairs": "value"},
        ),
        ("warranty_end", {"delivered": "2026-06-10", "repairs": [["2026-07-02"]]}, {"facts.repairs": "type"}),
        (
            "keep_until",
            {"record": "gossip", "day": 1},
            {"facts.record": "value", "facts.day": "unknown", "facts.closed": "missing"},
        ),
        ("moon_rise", {}, {"deadline": "value"}),
    ],
)
def test_what_does_not_belong_is_named(api: Api, deadline: str, facts: dict[str, Any], faults: dict[str, str]) -> None:
    """Every fact that does not belong, is missing or cannot be right is named by its path."""
    assert _faults(_ask(api, "TR", deadline, **facts)) == faults


@pytest.mark.parametrize(("jurisdiction", "country"), [("TR", "DE"), ("EU", "GB"), ("EU", "DE-XX"), ("EU", "Germany")])
def test_a_country_belongs_to_its_jurisdiction(api: Api, jurisdiction: str, country: str) -> None:
    """A country of another jurisdiction, and a part that has no table, are refused."""
    found = _ask(api, jurisdiction, "withdrawal_end", country=country, delivered="2026-06-10")
    assert _faults(found) == {"country": "unknown"}


def test_an_instant_is_read_in_the_consumers_zone(api: Api) -> None:
    """Half past ten in the evening in UTC is the next day in Istanbul."""
    found = _ask(api, "TR", "withdrawal_end", delivered="2026-06-09T22:30:00Z").json()
    assert (found["starts"], found["raw"]) == ("2026-06-10", "2026-06-24")


def test_what_has_not_started_has_no_day(api: Api) -> None:
    """A parcel on its way, a right that the place does not know, and a clock that has not started give no day."""
    waiting = [
        _ask(api, "TR", "withdrawal_end", parcels=["2026-06-01", None]),
        _ask(api, "TR", "withdrawal_end", contract="2026-06-01"),
        _ask(api, "US", "withdrawal_end", delivered="2026-06-01"),
        _ask(api, "EU", "reject_end", delivered="2026-06-01"),
        _ask(api, "TR", "refund_due", notice="2026-06-10", carrier="named"),
        _ask(api, "EU", "refund_due", notice="2026-06-10", delivered="2026-06-01"),
    ]
    assert [found.status_code for found in waiting] == [200] * 6
    assert [found.json()["binding"] for found in waiting] == [None] * 6
    assert [found.json()["starts_when"] for found in waiting[-2:]] == ["handed_over", "goods_back_or_proof"]


def test_a_store_knows_a_holiday_better(api: Api) -> None:
    """A store's correction moves its own deadlines and nobody else's; a wrong one is refused by its place."""
    admin = api.key("admin")
    day = {"kind": "holiday", "name": "Seçim günü", "day": "2026-06-24", "country": "TR"}
    changed = api.client.patch("/api/v1/stores/shop", json={"holidays": [day]}, headers=admin)
    assert changed.status_code == 200, changed.text
    assert changed.json()["holidays"] == [day]
    api.services.catalog.forget_store(api.store_id)
    found = _ask(api, "TR", "withdrawal_end", delivered="2026-06-10").json()
    assert (found["raw"], found["strict"]) == ("2026-06-24", "2026-06-25")
    elsewhere = api.post(
        "/law/deadlines",
        {"jurisdiction": "TR", "deadline": "withdrawal_end", "facts": {"delivered": "2026-06-10"}},
        api.key("returns:read", store_id=api.other_id),
    )
    assert elsewhere.json()["strict"] == "2026-06-24"
    wrong = [{"kind": "holiday"}, {**day, "region": "99"}, {**day, "colour": "red"}]
    answers = [api.client.patch("/api/v1/stores/shop", json={"holidays": [one]}, headers=admin) for one in wrong]
    assert [next(iter(_faults(found))) for found in answers] == [
        "holidays[0]",
        "holidays[0].country",
        "holidays[0].colour",
    ]


def test_the_texts_are_shown_with_their_articles(api: Api) -> None:
    """Every text is listed with its dates; asked for a country on a day there is one, as it holds there."""
    key = api.key("returns:read")
    every = api.get("/law/profiles", key).json()["items"]
    assert [one["version"] for one in every] == [
        *("EU@2014-06-13", "EU@2022-01-01", "EU@2026-06-19", "TR@2014-11-27", "TR@2026-01-01"),
        *("UK@2014-06-13", "US@1975-10-22"),
    ]
    assert "DE" in every[0]["countries"]
    (german,) = api.get("/law/profiles?country=DE&on=2026-09-01", key).json()["items"]
    assert (german["country"], german["counting"]["timezone"]) == ("DE", "Europe/Berlin")
    assert german["function"]["labels"][0]["withdraw"] == "Vertrag widerrufen"
    assert german["withdrawal"]["article"] == "CRD 9(1)"
    (turkish,) = api.get("/law/profiles?jurisdiction=TR&on=2025-06-01", key).json()["items"]
    assert turkish["send_back"]["days"] == 10
    assert api.get("/law/profiles?country=AU", key).status_code == 422
    first = api.get("/law/profiles?limit=3", key).json()
    second = api.get(f"/law/profiles?limit=10&cursor={first['next_cursor']}", key).json()
    assert first["items"] + second["items"] == every
    assert second["next_cursor"] is None
    assert api.get("/law/profiles").status_code == 401


def test_an_order_keeps_the_laws_that_it_has(api: Api) -> None:
    """One kept with one law has one, also when it is sent again; another country of the consumer asks anew."""
    key = api.key("orders:read", "orders:write", "returns:write")
    first = api.client.put("/api/v1/orders/1001", json=snapshot(ship_to={"country": "GB"}), headers=key)
    assert first.json()["law"] == "UK@2014-06-13+TR@2026-01-01/TR"
    orders = tables.table(tables.Order)
    with api.services.database.write() as work:
        work.conn.execute(sa.update(orders).values(law="UK@2014-06-13"))
    wish = {"order_number": "1001", "lines": [{"order_line_id": "1", "quantity": 1}]}
    assert api.post("/returns/quote", wish, key).json()["law"] == "UK@2014-06-13"
    for country, law in (("GB", "UK@2014-06-13"), ("IE", "EU@2022-01-01+TR@2026-01-01/TR")):
        body = snapshot(ship_to={"country": country, "city": "X"})
        assert api.client.put("/api/v1/orders/1001", json=body, headers=key).json()["law"] == law
