"""Every way to name a thing in a request: in the address, the query and the body of each route of the API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Literal, get_args, get_origin

import msgspec

from rma.api.examples import BODIES
from rma.api.routing import Endpoint

Names = Mapping[str, str]
"""A kind of thing to what one of them is called, see ``tests.support.neighbours``."""

EVERYWHERE = "everywhere"
_OF_PATH = {
    "products": "sku", "orders": "order", "returns": "return", "parcels": "parcel", "replacements": "replacement",
    "unexpected": "unexpected", "refunds": "refund", "withdrawals": "withdrawal", "workflows": "workflow",
    "privacy": "erasure", "effects": "letter", "stores": "key", "receipts": "box",
}  # fmt: skip
_IN_PATH = {
    "line_id": "line", "eid": "evidence", "pid": "parcel", "scan_id": "scan", "number": "order", "slug": "slug",
    "sku": "sku", "version": "policy", "token": "token",
}  # fmt: skip
_TRIGGER = {"returns": "cancel", "replacements": "change_variant"}
_CODES = ("rma", "return", "parcel", "tracking", "link", "order")
_BY_FIELD: dict[str, tuple[str, ...]] = {
    "return_id": ("return",), "line_id": ("line",), "parcel_id": ("parcel",), "parcel": ("parcel",),
    "transfer_id": ("transfer",), "evidence_id": ("evidence",), "evidence_ids": ("evidence",),
    "request_id": ("erasure",), "items.id": ("refund",), "order_number": ("order",), "?number": ("order",),
    "rma_number": ("rma",), "sku": ("sku",), "skus": ("sku",), "variant_of": ("variant",), "email": ("email",),
    "customer_reference": ("customer",), "customer.reference": ("customer",), "tracking": ("tracking",),
    "electronic_address": ("email",), "slug": ("branch",), "scan": _CODES, "scan_id": ("scan",),
    "q": ("rma", "return", "order", "email", "sku", "tracking"),
}  # fmt: skip
"""A field by its name, with the one around it where it takes that, to the kinds that it may name."""
_PLAIN = frozenset(
    re.findall(
        r"\w+",
        """
    amount amount_min advance bin carrier carrier_status category city code comment countries country created_from
    created_to currency description due_before grade groups gtin holder iban id image_url jurisdiction kind lang line
    line1 line2 lines locale name note number order_line_id percent person phone piece postcode proof provider reason
    receipt received_by ref reference region scopes sender serial shelf sort source_id state statement tags tax_rate
    tender terms text timezone waits_for yearly
""",
    )
)
"""Fields of texts that name nothing of a store, or something inside of what is named beside them."""
_LINE = {"line_id": "", "quantity": 1}
_RECEIVED = {"scan_id": "", "scan": "", "lines": [_LINE]}
"""The one that takes a strange ``scan_id``: from then on it is the caller's own."""
_SWAP = BODIES["POST /returns"] | {
    "contact": {"email": ""},
    "lines": [{"order_line_id": "1", "quantity": 1, "outcome": "exchange", "replacement": {"sku": ""}}],
}
_WHO: tuple[Any, ...] = ({"email": ""}, {"customer_reference": ""})
_JUDGED = BODIES["POST /returns/{id}/inspections"]["lines"][0]
_BODIES: dict[str, tuple[Any, ...]] = {
    "POST /stores/{slug}/withdrawals": (
        BODIES["POST /stores/{slug}/withdrawals"] | {"lines": [{"sku": "", "quantity": 1}]},
    ),
    "POST /returns": (_SWAP,),
    "POST /returns/quote": (_SWAP,),
    "POST /returns/{id}/lines/{line_id}/outcome": ({"outcome": "exchange", "replacement": {"sku": ""}},),
    "POST /returns/{id}/parcels": (BODIES["POST /returns/{id}/parcels"] | {"tracking": "", "lines": [_LINE]},),
    "POST /returns/{id}/inspections": ({"lines": [_JUDGED | {"evidence_ids": [""]}]},),
    "POST /replacements/{id}/actions/{trigger}": ({"sku": "", "tracking": ""},),
    "POST /receipts": (
        _RECEIVED,
        {"scan_id": "", "return_id": "", "parcel_id": "", "missing": [_LINE]},
        {"scan_id": "", "return_id": "", "lines": [{"sku": "", "quantity": 1}]},
        {"scan_id": "", "return_id": "", "unexpected": [{"sku": "", "evidence_id": ""}]},
    ),
    "POST /receipts/unknown": ({"tracking": "", "skus": [""], "evidence_id": ""},),
    "POST /receipts/unknown/{id}/match": (
        {"return_id": "", "lines": [_LINE]},
        {"return_id": "", "lines": [{"sku": "", "quantity": 1}]},
    ),
    "POST /privacy/export": (*_WHO, {"request_id": ""}),
    "POST /privacy/export.zip": (*_WHO, {"request_id": ""}),
    "POST /privacy/erasures/preview": _WHO,
    "POST /privacy/erasures": _WHO,
    "POST /test-clock": ({"advance": "PT1M", "wait": 0},),
}
"""Bodies that name more than the examples of the document do, or name it in another way."""


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """A request below the prefix. ``place`` says where it names a strange thing, ``strange`` how."""

    method: str
    url: str
    query: dict[str, str] = {}
    body: Any = None
    place: str = ""
    strange: tuple[str, ...] = ()

    def send(self, client: Any, endpoint: Endpoint, headers: Mapping[str, str]) -> Any:
        """The answer to it."""
        sent: dict[str, Any] = {"params": self.query, "headers": headers}
        if endpoint.body == "form":
            sent |= {"files": {"file": ("a.pdf", b"%PDF-1.4 %%EOF")}, "data": {"kind": "photo"}}
        elif endpoint.body == "json":
            sent["json"] = self.body or {}
        return client.request(self.method, f"{endpoint.prefix}{self.url}", **sent)


