"""The customer's page of a return: every address in a mail and on a label leads to what it promises."""

from __future__ import annotations

import re

import httpx

from tests.support.desk import photo
from tests.support.shop import BUSINESS, ORDERED, OpenShop, Shop, asked, codes, want
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
    shop.tell(parcel, "expired")
    assert "Yeni kod veya etiket istiyorum" in browse(shop, filed["link"]["url"]).text
    again = browse(shop, f"{filed['link']['url']}/relabel", parcel=parcel["id"])
    assert "Aldık, teşekkürler." in again.text
    assert "Yeni kod" not in again.text
    shop.settle()
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
    assert f'action="{away[away.index(f"/{shop.slug}/") :]}?lang=de"' in browse(shop, f"{away}?lang=de").text
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
    for _ in range(2):
        written = browse(shop, f"{home}/message", text="Nerede kaldı?", seen="-").text
    assert written.count(">Nerede kaldı?<") == 1
    [seen] = re.findall(r'name="seen" value="(msg_[^"]+)"', written)
    assert browse(shop, f"{home}/message", text="Nerede kaldı?", seen=seen).text.count(">Nerede kaldı?<") == 2
    nothing = browse(shop, f"{home}/message", text=" ").text
    assert "Lütfen düzeltin" in nothing
    assert 'aria-describedby="text-fault" aria-invalid="true" autofocus' in nothing
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
    far_too_large = shop.browser.post(
        f"{home}/file", data={"kind": "photo"}, files={"file": ("a.jpg", b"\xff\xd8" * 8_500_000, "image/jpeg")}
    )
    assert (far_too_large.status_code, far_too_large.headers["content-type"][:9]) == (413, "text/html")
    assert f'href="{home[home.index(f"/{shop.slug}/") :]}/file"' in far_too_large.text
    assert browse(shop, f"{home}/file").headers["location"] == home[home.index(f"/{shop.slug}/") :]
    assert shop.show(filed)["state"] == "awaiting_parcel"
    assert "İptal" in browse(shop, f"{home}/cancel", reason="Vazgeçtim").text
    again = browse(shop, f"{home}/cancel", reason="Vazgeçtim")
    assert again.status_code == 422
    assert "Bu işlem yapılamadı" in again.text
    assert shop.show(filed)["state"] == "cancelled"
    assert "yeniden açılmasını istiyorum" in again.text
    assert "İtiraz" not in again.text
    assert "İnceleniyor" in browse(shop, f"{home}/reopen", reason="Yanlış bastım").text


def test_a_long_talk_shows_its_end(shop: Shop) -> None:
    """Of more than a hundred messages the page shows the last hundred, and says that there are older ones."""
    shop.order("1001")
    filed = shop.file("1001", kind="voluntary")
    told = "Daha eski mesajlar burada gösterilmiyor."
    assert told not in browse(shop, filed["link"]["url"]).text
    for number in range(101):
        shop.support.post(f"/returns/{filed['id']}/messages", {"text": f"Not {number}."})
    page = browse(shop, filed["link"]["url"]).text
    shown = [number for number in range(101) if f">Not {number}.<" in page]
    assert shown == list(range(101))[-len(shown) :]
    assert page.count('class="said"') == 100
    assert told in page


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


def test_the_page_says_what_to_do_next(shop: Shop) -> None:
    """Where to send, that a code follows, which account is asked, what replaces what cannot be had; each in words."""
    shop.order("1002")
    broken = shop.file("1002", kind="damaged")
    assert "1 dosya daha bekliyoruz" in browse(shop, broken["link"]["url"]).text
    shop.support.post(f"/returns/{broken['id']}/actions/decline", {"reason": "Kullanırken kırılmış."})
    shop.advance("PT1M")
    page = browse(shop, broken["link"]["url"]).text
    assert "bekliyoruz" not in page.partition("Yazışma")[0]
    assert "Kullanırken kırılmış." in page.partition("<details open>")[2].partition("</details>")[0]
    shop.product("BOT-39", "80.00", name="Süet bot 39", stock=5)
    shop.order("1001", shop.line("1", quantity=3))
    here = shop.file("1001", method="own_carrier")
    page = browse(shop, here["link"]["url"]).text
    assert f"aşağıdaki adrese gönderin, üzerine {here['rma_number']} yazın" in page
    assert "Depo\nSanayi Cad. 1\n34000 İstanbul\nTürkiye" in page
    assert "Sıra sizde." in page
    wish = asked("1001")["lines"][0] | {"outcome": "exchange", "replacement": {"sku": "BOT-39"}}
    swap = shop.file("1001", wish)
    page = browse(shop, swap["link"]["url"]).text
    assert "Gönderi kodunuzu veya etiketinizi hazırlıyoruz." in page
    assert "Sıra sizde." not in page
    assert "1 × Süet bot 39" in page
    shop.support.post(f"/replacements/{shop.show(swap)['replacements'][0]['id']}/actions/out_of_stock")
    shop.advance("PT1M")
    [sold_out] = shop.outbox("exchange_out_of_stock")
    assert "iade sayfanızdaki düğmeye basın" in sold_out["text"]
    home, line = swap["link"]["url"], swap["lines"][0]["id"]
    assert "Paramı geri istiyorum" in browse(shop, home).text
    assert "Para iadesi" in browse(shop, f"{home}/refund", line=line).text
    assert shop.show(swap)["lines"][0]["outcome"] == "refund"


