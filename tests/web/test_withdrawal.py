"""The pages of the withdrawal function, read and filled in as a browser without JavaScript does."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.testing import TestClient

from rma.app import create_app, create_services
from rma.db.session import Database
from rma.domain.texts import LANGUAGES
from rma.services import stores
from rma.services.context import Services
from rma.services.limits import Limiter, Rate
from rma.services.stores import NewStore
from rma.settings import Settings
from rma.web.words import words

PLACES = {"tr": ("TR", "TRY"), "de": ("DE", "EUR"), "fr": ("FR", "EUR"), "it": ("IT", "EUR"), "uk": ("GB", "GBP")}
TYPED = {"name": "Jörg <b>Müller</b>", "order_number": "1001", "electronic_address": "joerg@example.com"}


class Page(HTMLParser):
    """What a reader's program sees: elements with their attributes, and the text of buttons."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.buttons: list[str] = []
        self._in: str = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self._in = tag
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note the words on a button."""
        if self._in == "button" and data.strip():
            self.buttons.append(data.strip())
        self._in = ""

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        """The attributes of every element of these kinds."""
        return [attributes for tag, attributes in self.elements if tag in tags]


class Browser:
    """A browser without JavaScript that keeps no cookie. ``services`` are behind the pages."""

    def __init__(self, client: httpx.Client, services: Services) -> None:
        self._client, self.services = client, services

    def get(self, url: str, language: str = "") -> httpx.Response:
        """Open an address."""
        headers = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        return self._client.get(url, headers=headers | ({"Accept-Language": language} if language else {}))

    def send(self, url: str, language: str = "", **fields: str) -> httpx.Response:
        """Fill in the form at this address and send it; follows to where that leads."""
        headers = {"Accept-Language": language} if language else {}
        return self._client.post(url, data=fields, headers=headers, follow_redirects=True)

    def ask(self, method: str, url: str) -> httpx.Response:
        """Ask as a program does, which takes any kind of answer."""
        return self._client.request(method, url)

    def bytes(self, url: str, body: bytes, kind: str) -> httpx.Response:
        """Send something else than a form."""
        return self._client.post(url, content=body, headers={"Content-Type": kind})


@pytest.fixture
def browser(database_url: str, tmp_path: Path) -> Iterator[Browser]:
    """A browser on a program with a store in each of several countries."""
    database = Database(database_url)
    settings = Settings(data_dir=tmp_path, access_log=False, even_seconds=0)
    services = create_services(settings, database=database)
    for slug, (country, currency) in PLACES.items():
        locale: Any = slug if slug in LANGUAGES else "en"
        new = NewStore(
            slug=slug, name=f"Çınar {slug}", country=country, timezone="Europe/Berlin", currency=currency, locale=locale
        )
        with database.write() as work:
            stores.create(work, new)
    with TestClient(create_app(settings, services=services)) as client:
        yield Browser(client, services)
    database.close()


def test_two_steps_and_the_receipt(browser: Browser) -> None:
    """State it, see it again with one button, confirm, and have the receipt with date, time and a PDF; text is text."""
    second = browser.send("/de/withdraw", **TYPED, statement="Hallo\nWelt", sku_2="TS-1")
    page = Page(second.text)
    assert page.buttons == ["Widerruf bestätigen"]
    assert page.all("input", "textarea", "select") == []
    assert "Jörg &lt;b&gt;Müller" in second.text
    assert "1 × TS-1" in second.text
    assert "Hallo<br>Welt" in second.text
    url = second.url.path
    done = browser.send(url)
    assert done.url.path == url
    assert words("de").withdraw.done in done.text
    (when,) = Page(done.text).all("time")
    assert str(when["datetime"])[:10] in done.text
    assert Page(done.text).buttons == []
    assert browser.send(url).text == done.text
    paper = browser.get(f"{url}/receipt.pdf")
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")


@pytest.mark.parametrize(
    ("address", "language", "button", "confirm", "page"),
    [
        ("/de/withdraw", "", "Vertrag widerrufen", "Widerruf bestätigen", "de"),
        ("/de/withdraw?lang=en", "de", "withdraw from contract here", "confirm withdrawal", "en"),
        ("/fr/withdraw", "fr-FR, en;q=0.5", "renoncer au contrat ici", "confirmer la rétractation", "en"),
        ("/it/withdraw", "it", "recedere dal contratto qui", "conferma recesso", "en"),
        ("/tr/withdraw", "", "sözleşmeden buradan cayın", "caymayı onaylayın", "tr"),
        ("/tr/withdraw?country=FR&lang=fr", "de", "renoncer au contrat ici", "confirmer la rétractation", "de"),
        ("/uk/withdraw", "", "withdraw from contract here", "confirm withdrawal", "en"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_words_of_the_law_stand_on_the_buttons(
    browser: Browser, address: str, language: str, button: str, confirm: str, page: str
) -> None:
    """Each country's own wording, exactly, in the reader's language where the law has it; marked with its language."""
    first = browser.get(address, language)
    assert Page(first.text).buttons == [button]
    assert Page(first.text).all("html") == [{"lang": page}]
    assert Page(browser.send(address, language, **TYPED).text).buttons == [confirm]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_nothing_but_three_fields_is_required(browser: Browser) -> None:
    """Name, contract and address; every field has a label, hints are tied to it, and no script is needed."""
    page = Page(browser.get("/tr/withdraw?order=1001").text)
    fields = page.all("input", "textarea")
    assert [field["name"] for field in fields if "required" in field] == list(TYPED)
    assert [field["value"] for field in fields if field.get("name") == "order_number"] == ["1001"]
    assert {field["id"] for field in fields} == {label["for"] for label in page.all("label")}
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {one for field in fields for one in (field.get("aria-describedby") or "").split()} <= ids
    assert page.all("script", "style", "iframe") == []
    assert not [attributes for _, attributes in page.elements if "style" in attributes or "onclick" in attributes]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_is_wrong_is_said_at_its_field(browser: Browser) -> None:
    """All faults at once, in words, with links to the fields; what was typed stays, and nothing is kept."""
    answer = browser.send(
        "/uk/withdraw", name=" ", order_number="1\x07", electronic_address="nobody", quantity_2="x", sku_3="A",
        quantity_3="two", statement="x" * 4001,
    )  # fmt: skip
    assert answer.status_code == 422
    page = Page(answer.text)
    wrong = [field["id"] for field in page.all("input", "textarea") if field.get("aria-invalid") == "true"]
    assert wrong == ["name", "order_number", "electronic_address", "sku_2", "quantity_2", "quantity_3", "statement"]
    assert "Item 2, Quantity: The quantity is" in answer.text
    assert [field["id"] for field in page.all("input") if "autofocus" in field] == ["name"]
    assert {link["href"] for link in page.all("a")} >= {f"#{name}" for name in wrong}
    assert 'value="nobody"' in answer.text
    assert page.all("details") == [{"open": None}]
    assert words("en").fault.not_an_address in answer.text


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_was_typed_can_be_corrected_before_it_is_confirmed(browser: Browser) -> None:
    """A link leads back to the form with everything that was typed; nothing is declared, and nobody else's is shown."""
    typed = TYPED | {"sku_1": "TS-1", "quantity_1": "2", "statement": "Hallo"}
    second = browser.send("/de/withdraw?lang=en", **typed)
    [back] = [link["href"] for link in Page(second.text).all("a") if "correct=" in str(link["href"])]
    form = browser.get(str(back))
    assert Page(form.text).all("html") == [{"lang": "en"}]
    fields = {str(field["name"]): field.get("value") for field in Page(form.text).all("input")}
    assert {**fields, "statement": "Hallo"} == {**fields, **typed}
    assert ">\nHallo</textarea>" in form.text
    assert browser.get("/de/withdraw?correct=none").status_code == 404
    assert browser.get(f"/tr/withdraw?{str(back).partition('?')[2]}").status_code == 404


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_page_leads_on(browser: Browser) -> None:
    """To the policy and the withdrawal function, in the same language with the same questions; so do pages of problems.

    Whoever asks for a page is told in words what is not there, whoever asks the API in JSON.
    """
    page = Page(browser.get("/de/policy?lang=en&received=2026-01-05").text)
    links = [link["href"] for link in page.all("a")]
    assert "/de/policy?lang=tr&received=2026-01-05" in links
    assert "/de/withdraw?lang=en" in links
    lost = browser.get("/de/withdraw/none", "tr")
    assert "Çınar de" in lost.text
    assert words("tr").problem.not_found_hint in lost.text
    assert {"/de/policy", "/de/withdraw"} <= {link["href"] for link in Page(lost.text).all("a")}
    for url in ("/", "/de", "/de/nothing/here"):
        nothing = browser.get(url, "tr")
        assert (nothing.status_code, nothing.headers["content-type"][:9]) == (404, "text/html")
        assert words("tr").problem.not_found_hint in nothing.text
    assert browser.get("/api/v1/nothing").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_page_is_safe_to_keep_open(browser: Browser) -> None:
    """Strict policy, no cookie, not kept by a cache; unknown places are pages too."""
    for url in ("/de/withdraw", "/nobody/withdraw", "/de/withdraw/none", "/de/withdraw/none/receipt.pdf"):
        answer = browser.get(url, "tr")
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert (answer.headers["cache-control"], "set-cookie" in answer.headers) == ("no-store", False)
        assert answer.status_code == (200 if url == "/de/withdraw" else 404)
        assert 'lang="tr"' in answer.text
    assert browser.get("/static/rma.css").status_code == 200


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_page_has_a_head_and_names_its_methods(browser: Browser) -> None:
    """HEAD is answered as GET without the body, also of what is not there; other methods by a page with ``Allow``."""
    for url in ("/de/withdraw", "/de/policy?lang=tr", "/de/r/none", "/de/withdraw/none/receipt.pdf", "/api/docs",
                "/api/v1/openapi.json", "/api/v1/nothing"):  # fmt: skip
        got, head = browser.ask("GET", url), browser.ask("HEAD", url)
        assert (head.status_code, head.content) == (got.status_code, b""), url
        for name in ("content-type", "content-length", "cache-control", "content-security-policy"):
            assert head.headers.get(name) == got.headers.get(name), (url, name)
    withdraw, policy, one, act = "/de/withdraw", "/de/policy", "/de/r/none", "/de/r/none/cancel"
    for method, url, allowed in (("PUT", withdraw, {"GET", "HEAD", "POST"}), ("POST", policy, {"HEAD"}),
                                 ("DELETE", one, {"GET"}), ("PATCH", act, {"GET", "POST"})):  # fmt: skip
        refused = browser.ask(method, url)
        assert (refused.status_code, refused.headers["content-type"][:9]) == (405, "text/html")
        assert allowed <= set(refused.headers["allow"].split(", "))
        assert words("en").problem.hint in refused.text
    for url in ("/api/v1/orders", "/health/live", "/static/rma.css"):
        assert browser.ask("PUT", url).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_bytes_that_are_no_form_are_refused(browser: Browser) -> None:
    """JSON, broken UTF-8 and too much of it are told so, as pages."""
    form = "application/x-www-form-urlencoded"
    assert browser.bytes("/de/withdraw", b"{}", "application/json").status_code == 400
    assert browser.bytes("/de/withdraw", b"name=%ff", form).status_code == 400
    assert browser.bytes("/de/withdraw", b"name=\xff", form).status_code == 400
    large = browser.bytes("/de/withdraw", b"name=" + b"x" * 200_000, form)
    assert (large.status_code, large.headers["content-type"][:9]) == (413, "text/html")
    assert words("de").problem.too_large_hint in large.text
    assert "/de/withdraw" in [link["href"] for link in Page(large.text).all("a")]
    assert browser.bytes("/de/withdraw", b"", form).status_code == 422
    assert browser.bytes("/de/withdraw/none", b"", form).status_code == 404


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_too_often_is_a_page_that_says_when(browser: Browser) -> None:
    """The page of a limit carries Retry-After."""
    browser.services.limits = Limiter({"address": Rate(1, 30), "network": Rate(9, 30), "recipient": Rate(9, 600)})
    assert browser.send("/de/withdraw", **TYPED).status_code == 200
    answer = browser.send("/de/withdraw", "de", **TYPED)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert words("de").problem.too_often in answer.text


def test_every_language_has_every_word() -> None:
    """No file of words lacks one, has one too many, or leaves one empty."""
    for language in LANGUAGES:
        known = words(language)
        for group in (known, known.problem, known.fault, known.withdraw):
            assert all(getattr(group, name) for name in type(group).__struct_fields__)
