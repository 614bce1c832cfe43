"""The only place of the demo that knows the HTTP contract: one method for each request the story makes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import httpx
import msgspec

from rma.demo.plan import Json
from rma.demo.reasons import Why, whys
from rma.errors import Unavailable

WAIT_SECONDS = 20
PAGE = 200
_SHOWN = 300


class Problem(Exception):
    """The server refused, failed, or answered what the contract does not say; the text names request and answer.

    ``status`` is HTTP's; ``reasons`` say why to people, empty when none came.
    """

    def __init__(self, request: str, *, status: int, code: str, detail: str, reasons: Sequence[Why] = ()) -> None:
        super().__init__(f"{request}: {status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.reasons = tuple(reasons)


class Reply(dict[str, Any]):
    """An object of an answer. Asked for what it does not hold, it raises a :class:`Problem` that shows the answer."""

    __slots__ = ("request", "status")

    def __init__(self, content: Mapping[str, Any], *, request: str, status: int) -> None:
        super().__init__(content)
        self.request = request
        self.status = status

    def __missing__(self, name: str) -> NoReturn:
        shown = json.dumps(self, ensure_ascii=False)
        short = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} …"
        text = f"the answer has no {name!r}: {short}"
        raise Problem(self.request, status=self.status, code="unexpected_answer", detail=text)


class Api:
    """One store, seen by all its people. ``keys`` is role to secret; ``run`` keeps idempotency keys of runs apart."""

    def __init__(self, http: httpx.Client, *, keys: Mapping[str, str], run: str) -> None:
        self._http = http
        self._keys = keys
        self._run = run
        self.requests = 0

    # --- orders ---------------------------------------------------------------------------------------------------

    def import_products(self, products: Sequence[Json]) -> list[str]:
        """Load the catalogue; the faults, one text a bad line."""
        return self._import("/products/import", products, key="products")

    def import_orders(self, snapshots: Sequence[Json], *, key: str) -> list[str]:
        """Load snapshots, one a line; the faults, one text a bad line."""
        return self._import("/orders/import", snapshots, key=key)

    # --- returns --------------------------------------------------------------------------------------------------

    def quote(self, body: Json) -> Json:
        """What would be decided; writes nothing."""
        return self._json("POST", "/returns/quote", role="shop", json=body)

    def file(self, body: Json, *, key: str) -> Json:
        """File a return."""
        return self._json("POST", "/returns", role="shop", json=body, key=key)

    def view(self, return_id: str) -> Json:
        """The return as it stands."""
        return self._json("GET", f"/returns/{return_id}", role="shop")

    def act(self, return_id: str, trigger: str, *, who: Mapping[str, str], key: str, reason: str) -> Json:
        """Fire a trigger of the return. ``who`` is ``{"role": …}`` or ``{"link": …}``."""
        path = f"/returns/{return_id}/actions/{trigger}"
        return self._json("POST", path, **who, json={"reason": reason}, key=key)

    def evidence(self, return_id: str, photo: bytes, *, who: Mapping[str, str], key: str) -> Json:
        """Add a photo."""
        files = {"file": ("photo.jpg", photo, "image/jpeg")}
        path = f"/returns/{return_id}/evidence"
        return self._json("POST", path, **who, files=files, data={"kind": "photo"}, key=key)

    def parcel(self, return_id: str, body: Json, *, key: str) -> Json:
        """Announce a parcel."""
        return self._json("POST", f"/returns/{return_id}/parcels", role="shop", json=body, key=key)

    def label(self, return_id: str, parcel_id: str, *, size: str) -> bytes:
        """The label or code sheet as PDF."""
        path = f"/returns/{return_id}/parcels/{parcel_id}/label.pdf"
        return self._send("GET", path, role="shop", params={"size": size}).content

    def parcel_event(self, parcel_id: str, status: str, *, at: datetime) -> Json:
        """What the carrier reports. Saying it twice changes nothing."""
        source = f"{parcel_id}-{status}"
        body = {"status": status, "at": at.isoformat(), "source_id": source}
        return self._json("POST", f"/parcels/{parcel_id}/events", role="warehouse", json=body, key=source)

    def receipt(self, body: Json) -> Json:
        """What the warehouse counted; ``scan_id`` in it makes a repetition harmless."""
        return self._json("POST", "/receipts", role="warehouse", json=body, key=str(body["scan_id"]))

    def inspect(self, return_id: str, lines: Sequence[Json], *, key: str) -> Json:
        """What the warehouse found."""
        body = {"lines": list(lines)}
        return self._json("POST", f"/returns/{return_id}/inspections", role="warehouse", json=body, key=key)

    def replacement(self, replacement_id: str, trigger: str, body: Json, *, key: str) -> Json:
        """Move the goods that come instead: order, ship, deliver."""
        path = f"/replacements/{replacement_id}/actions/{trigger}"
        return self._json("POST", path, role="shop", json=body, key=key)

    def pay(self, return_id: str, amount: Json, *, key: str) -> Json:
        """The customer pays what an exchange costs more."""
        body = {"reference": key, "amount": amount, "tender": "card"}
        return self._json("POST", f"/returns/{return_id}/payments", role="shop", json=body, key=key)

    def feedback(self, return_id: str, *, link: str, score: int, comment: str | None) -> Json:
        """How it was, said by the customer through the link of the return."""
        body: Json = {"score": score, "comment": comment}
        return self._json("POST", f"/returns/{return_id}/feedback", link=link, json=body, key=f"{return_id}-feedback")

    # --- money ----------------------------------------------------------------------------------------------------

    def approve(self, refund: Json, *, role: str) -> Json:
        """Approve exactly the total that was shown."""
        body = {"expected_total": refund["total"]}
        key = f"{refund['id']}-{refund['version']}-{role}"
        return self._json("POST", f"/refunds/{refund['id']}/approve", role=role, json=body, key=key)

    def retry(self, refund_id: str, transfer_id: str, *, key: str) -> Json:
        """Send a failed transfer once more."""
        body = {"transfer_id": transfer_id}
        return self._json("POST", f"/refunds/{refund_id}/retry", role="finance", json=body, key=key)

    # --- the whole store ------------------------------------------------------------------------------------------

    def all_returns(self) -> Iterator[Json]:
        """Every return of the store."""
        return self._pages("/returns", role="shop")

    def all_refunds(self) -> Iterator[Json]:
        """Every refund of the store."""
        return self._pages("/refunds", role="finance")

    def mails(self) -> Iterator[Json]:
        """Every message of the store with what became of it."""
        return self._pages("/outbox", role="owner")

    def policy(self, changes: Mapping[str, Json]) -> Json:
        """Publish the policy in force with some sections changed; it holds for orders from now on."""
        standing = self._json("GET", "/policies/current", role="owner")
        body = {**standing["policy"]}
        for section, values in changes.items():
            body[section] = {**body.get(section, {}), **values}
        draft = self._json("POST", "/policies", role="owner", json=body, key="policy")
        path = f"/policies/{draft['version']}/publish"
        return self._json("POST", path, role="owner", json={}, key="policy-publish")

    def clock(self, now: datetime) -> Json:
        """Move the store's clock forward to ``now`` and wait for what follows from it."""
        body = {"now": now.isoformat(), "wait": WAIT_SECONDS}
        return self._json("POST", "/test-clock", role="owner", json=body, key=f"clock-{now.isoformat()}")

    # --- the wire -------------------------------------------------------------------------------------------------

    def _import(self, path: str, rows: Sequence[Json], *, key: str) -> list[str]:
        content = b"\n".join(msgspec.json.encode(row) for row in rows)
        headers = {"Content-Type": "application/x-ndjson"}
        answer = self._json("POST", path, role="shop", content=content, headers=headers, key=key)
        return [_fault(error) for error in answer.get("errors", ())]

    def _pages(self, path: str, *, role: str) -> Iterator[Json]:
        params: dict[str, str] = {"limit": str(PAGE)}
        while True:
            page = self._json("GET", path, role=role, params=params)
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            params["cursor"] = page["next_cursor"]

    def _json(self, method: str, path: str, **how: Any) -> Json:  # noqa: ANN401 - handed on to httpx
        response = self._send(method, path, **how)
        request, status = f"{method} {path}", response.status_code

        def reply(content: Json) -> Reply:
            return Reply(content, request=request, status=status)

        try:
            found = json.loads(response.content or b"{}", object_hook=reply)
        except ValueError:
            found = None
        if not isinstance(found, Reply):
            detail = f"the answer is no JSON object: {response.text[:_SHOWN]}"
            raise Problem(request, status=status, code="unexpected_answer", detail=detail)
        return found

    def _send(
        self,
        method: str,
        path: str,
        *,
        role: str = "",
        link: str = "",
        key: str = "",
        headers: Mapping[str, str] | None = None,
        **rest: Any,  # noqa: ANN401 - handed on to httpx
    ) -> httpx.Response:
        who = f"Link {link}" if link else f"Bearer {self._keys[role]}"
        sent = {"Authorization": who, **(headers or {})}
        if key:
            sent["Idempotency-Key"] = hashlib.sha256(f"{self._run}\x00{key}".encode()).hexdigest()
        self.requests += 1
        try:
            response = self._http.request(method, f"/api/v1{path}", headers=sent, **rest)
        except httpx.TransportError as error:
            fault = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise Unavailable(f"{method} {path} got no answer ({fault}).", code="no_answer") from error
        if response.is_error:
            raise _problem(f"{method} {path}", response)
        return response


def token(link: Any) -> str | None:  # noqa: ANN401 - a token, or an address that ends with it
    """The customer's token out of the ``link`` of a filed return."""
    text = link.get("token") if isinstance(link, dict) else link
    return text.replace("#", "/").replace("=", "/").rsplit("/", 1)[-1] if isinstance(text, str) and text else None


def _problem(request: str, response: httpx.Response) -> Problem:
    try:
        body = response.json()
    except ValueError:
        body = {}
    fields = "; ".join(_fault(error) for error in body.get("errors") or ())
    detail = str(body.get("detail") or response.text[:200])
    return Problem(
        request,
        status=response.status_code,
        code=str(body.get("code") or "no_problem_body"),
        detail=f"{detail} ({fields})" if fields else detail,
        reasons=whys(body.get("reasons") or ()),
    )


def _fault(error: Json) -> str:
    where = error.get("path") or (f"line {error['line']}" if "line" in error else "")
    return f"{where}: {error.get('message') or error.get('detail') or error.get('code') or error}".lstrip(": ")