def test_an_account_that_cannot_be_is_named_at_its_field(shop: Shop) -> None:
    """What was paid at the door: the page asks first for the account, and says at the field what is wrong with it."""
    shop.order("1001", payment={"id": "p1", "tender": "cash_on_delivery", "provider": "offline", "reference": None})
    filed = shop.file("1001")
    shop.send(filed)
    shop.receive(filed)
    shop.inspect(filed)
    home = filed["link"]["url"]
    assert '<a href="#iban">' in browse(shop, home).text
    wrong = browse(shop, f"{home}/payout", iban="TR12", holder=" ")
    assert wrong.status_code == 422
    assert '<p class="fault" id="iban-fault">Bu IBAN doğru değil.' in wrong.text
    assert 'value="TR12" aria-describedby="iban-fault" aria-invalid="true" autofocus' in wrong.text
    assert '<a href="#holder">Hesap sahibi: Bu alan boş bırakılamaz.</a>' in wrong.text
    given = browse(shop, f"{home}/payout", iban="TR33 0006 1005 1978 6457 8413 26", holder="Ayşe Yılmaz")
    assert "Aldık, teşekkürler." in given.text
    assert '<a href="#iban">' not in given.text


def test_what_was_not_accepted_is_named_and_nobody_keeps_both(shop: Shop) -> None:
    """Goods of a withdrawal by law are paid for or go back; what a store keeps of others cannot come back once more."""
    shop.order("1001", shop.line("1", quantity=2))
    filed = shop.file("1001", want("1", 2))
    shop.receive(filed)
    judged = {
        "line_id": filed["lines"][0]["id"],
        "quantity": 1,
        "grade": "C",
        "verdict": "reject",
        "reason": "Sökük var",
    }
    for disposition in ("restock", "destroy", "quarantine"):
        body = {"lines": [judged | {"disposition": disposition}]}
        problem = shop.warehouse.refused(f"/returns/{filed['id']}/inspections", body)
        assert (codes(problem), "accept" in problem["allowed"]) == (["rejected_goods_kept"], True)
    shop.inspect(filed, {"1": 1})
    shop.inspect(filed, {"1": 1}, verdict="reject", disposition="send_back", reason="Sökük var", grade="C")
    for language, told in (
        ("tr", ("Kabul edilmedi: 1 adet. Sökük var", "size geri gönderilir", "Katılmıyorsanız")),
        ("en", ("Not accepted: 1. Sökük var", "go back to you", "If you do not agree")),
        ("de", ("Nicht angenommen: 1. Sökük var", "geht an Sie zurück", "nicht einverstanden")),
    ):
        page = browse(shop, filed["link"]["url"], language=language).text
        assert all(text in page for text in told), language
    assert browse(shop, f"{filed['link']['url']}/dispute", reason="Sökük yoktu").status_code == 200
    assert shop.show(filed)["state"] == "in_review"
    [line] = shop.show(filed)["lines"]
    assert [(one["quantity"], one["reason"]) for one in line["not_accepted"]] == [(1, "Sökük var")]
    shop.order("1002", shop.line("1", quantity=3), customer=BUSINESS)
    kept = shop.file("1002", want("1", 2))
    shop.receive(kept)
    shop.inspect(kept, verdict="reject", disposition="destroy", reason="Küflü", grade="C")
    assert shop.show(kept)["state"] == "awaiting_feedback"
    assert "mağazada" in browse(shop, kept["link"]["url"]).text
    assert [option["quantity"] for option in shop.support.get("/orders/1002")["lines"][0]["options"]][:1] == [1]
    shop.integrator.refused("/returns", asked("1002", want("1", 2)), status=422)
    shop.customer(kept).post(f"/returns/{kept['id']}/actions/reopen", {"reason": "Küf yoktu"})
    shop.inspect(kept)
    shop.support.post(f"/returns/{kept['id']}/actions/approve")
    assert [refund["total"]["amount"] for refund in shop.refunds(kept)] == ["200.00"]
    assert shop.show(kept)["lines"][0]["not_accepted"] == []
