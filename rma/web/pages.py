"""What every page shares: who reads it in which language, how it is written, and what it says when something is wrong.

A page is made by a plain function in a thread: a ``Visit`` in, an ``Html`` out. Nothing needs JavaScript or a cookie.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import Method

from rma import errors
from rma.domain.texts import LANGUAGES, wishes
from rma.errors import NotFound, RateLimited, RmaError, TooLarge, Unreadable
from rma.services import pace
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.withdrawal_function import store_of
from rma.web.words import Words, words

MOST_BYTES = 100_000
"""The largest form that is read."""
KEPT = ("lang", "country")
"""What goes from page to page in the address."""
DONE = "done"
"""In the address of a page: which act was just taken. It is said once."""
_FORM = "application/x-www-form-urlencoded"
_WITH_FILES = "multipart/form-data"
_STATUS: tuple[tuple[type[RmaError], int], ...] = (
    (errors.Unreadable, 400),
    (errors.TooLarge, 413),
    (errors.Invalid, 422),
    (errors.RateLimited, 429),
    (errors.Unavailable, 503),
    (errors.Busy, 503),
    (errors.RmaError, 404),
)
_log = logging.getLogger(__name__)
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a field of a form, in words; with the form as a whole where ``field`` is empty."""

    field: str
    label: str
    text: str


