"""The customer's page of a return: every address in a mail and on a label leads to what it promises."""

from __future__ import annotations

import re

import httpx

from tests.support.desk import photo
from tests.support.shop import BUSINESS, ORDERED, OpenShop, Shop
from tests.support.snapshots import Json

_URL = re.compile(r"https?://[^\s\"<>]+")
_PART = re.compile(r'<li class="hint">[^<]*: (-?)₺(\d+),(\d\d)</li>')


def browse(shop: Shop, url: str, *, language: str = "tr", **form: str) -> httpx.Response:
    """Open an address of ours as a browser does, or send the form at it, and follow to where that leads."""
    http = shop.browser
    headers = {"Accept-Language": language}
    if form:
        return http.post(url, data=form, headers=headers, follow_redirects=True)
    return http.get(url, headers=headers)


def consenting(shop: Shop, number: str) -> None:
    """An order of somebody who wants mail with offers."""
    yes = {"given": True, "at": ORDERED, "source": "checkout"}
    customer = {"reference": "c-9", "email": "elif@example.com", "name": "Elif Çelik", "locale": "tr"}
    shop.order(number, customer=customer | {"consents": {"email_marketing": yes}})


def to_feedback(shop: Shop, filed: Json) -> None:
    """The return of one shirt runs to its end."""
    shop.send(filed)
    shop.receive(filed)
    shop.inspect(filed)
    for refund in shop.refunds(filed):
        if refund["state"] == "proposed":
            shop.approve(refund)
    shop.settle()
    shop.advance("P1D")


def test_every_address_in_every_mail_is_there(shop: Shop) -> None:
    """From the first mail to the one that asks for feedback, each link opens a page, and the label is a PDF."""
    consenting(shop, "1001")
    filed = shop.file("1001")
    parcel = shop.integrator.post(
        f"/returns/{filed['id']}/parcels", {"direction": "inbound", "method": "printed_label"}
    )
    shop.settle()
    page = browse(shop, filed["link"]["url"]).text
    assert filed["rma_number"] in page
    assert "Kanuni cayma hakkınız" in page
    label = browse(shop, f"{filed['link']['url']}/label/{parcel['id']}")
    assert (label.headers["content-type"], label.content[:5]) == ("application/pdf", b"%PDF-")
    shop.tell(parcel, "handed_over")
    to_feedback(shop, filed)
    mails = shop.outbox()
    assert {"return_requested", "refund_succeeded", "feedback_request"} <= {mail["kind"] for mail in mails}
    for url in {url for mail in mails for url in _URL.findall(mail["text"])}:
        opened = browse(shop, url)
        assert opened.status_code == 200, url
        assert opened.headers["content-type"].startswith("text/html")
        assert opened.headers["cache-control"] == "no-store"


def test_a_customer_says_what_they_think_and_wants_no_more_of_such_mail(shop: Shop) -> None:
    """Feedback once, a score that is none named in words; after the no, the next return asks for none."""
    consenting(shop, "1001")
    consenting(shop, "1002")
    filed = shop.file("1001")
    to_feedback(shop, filed)
    [asking] = shop.outbox("feedback_request")
    home, away = sorted(set(_URL.findall(asking["text"])), key=len)
    wrong = browse(shop, f"{home}/feedback", score="9", comment="İyiydi")
    assert wrong.status_code == 422
    assert "1 ile 5 arasında bir puan seçin." in wrong.text
    assert "İyiydi" in wrong.text
    assert "Aldık, teşekkürler." in browse(shop, f"{home}/feedback", score="5", comment="İyiydi").text
    assert browse(shop, f"{home}/feedback", score="5").status_code == 422
    assert shop.show(filed)["state"] == "closed"
    assert "Bu tür iletileri istemiyorum" in browse(shop, away).text
    for _ in range(2):
        assert "artık göndermeyeceğiz" in browse(shop, away, yes="1").text
    second = shop.file("1002")
    to_feedback(shop, second)
    assert shop.show(second)["state"] == "awaiting_feedback"
    assert len(shop.outbox("feedback_request")) == 1
    told = [event for event in shop.owner.items("/events") if event["type"] == "order.consent_withdrawn"]
    assert sorted(event["data"]["number"] for event in told) == ["1001", "1002"]


