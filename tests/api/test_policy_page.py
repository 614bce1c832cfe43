"""The policy page as JSON and as HTML: the published rules in words, in three languages, and until when what holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rma.domain.policy import body
from rma.resources import folder

if TYPE_CHECKING:
    from tests.api.conftest import Api

STANDARD = body("standard.toml", (folder("workflows") / "policies" / "standard.toml").read_bytes())


def _page(api: Api, **query: Any) -> Any:
    answer = api.get("/policies/current/page", api.key("orders:read"), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("language", "title"), [("tr", "Para iadesi"), ("en", "The money back"), ("de", "Die Erstattung")]
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_page_is_there_in_three_languages(api: Api, language: str, title: str) -> None:
    """Sections and questions are the same in every language, and their words are of it."""
    page = _page(api, lang=language)
    assert page["language"] == language
    assert [one["id"] for one in page["sections"]] == ["time", "way", "money", "trouble", "limits"]
    assert page["sections"][2]["title"] == title
    assert all(entry["question"] and entry["answer"] for one in page["sections"] for entry in one["entries"])
    html = api.client.get(f"/shop/policy?lang={language}")
    assert html.status_code == 200
    assert f'<html lang="{language}">' in html.text
    assert f">{title}</h2>" in html.text
    assert "<script" not in html.text


def test_the_page_is_of_the_policy_in_force(api: Api) -> None:
    """What is published is what the page says: fees, terms and the shop's own words for a rule."""
    key = api.key("policies:write")
    words = {"tr": "Mayo iadesi yoktur.", "en": "No swimwear.", "de": "Keine Badekleidung."}
    rule = {"rule": "exclude", "params": {"tags": ["swim"]}, "applies_to": ["voluntary"], "text": words}
    fees = {"return": [{"method": "printed_label", "amount": "29.90"}], "restocking_percent": "10"}
    made = api.post("/policies", STANDARD | {"rules": [rule], "fees": fees, "windows": {"voluntary_days": 60}}, key)
    assert api.post(f"/policies/{made.json()['version']}/publish", {}, key).status_code == 200
    page = _page(api, lang="en")
    assert page["policy_version"] == 2
    entries = {entry["id"]: entry for one in page["sections"] for entry in one["entries"]}
    assert entries["by_store"]["answer"] == ["No swimwear. (voluntary return)"]
    assert "60 days" in entries["voluntary"]["answer"][0]
    assert "Printed label: the store pays; a fee of TRY\xa029.90 per return" in entries["way_voluntary"]["answer"]
    assert "10 per cent of the price are kept." in entries["way_voluntary"]["answer"]
    assert all("fee" not in answer for answer in entries["way_by_law"]["answer"])
    assert entries["withdrawal"]["article"] == "MSY m.9/1"
    assert entries["evidence"]["answer"][0].startswith("Damaged goods: 1 file is asked for (photo).")
    assert "29,90\xa0TRY" in api.client.get("/shop/policy?lang=de").text
    turkish = api.client.get("/shop/policy?lang=tr").text
    assert "iade başına ₺29,90 ücret" in turkish
    assert "2. sürüm. Uygulanan hukuk – Türkiye: Mesafeli Sözleşmeler Yönetmeliği" in turkish
    assert "TR@" not in turkish


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_calculator_counts_without_a_script(api: Api) -> None:
    """A plain form asks for the day; the answer names the last days, as JSON and on the page."""
    received = (datetime.now(UTC) - timedelta(days=20)).date()
    page = _page(api, lang="en", received=received.isoformat())
    until = {one["kind"]: one for one in page["until"]}
    assert until["withdrawal"]["basis"] == "statutory"
    assert until["withdrawal"]["last_day"] >= (received + timedelta(days=14)).isoformat()
    assert not until["withdrawal"]["open"]
    assert until["voluntary"]["last_day"] == (received + timedelta(days=30)).isoformat()
    assert until["voluntary"]["open"]
    html = api.client.get(f"/shop/policy?lang=en&received={received.isoformat()}").text
    assert '<form method="get" action="/shop/policy">' in html
    assert f'datetime="{until["withdrawal"]["last_day"]}"' in html
    assert f'datetime="{until["voluntary"]["last_day"]}"' in html


@pytest.mark.parametrize("query", ["received=2999-01-01", "received=abc", "received=2026-01-05&ordered=2026-01-06"])
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_day_that_cannot_be_is_named(api: Api, query: str) -> None:
    """A day after today, no day at all, or an order after its delivery is refused at its field."""
    answer = api.get(f"/policies/current/page?{query}", api.key("orders:read"))
    assert answer.status_code == 422
    field = answer.json()["errors"][0]["path"]
    html = api.client.get(f"/shop/policy?{query}")
    assert html.status_code == 422
    assert f'id="{field}-fault"' in html.text


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_law_is_of_the_country_that_is_asked(api: Api) -> None:
    """A German reader is told German law and the shop's; an unknown store has no page, an unknown country no law."""
    page = _page(api, lang="de", country="DE")
    assert [one[:3] for one in page["law"].split("+")] == ["EU@", "TR@"]
    assert page["country"] == "DE"
    entries = {entry["id"]: entry for one in page["sections"] for entry in one["entries"]}
    assert entries["laws"]["article"] == "Rome I art. 6(2)"
    assert entries["way_by_law"]["article"] == "MSY m.12/5"
    assert entries["shipping"]["article"].startswith("MSY m.12")
    assert "ganze Bestellung, werden auch" in entries["shipping"]["answer"][0]
    assert "laws" not in {entry["id"] for one in _page(api)["sections"] for entry in one["entries"]}
    assert _page(api, country="JP")["law"].startswith("TR@")
    unknown = api.get("/policies/current/page?country=QQ", api.key("orders:read"))
    assert [error["path"] for error in unknown.json()["errors"]] == ["country"]
    assert api.client.get("/nobody/policy").status_code == 404