class Html(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a browser."""

    body: bytes = b""
    status: int = 200
    media_type: str = "text/html"
    headers: dict[str, str] = {}


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a browser, HEAD as GET. ``path`` holds the parameters of the address, ``form`` what was typed.

    ``files`` are what was sent with it; they are closed with the request.
    """

    services: Services
    method: str
    client: str
    url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    accept: str
    files: Mapping[str, UploadFile] = {}

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the reader likes, best first; the one chosen on the page before all others."""
        chosen = self.query.get("lang", "").lower()[:8]
        return tuple(dict.fromkeys(filter(None, (chosen, *wishes(self.accept)))))

    def language(self, fallback: str) -> str:
        """The language that the page is written in."""
        return next((one for one in self.languages if one in LANGUAGES), fallback)

    def link(self, path: str, **changes: str) -> str:
        """An address of ours that keeps the reader's choices."""
        kept = {name: self.query[name][:8] for name in KEPT if self.query.get(name)} | changes
        return f"{path}?{urlencode(kept)}" if kept else path


View = Callable[[Visit], Html]


def page(visit: Visit, template: str, *, store: str, language: str, status: int = 200, **values: Any) -> Html:  # noqa: ANN401
    """A template filled in, in this language."""
    shown = {"store": store, "faults": (), "ways": _ways(visit, words(language)), **values}
    text = _templates.get_template(template).render(_around(visit, language) | shown)
    return Html(body=text.encode(), status=status)


def _around(visit: Visit, language: str) -> dict[str, Any]:
    """What stands on every page: its words, and the same page in the other languages, with all that was asked."""
    kept = {name: value for name, value in visit.query.items() if name != DONE}
    others = [(code, words(code).language, code) for code in LANGUAGES if code != language]
    links = [(code, name, f"{visit.url}?{urlencode(kept | {'lang': tag})}") for code, name, tag in others]
    return {"w": words(language), "lang": language, "others": links if visit.method == "GET" else []}


def _ways(visit: Visit, known: Words) -> list[tuple[str, str]]:
    """What every page of a store leads to: its policy and the withdrawal function (CRD art. 11a(1)); not to itself."""
    root = f"/{visit.path['store']}"
    ways = ((f"{root}/policy", known.policy), (f"{root}/withdraw", known.withdraw.title))
    return [(visit.link(url), name) for url, name in ways if url != visit.url]


def redirect(url: str) -> Html:
    """See other: the browser goes there with GET, and a reload sends nothing again."""
    return Html(status=303, headers={"location": url})


def route(
    method: Method,
    path: str,
    view: View,
    *,
    services: Services,
    executor: Executor,
    even: bool = False,
    counted: bool = False,
    most: int = MOST_BYTES,
) -> HTTPRouteHandler:
    """A page at an address. With ``even`` the time of its answer tells nothing (``pace``).

    With ``counted`` each network address may ask so often and no more (``limits``), before a form is read.

    A form may have ``most`` bytes; with files it is read only where ``most`` is above that of plain forms.
    """

    async def handle(request: Request[Any, Any, Any]) -> Response[bytes]:
        visit = _visit(request, services)
        made = view
        try:
            if "\x00" in visit.url:
                raise NotFound("There is nothing at this address.")
            visit = msgspec.structs.replace(visit, query=_pairs(request.scope["query_string"]))
            if counted:
                services.limits.admit(visit.client)
            if visit.method == "POST":
                form, files = await _sent(request, files=most > MOST_BYTES)
                visit = msgspec.structs.replace(visit, form=form, files=files)
        except RmaError as error:
            made = partial(_problem, error=error)
        run = asyncio.get_running_loop().run_in_executor(executor, _answer, made, visit)
        return _response(await (pace.evenly(run, services.settings.even_seconds) if even else run))

    methods: list[Method] = ["GET", "HEAD"] if method == "GET" else [method]
    name = f"{method} {path}"
    return HTTPRouteHandler(path, http_method=methods, name=name, status_code=200, request_max_body_size=most)(handle)


def _visit(request: Request[Any, Any, Any], services: Services) -> Visit:
    """The visit, before anything is read that was asked or sent with it."""
    scope = request.scope
    return Visit(
        services=services,
        method="GET" if scope["method"] == "HEAD" else scope["method"],
        client=(scope["client"] or ("", 0))[0],
        url=scope["path"],
        path=scope["path_params"],
        query={},
        form={},
        accept=request.headers.get("accept-language", ""),
    )


async def _sent(request: Request[Any, Any, Any], *, files: bool) -> tuple[dict[str, str], dict[str, UploadFile]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if files and kind == _WITH_FILES:
            return await _parts(request)
        body = await request.body()
    except HTTPException as error:
        raise as_ours(error) from error
    if body and kind != _FORM:
        raise Unreadable("This is no form.")
    return _pairs(body), {}


async def _parts(request: Request[Any, Any, Any]) -> tuple[dict[str, str], dict[str, UploadFile]]:
    """The texts and the files of a form that has both; a file that nobody chose is none."""
    parts = list((await request.form()).multi_items())
    files = {name: part for name, part in parts if isinstance(part, UploadFile) and part.filename}
    return {name: str(part) for name, part in parts if not isinstance(part, UploadFile)}, files


def _pairs(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode("ascii"), errors="strict", max_num_fields=500))
    except ValueError:
        raise Unreadable("This cannot be read.") from None


def _answer(view: View, visit: Visit) -> Html:
    try:
        return view(visit)
    except Exception as error:  # noqa: BLE001 - the edge: nothing may leave it but a page
        return _problem(visit, error)


def problem(request: Request[Any, Any, Any], error: HTTPException, services: Services) -> Response[bytes]:
    """What the framework refuses before a page is asked, as a page; a method that it has not: 405 with those it has."""
    made = _problem(_visit(request, services), as_ours(error))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        made = msgspec.structs.replace(made, status=error.status_code, headers=dict(error.headers or {}))
    return _response(made)


def as_ours(error: HTTPException) -> RmaError:
    """What the framework refuses, as an error of ours."""
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge("This is too large.")
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing at this address.")
    return Unreadable("This cannot be read.")


def _problem(visit: Visit, error: Exception) -> Html:
    """A page that says what to do next and tells nothing of the inside."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if status == 500:  # noqa: PLR2004 - the one status that is our fault
        _log.error("unexpected error", exc_info=error)
    store = _known_store(visit)
    around = _around(visit, visit.language(store.locale if store is not None else "en"))
    known: Words = around["w"]
    text = _templates.get_template("problem.html.j2").render(
        around,
        store=store.name if store is not None else "",
        ways=_ways(visit, known) if store is not None else [],
        title=_title(known, status),
        hint={404: known.problem.not_found_hint, 413: known.problem.too_large_hint}.get(status, known.problem.hint),
        back=visit.link(visit.url) if status == 413 else "",  # noqa: PLR2004 - what is too large was sent from there
    )
    headers = {"retry-after": str(error.retry_after)} if isinstance(error, RateLimited) else {}
    return Html(body=text.encode(), status=status, headers=headers)


def _known_store(visit: Visit) -> StoreInfo | None:
    """The store whose name stands in the address; None where there is none, or nobody can be asked."""
    if "store" not in visit.path:
        return None
    try:
        with visit.services.database.read() as work:
            return store_of(work, visit.services, visit.path["store"])
    except Exception:  # noqa: BLE001 - the page of a problem is shown whatever else is wrong
        return None


def _title(known: Words, status: int) -> str:
    named = {404: known.problem.not_found, 413: known.problem.too_large}
    named |= {429: known.problem.too_often, 503: known.problem.busy}
    return named.get(status, known.problem.unreadable if status < 500 else known.problem.failed)  # noqa: PLR2004


def _response(made: Html) -> Response[bytes]:
    headers = {"cache-control": "no-store", **made.headers}
    return Response(made.body, status_code=made.status, media_type=made.media_type, headers=headers)
