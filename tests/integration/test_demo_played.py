"""The Turkish story played for real: the program in a process of its own, and every scene ends as it is told."""

from __future__ import annotations

import io
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pypdfium2
import pytest
from rich.console import Console

from rma.demo import connect, local, report, run, turkish
from rma.demo.client import Api
from rma.demo.tally import Tally
from rma.demo.turkish_returns import RETURNS

TODAY = date(2026, 11, 21)
Json = dict[str, Any]
PAID = {
    "withdrawal-inside-the-window": ["card 436.51"],
    "voluntary-after-the-window": ["card 879.00"],
    "damaged-with-photo": ["card 329.90"],
    "uneven-exchange-customer-gets-back": ["card 1209.00"],
    "store-credit": ["store_credit 689.00"],
    "final-sale-but-the-law-holds": ["card 1079.80"],
    "large-refund-two-people": ["card 18999.00"],
    "defective-headphones": ["card 2499.00"],
    "part-now-the-rest-later": ["card 1758.00", "card 879.00"],
    "worn-shoes-less-money": ["card 2974.15"],
    "two-tenders": ["card 1232.35", "gift_card 416.65"],
    "bank-refuses-once": ["card 749.00"],
    "bank-takes-its-time": ["card 689.00"],
    "book-without-tax": ["card 420.00"],
    "bank-gives-no-answer": ["card 1649.00"],
}
"""What goes back, by tender; every other scene pays nothing back."""
REPLACED = {
    "even-exchange-of-a-size": ("TS-KRM-L", "0.00"),
    "uneven-exchange-customer-pays": ("ELB-YSL-38", "649.10"),
    "uneven-exchange-customer-gets-back": ("CNT-SRT", "0.00"),
    "wrong-item": ("AYK-SYH-43", "0.00"),
}
REFUSED = {"far-too-late": "window", "final-sale-by-choice": "exclude"}


class Played(NamedTuple):
    """What is left of the story: the counts, every return by its scene's title, mails, labels, pages and the log.

    ``pages`` is what each address that the screen names answers to a browser.
    """

    tally: Tally
    returns: dict[str, Json]
    mails: list[Json]
    labels: list[Path]
    pages: dict[str, httpx.Response]
    log: str


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The story, played once."""
    folder = local.fresh_folder(tmp_path_factory.mktemp("played") / "demo")
    settings, plan = local.settings_of(folder, port=local.free_port()), turkish.plan(today=TODAY)
    keys = local.open_stores(settings, [plan.spec])
    with local.server(settings) as url, closing(connect(url)) as http:
        screen = Console(file=io.StringIO())
        (tally,) = run([plan], http=http, keys=keys, folder=folder / "labels", console=screen)
        api = Api(http, keys=keys[plan.spec.slug], run="look")
        titles = {filing.order_number: filing.source for filing in plan.filings}
        returns = {titles[row["order_number"]]: api.view(row["id"]) for row in api.all_returns()}
        mails = list(api.mails())
        pages = {name: http.get(address) for name, address in report.addresses(url, [tally])}
    labels = sorted((folder / "labels").rglob("*.pdf"))
    return Played(tally, returns, mails, labels, pages, (folder / "server.log").read_text(encoding="utf-8"))


def test_every_address_on_the_screen_opens(played: Played) -> None:
    """The API's page and document, and the store's policy and withdrawal, each answer without a key."""
    assert {name: answer.status_code for name, answer in played.pages.items()} == dict.fromkeys(
        ("API page", "OpenAPI", "policy", "withdrawal"), 200
    )
    assert "Çarşı" in played.pages["policy"].text


def test_the_server_had_nothing_to_complain_about(played: Played) -> None:
    """No request failed, and the server's log holds no error and no warning."""
    assert played.tally.troubles == []
    assert played.tally.bad_orders == []
    assert [line for line in played.log.splitlines() if not line.startswith("rma: serving at")] == []


def test_late_and_excluded_returns_are_refused_with_their_rule(played: Played) -> None:
    """What comes too late or is excluded is no return, and the customer reads why; everything else is one."""
    assert set(played.returns) == {scene.title for scene in RETURNS} - set(REFUSED)
    assert {code.partition("/")[0] for code in played.tally.refused} == set(REFUSED.values())
    assert all("İ" in text for text in played.tally.examples.values())


@pytest.mark.parametrize("title", [scene.title for scene in RETURNS if scene.title not in REFUSED])
def test_each_scene_pays_and_replaces_what_it_says(played: Played, title: str) -> None:
    """The refunds of each scene are as told, to the kuruş and tender, its replacement came, and nothing is open."""
    view = played.returns[title]
    transfers = [transfer for refund in view["refunds"] for transfer in refund["transfers"]]
    assert [f"{found['tender']} {found['amount']['amount']}" for found in transfers] == PAID.get(title, [])
    assert {found["state"] for found in transfers} <= {"succeeded"}
    shown = [(found["sku"], found["due_from_customer"]["amount"]) for found in view["replacements"]]
    assert shown == ([REPLACED[title]] if title in REPLACED else [])
    assert {found["state"] for found in view["replacements"]} <= {"delivered"}
    assert view["state"] in {"closed", "awaiting_feedback"}
    assert {view["balance"]["due_to_customer"]["amount"], view["balance"]["due_from_customer"]["amount"]} == {"0.00"}


def test_a_large_refund_was_approved_by_two_people(played: Played) -> None:
    """The robot's money needed two different people; the lamp's was refused once by the bank and sent again."""
    (robot,) = played.returns["large-refund-two-people"]["refunds"]
    assert [given["person"] for given in robot["approvals"]] == ["finance@carsi.example", "owner@carsi.example"]
    assert played.tally.paid_by_two == 1
    (lamp,) = played.returns["bank-refuses-once"]["refunds"]
    assert [transfer["attempt"] for transfer in lamp["transfers"]] == [2]
    assert played.tally.retried == 1


def test_goods_that_were_rejected_went_back(played: Played) -> None:
    """The used pan was rejected, nothing was paid, and a parcel brought it back to the customer."""
    view = played.returns["used-goods-sent-back"]
    assert [(line["accepted"], line["rejected"]) for line in view["lines"]] == [(0, 1)]
    assert [(p["direction"], p["state"]) for p in view["parcels"]] == [
        ("inbound", "counted"),
        ("outbound", "delivered"),
    ]


def test_units_that_came_later_had_a_parcel_and_a_refund_of_their_own(played: Played) -> None:
    """Two towels came and were paid, the third came in a second parcel and was paid too."""
    view = played.returns["part-now-the-rest-later"]
    assert [parcel["state"] for parcel in view["parcels"]] == ["counted", "counted"]
    assert [line["settled"] for line in view["lines"]] == [3]


def test_labels_can_be_read_and_mails_are_in_turkish(played: Played) -> None:
    """Each label is a PDF that names its return; the mails that left are in Turkish and name the carrier as it does."""
    assert len(played.labels) == played.tally.labels == len(played.returns) + 1
    for path in played.labels:
        with closing(pypdfium2.PdfDocument(path)) as document:
            text = document[0].get_textpage().get_text_range()
        assert path.stem[:12] in text
        assert "Çarşı" in text
    sent = [mail for mail in played.mails if mail["state"] == "sent"]
    assert {mail["locale"] for mail in sent} == {"tr"}
    codes = [mail["text"] for mail in sent if mail["subject"].startswith("Kargo kodunuz hazır")]
    assert codes
    assert all("Offline Carrier" in text for text in codes)