def askings(endpoint: Endpoint, own: Names, strange: Names, *, fresh: str) -> Iterator[Asking]:
    """Requests about things of one's ``own``, one place at a time naming something ``strange``, and then all places.

    ``fresh`` begins names of receipts that nobody has used.
    """
    words = list(_in_path(endpoint))
    numbers = iter(range(1000))
    for base in _bodies(endpoint):
        found = list(_in_body(base))
        strangers = [(at, kinds) for at, kinds in found if at[-1] != "scan_id" or base is _RECEIVED]

        def asking(place: str, over: dict[Any, str], base: Any = base, found: Any = found) -> Asking:
            body = deepcopy(base)
            for at, kinds in found:
                mine = f"{fresh}{next(numbers)}" if at[-1] == "scan_id" else own[kinds[0]]
                _put(body, at, over.get(at, mine))
            return Asking(
                method=endpoint.method,
                url=_url(endpoint, own, over),
                body=body,
                place=place,
                strange=tuple(over.values()),
            )

        for word, kind in words:
            for each in ("return", "rma") if kind == "return" else (kind,):
                yield asking(f"{{{word}}}={each}", {word: strange[each]})
        for at, kinds in strangers:
            for each in kinds:
                yield asking(f"{_dotted(at)}={each}", {at: strange[each]})
        if len(words) + len(found) > 1:
            over = {word: strange[kind] for word, kind in words} | {
                at: strange[kinds[0]] for at, kinds in found if at[-1] != "scan_id"
            }
            yield asking(EVERYWHERE, over)
    yield from _queries(endpoint, own, strange)


def plain(endpoint: Endpoint, own: Names, *, fresh: str) -> Asking:
    """A request about things of one's own alone."""
    body = deepcopy(_bodies(endpoint)[0])
    for at, kinds in list(_in_body(body)):
        _put(body, at, fresh if at[-1] == "scan_id" else own[kinds[0]])
    return Asking(method=endpoint.method, url=_url(endpoint, own), body=body)


def _queries(endpoint: Endpoint, own: Names, strange: Names) -> Iterator[Asking]:
    for field in msgspec.structs.fields(endpoint.query) if endpoint.query else ():
        name = field.encode_name
        for kind in _BY_FIELD.get(f"?{name}") or _BY_FIELD.get(name, ()):
            yield Asking(
                method=endpoint.method,
                url=_url(endpoint, own),
                query={name: strange[kind]},
                place=f"?{name}={kind}",
                strange=(strange[kind],),
            )


def _url(endpoint: Endpoint, own: Names, over: Mapping[Any, str] | None = None) -> str:
    named = {"slug": own["slug"], "trigger": _TRIGGER.get(endpoint.path.split("/")[1], "")}
    return endpoint.path.format_map(named | {word: own[kind] for word, kind in _in_path(endpoint)} | dict(over or {}))


def _in_path(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """The words of an address that name things, with their kinds."""
    for word in re.findall(r"{(\w+)}", endpoint.path):
        if word != "trigger" and not (word == "slug" and "withdrawals" in endpoint.path):
            yield word, _IN_PATH.get(word) or _OF_PATH[endpoint.path.split("/")[1]]


def unasked(endpoint: Endpoint) -> Iterator[str]:
    """The fields of texts, in the query and the body, that ``askings`` leaves out without knowing them for plain."""
    asked = {
        tuple(step for step in at if isinstance(step, str)) for base in _bodies(endpoint) for at, _ in _in_body(base)
    }
    for at in (*_texts(endpoint.data), *_texts(endpoint.query)):
        if at[-1] not in _PLAIN and at not in asked and not (at in set(_texts(endpoint.query)) and at[-1] in _BY_FIELD):
            yield ".".join(at)


def _texts(kind: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The fields of a struct, and of those in it, that hold texts."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield from _texts(field.type, (*at, field.encode_name))
    elif kind is str:
        yield at
    elif get_origin(kind) not in (dict, Literal):
        for part in get_args(kind):
            yield from _texts(part, at)


def _bodies(endpoint: Endpoint) -> tuple[Any, ...]:
    name = f"{endpoint.method} {endpoint.path}"
    return _BODIES.get(name) or (BODIES.get(name),)


def _in_body(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], tuple[str, ...]]]:
    """The places in a body that name things, with the kinds that each may name."""
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else None
    if inner is not None:
        for step, value in inner:
            yield from _in_body(value, (*at, step))
        return
    words = [step for step in at if isinstance(step, str)]
    if kinds := _BY_FIELD.get(".".join(words[-2:])) or _BY_FIELD.get("".join(words[-1:])):
        yield at, kinds


def _put(body: Any, at: tuple[Any, ...], value: str) -> None:
    for step in at[:-1]:
        body = body[step]
    body[at[-1]] = value


def _dotted(at: tuple[Any, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).lstrip(".")