def test_a_customer_writes_sends_a_photo_and_changes_their_mind(shop: Shop) -> None:
    """A message, a file and a cancellation without script; what the state does not allow is said in words."""
    shop.order("1001")
    filed = shop.file("1001", kind="voluntary")
    home = filed["link"]["url"]
    assert "Nerede kaldı?" in browse(shop, f"{home}/message", text="Nerede kaldı?").text
    assert "Lütfen düzeltin" in browse(shop, f"{home}/message", text=" ").text
    sent = shop.browser.post(
        f"{home}/file",
        data={"kind": "photo"},
        files={"file": ("foto.jpg", photo(), "image/jpeg")},
        follow_redirects=True,
    )
    assert (sent.status_code, len(shop.support.items(f"/returns/{filed['id']}/evidence"))) == (200, 1)
    no_image = shop.browser.post(
        f"{home}/file", data={"kind": "photo"}, files={"file": ("a.jpg", b"MZ...", "image/jpeg")}
    )
    assert no_image.status_code == 422
    assert shop.show(filed)["state"] == "awaiting_parcel"
    assert "İptal" in browse(shop, f"{home}/cancel", reason="Vazgeçtim").text
    again = browse(shop, f"{home}/cancel", reason="Vazgeçtim")
    assert again.status_code == 422
    assert shop.show(filed)["state"] == "cancelled"


def test_the_lines_of_a_refund_add_up_as_the_reader_writes_them(open_shop: OpenShop) -> None:
    """An offered percentage stands as each language writes it; a fee and a loss of value have a minus on the page."""
    fee = {"method": "drop_off_code", "amount": "15.00"}
    shop = open_shop(policy={"fees": {"applies_to": ["voluntary"], "return": [fee]}})
    shop.order("1001", customer=BUSINESS)
    filed = shop.file("1001", kind="voluntary")
    line, home = filed["lines"][0]["id"], filed["link"]["url"]
    shop.support.post(f"/returns/{filed['id']}/lines/{line}/offer", {"price_reduction": {"percent": "12.5"}})
    for language, written in (("tr", "önerimiz: %12,5<"), ("en", "get back: 12.5%<"), ("de", "erhalten: 12,5\xa0%<")):
        assert written in browse(shop, home, language=language).text
    browse(shop, f"{home}/reject", line=line)
    shop.send(filed)
    shop.receive(filed)
    shop.inspect(filed, verdict="part", deduction={"percent": "10", "reason": "Kullanım izi"})
    page = browse(shop, home).text
    parts = [float(f"{sign}{lira}.{kurus}") for sign, lira, kurus in _PART.findall(page)]
    assert sorted(parts) == [-15.0, -10.0, 100.0]
    assert f"<dd>₺{sum(parts):.0f},00" in page


def test_an_address_without_the_secret_tells_nothing(shop: Shop) -> None:
    """The number on a label, a wrong secret, another shop's name: no word about the return, and nothing is written."""
    shop.order("1001")
    filed = shop.file("1001")
    root = filed["link"]["url"].rpartition("/")[0]
    label = browse(shop, f"{root}/{filed['rma_number']}")
    assert label.status_code == 200
    assert "bağlantıyı açın" in label.text
    assert "Kapandı" not in label.text
    assert "1001" not in label.text
    for url in (f"{root}/{'A' * 27}", filed["link"]["url"].replace(f"/{shop.slug}/", "/another-shop/")):
        assert browse(shop, url).status_code == 404
        assert browse(shop, f"{url}/cancel", reason="x").status_code == 404
    assert browse(shop, f"{filed['link']['url']}/approve", reason="x").status_code == 404
    assert shop.show(filed)["version"] == filed["version"]
