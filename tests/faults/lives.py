"""Returns' lives over HTTP by a client that never gives up: the same request with the same key until it is answered."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from rma.services import keys
from rma.services.caller import SCOPES
from rma.services.keys import NewKey
from tests.support.floor import Floor
from tests.support.snapshots import Json, line, money, snapshot

REFUNDS = (
    *("succeed",) * 6, "timeout-after", "timeout-after", "timeout-after,blind:2", "pending:2", "busy,succeed",
    "timeout-fail", "slow:800", "fail:card_closed", "twice",
)  # fmt: skip
"""What the gateway does with a refund; ``SLOW_REFUNDS`` takes minutes to find out and is for the long run."""
SLOW_REFUNDS = ("timeout-before,succeed", "timeout-before,timeout-after", "stay-pending", "late:12", "late:45")
LABELS = ("", "", "", " #timeout-after", " #timeout-before,succeed", " #busy,succeed")
STOCK = ("TS-L", "TS-L", "TS-L#timeout-after", "TS-L#timeout-before,succeed")
NEVER = "stay-pending"
LONGEST = 240.0
LABEL = 15.0
"""Seconds after which most customers hand a parcel over though its label has not come."""
_AGAIN = {429, 500, 502, 503, 504}


class GaveUpError(AssertionError):
    """A request was never answered, or by something that no good life is answered with."""


def key_of(floor: Floor, name: str) -> str:
    """A key with every scope, of somebody with this name."""
    new = NewKey(name=name, scopes=list(SCOPES), person=f"{name}@example.com")
    with floor.services.database.write() as work:
        return keys.mint(work, new, store_id=floor.store_id, actor="system").key


class Lives:
    """Some lives of one shop. ``wishes`` are seeded, so that a run can be repeated; ``faults`` keeps every 500."""

    def __init__(self, url: str, staff: str, finance: str, *, seed: int, slow: bool) -> None:
        self._http = httpx.Client(base_url=f"{url}/api/v1", timeout=15.0, trust_env=False)
        self._keys = {"staff": staff, "finance": finance}
        self._seed, self._slow = seed, slow
        self._lock = threading.Lock()
        self.faults: list[str] = []
        self.repeated = 0
        self.done: dict[int, Json] = {}

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def stock(self) -> None:
        """Put what is exchanged for into the catalogue."""
        body = {"name": "Tişört L", "category": "apparel", "price": money("100.00"), "tax_rate": "20", "stock": 10**6}
        for sku in set(STOCK):
            self._send("PUT", f"/products/{sku.replace('#', '%23')}", body, key=None)

    def live(self, number: int) -> None:
        """One life, from the order to the approved refund; a fault of its own is one of ``faults``."""
        try:
            self._live(number)
        except GaveUpError as error:
            self.faults.append(f"life {number}: {error}")

    def _live(self, number: int) -> None:
        """A fifth of them has an exchange beside the refund."""
        told = random.Random(self._seed * 1_000_003 + number)
        script = told.choice(REFUNDS + SLOW_REFUNDS if self._slow else REFUNDS)
        provider = told.choice(("offline", "offline_plain"))
        self._order(number, script, provider, told.choice(LABELS))
        swaps = told.random() < 0.2
        wanted: list[Json] = [{"order_line_id": "2", "quantity": 1, "reason": "changed_mind", "outcome": "refund"}]
        if swaps:
            other = {"outcome": "exchange", "reason": "too_small", "replacement": {"sku": told.choice(STOCK)}}
            wanted.append({"order_line_id": "1", "quantity": 1} | other)
        body = {"order_number": f"S{number}", "method": "drop_off_code", "lines": wanted}
        filed = self._post(f"file-{number}", "/returns", body)
        parcel = self._post(f"parcel-{number}", f"/returns/{filed['id']}/parcels", {"method": "drop_off_code"})
        if told.random() < 0.7:
            self._wait_for_label(filed["id"])
        for status in ("handed_over", "delivered"):
            news = {"status": status, "at": _ago(minutes=10), "source_id": f"{status}-{number}"}
            self._post(f"{status}-{number}", f"/parcels/{parcel['id']}/events", news)
        came = [{"line_id": one["id"], "quantity": 1} for one in filed["lines"]]
        receipt = {"scan_id": f"scan-{number}", "scan": filed["rma_number"], "lines": came, "finished": True}
        self._post(f"receipt-{number}", "/receipts", receipt)
        good = {"grade": "A", "disposition": "restock", "verdict": "accept"}
        judged = self._post(
            f"judge-{number}", f"/returns/{filed['id']}/inspections", {"lines": [{**one, **good} for one in came]}
        )
        refund = self._approve(number, judged["refunds"][0]["id"])
        with self._lock:
            self.done[number] = {"return": filed["id"], "refund": refund, "script": script, "swaps": swaps}

    def _approve(self, number: int, refund_id: str) -> str:
        for turn in range(5):
            shown = self._send("GET", f"/refunds/{refund_id}", None, key=None, who="finance")[1]["total"]
            status, _ = self._send(
                "POST", f"/refunds/{refund_id}/approve", {"expected_total": shown}, key=f"approve-{number}-{turn}",
                who="finance", allowed=(409,),
            )  # fmt: skip
            if status == httpx.codes.OK:
                return refund_id
        raise GaveUpError(f"the refund of {number} is never approved")

    def _order(self, number: int, script: str, provider: str, street: str) -> None:
        paid = {"id": "p1", "tender": "card", "provider": provider, "reference": f"pi_{number}#{script}"}
        bag = line("2", sku="BAG", name="Çanta", quantity=1, unit_price=money("80.00"))
        came = {"id": "d1", "delivered_at": _ago(days=3), "lines": [{"id": "1", "quantity": 3}]}
        came["lines"].append({"id": "2", "quantity": 1})  # type: ignore[attr-defined]
        where = {"name": "Ayşe Yılmaz", "line1": "Moda Cad. 1", "city": "İstanbul", "country": "TR"}
        body = snapshot(
            ordered_at=_ago(days=9), withdrawal_information_given_at=_ago(days=9), promotions=[], lines=[line(), bag],
            customer={"reference": f"c-{number}", "email": f"musteri-{number}@example.com", "name": "Ayşe Yılmaz"},
            ship_to=where | ({"line2": f"Kat 3{street}"} if street else {}), total=money("409.90"), deliveries=[came],
            payments=[paid | {"captured": money("409.90"), "captured_at": _ago(days=9)}],
        )  # fmt: skip
        self._send("PUT", f"/orders/S{number}", body, key=None)

    def _wait_for_label(self, return_id: str) -> None:
        end = time.monotonic() + LABEL
        while time.monotonic() < end:
            seen = self._send("GET", f"/returns/{return_id}", None, key=None)[1]
            if all(one["state"] != "requested" for one in seen["parcels"]):
                return
            time.sleep(0.3)

    def _post(self, key: str, path: str, body: Json) -> Any:
        return self._send("POST", path, body, key=key)[1]

    def _send(
        self, method: str, path: str, body: Any, *, key: str | None, who: str = "staff", allowed: tuple[int, ...] = ()
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._keys[who]}"}
        if key is not None:
            headers["Idempotency-Key"] = f"storm-{key}"
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            try:
                answer = self._http.request(method, path, headers=headers, json=body)
            except httpx.TransportError:
                self._wait()
                continue
            if answer.is_success or answer.status_code in allowed:
                if answer.status_code in allowed and _is_busy(answer):
                    self._wait()
                    continue
                return answer.status_code, answer.json()
            if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
                self.faults.append(f"{method} {path}: {answer.text}")
            if answer.status_code not in _AGAIN and not _is_busy(answer):
                raise GaveUpError(f"{method} {path}: {answer.status_code} {answer.text}")
            self._wait()
        raise GaveUpError(f"{method} {path} was not answered for {LONGEST} s")

    def _wait(self) -> None:
        with self._lock:
            self.repeated += 1
        time.sleep(0.3)


def _is_busy(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.CONFLICT and answer.json().get("code") in ("busy", "in_progress")


def _ago(**how: int) -> str:
    return (datetime.now(UTC) - timedelta(**how)).isoformat()
