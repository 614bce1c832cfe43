"""Bad input to returns, parcels, receipts, inspections and refunds: the field is named, and nothing is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from rma.db import tables
from rma.services.caller import SCOPES
from tests.support.desk import Desk
from tests.support.snapshots import Json, money

if TYPE_CHECKING:
    from tests.api.conftest import Api, Headers

DEEP = 100
LARGE = 3 << 20
HUGE = 10**30


class Scene:
    """A return of two of three shirts: one came and is good, its refund is proposed; and a return of another order."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.desk = Desk(api.services)
        self.desk.order("1001")
        self.desk.order("1002")
        self.who: Headers = api.key(*SCOPES, person="ayla@example.com", store_id=self.desk.store_id)
        filed = self.desk.file("1001", quantity=2)
        other = self.desk.file("1002")
        self.names = {"return": filed["id"], "line": filed["lines"][0]["id"], "other": other["lines"][0]["id"]}
        self.names["parcel"] = self.sent("/returns/{return}/parcels", {"method": "own_carrier"})["id"]
        one = {"line_id": "{line}", "quantity": 1}
        self.sent("/receipts", {"return_id": "{return}", "scan_id": "first", "lines": [one]})
        judged = one | {"grade": "A", "disposition": "restock", "verdict": "accept"}
        refund = self.sent("/returns/{return}/inspections", {"lines": [judged]})["refunds"][0]
        self.names |= {"refund": refund["id"], "transfer": refund["transfers"][0]["id"]}

    def sent(self, path: str, body: Json) -> Any:
        """What a good request answers."""
        answer = self.api.post(self.filled(path), self.filled(body), self.who)
        assert answer.is_success, answer.text
        return answer.json()

    def filled(self, value: Any) -> Any:
        """Texts with the names of this scene in their places."""
        if isinstance(value, str):
            for name, found in self.names.items():
                value = value.replace(f"{{{name}}}", found)
        elif isinstance(value, dict):
            return {key: self.filled(part) for key, part in value.items()}
        elif isinstance(value, list):
            return [self.filled(part) for part in value]
        return value

    def rows(self) -> dict[str, int]:
        """How many rows every table has."""
        with self.api.services.database.read() as work:
            return {
                table.name: int(work.conn.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0)
                for table in tables.metadata.sorted_tables
            }

    def refused(self, path: str, **sent: Any) -> tuple[int, Json]:
        """Status and problem of a request that writes nothing."""
        before = self.rows()
        answer = self.api.client.post(
            f"/api/v1{self.filled(path)}",
            headers=self.who | {"Idempotency-Key": "bad", "Content-Type": "application/json"} | sent.pop("headers", {}),
            **sent,
        )
        assert self.rows() == before
        assert answer.headers["content-type"].startswith("application/problem+json")
        return answer.status_code, answer.json()


@pytest.fixture
def scene(api: Api) -> Scene:
    """A return half way."""
    return Scene(api)


def returned(**changes: Any) -> Json:
    """A filing whose one line is changed."""
    return {"order_number": "1001", "lines": [{"order_line_id": "1", "quantity": 1} | changes]}


def counted(**changes: Any) -> Json:
    """A receipt whose one line is changed."""
    return {"return_id": "{return}", "scan_id": "s", "lines": [{"line_id": "{line}", "quantity": 1} | changes]}


def judged(**changes: Any) -> Json:
    """An inspection whose one line is changed."""
    good = {"line_id": "{line}", "quantity": 1, "grade": "A", "disposition": "restock", "verdict": "accept"}
    return {"lines": [good | changes]}


def sending(**changes: Any) -> Json:
    """A parcel that is changed."""
    return {"method": "own_carrier", "lines": [{"line_id": "{line}", "quantity": 1}]} | changes


def news(**changes: Any) -> Json:
    """What a carrier says, changed."""
    return {"status": "delivered", "at": "2026-01-01T00:00:00Z", "source_id": "n"} | changes


LESS = {"percent": "10", "reason": "leke"}
RETURNS = [
    ("order_number", {"lines": []}),
    ("lines", {"order_number": "1001", "lines": []}),
    ("lines[0].order_line_id", returned(order_line_id="9")),
    ("lines[0].order_line_id", returned(order_line_id="{other}")),
    ("lines[0].order_line_id", returned(order_line_id=1)),
    ("lines[0].quantity", returned(quantity=2)),
    ("lines[0].quantity", returned(quantity=0)),
    ("lines[0].quantity", returned(quantity=-1)),
    ("lines[0].quantity", returned(quantity=HUGE)),
    ("lines[0].quantity", returned(quantity="1")),
    ("lines[0].quantity", returned(quantity=1.5)),
    ("lines[0].quantity", returned(quantity=None)),
    ("lines[0].kind", returned(kind="whim")),
    ("lines[0].outcome", returned(outcome="gold")),
    ("lines[0].outcome", returned(outcome="repair")),
    ("lines[0].color", returned(color="red")),
    ("lines[0].condition.smell", returned(condition={"smell": True})),
    ("lines[0].condition.opened", returned(condition={"opened": "yes"})),
    ("lines[0].damage", returned(damage="broken")),
    ("lines[0].note", returned(note="NUL \x00")),
    ("lines[0].note", returned(note="x" * 5000)),
    ("lines[0].noticed_at", returned(noticed_at="2999-01-01T00:00:00Z")),
    ("lines[0].noticed_at", returned(noticed_at="0001-01-01T00:00:00Z")),
    ("lines[0].noticed_at", returned(noticed_at="2026-01-01T00:00:00")),
    ("lines[0].noticed_at", returned(noticed_at="yesterday")),
    ("lines[0].replacement", returned(outcome="exchange")),
    ("lines[0].replacement.sku", returned(outcome="exchange", replacement={"sku": "NOT-HERE"})),
    ("lines[0].replacement.quantity", returned(outcome="exchange", replacement={"sku": "TS", "quantity": 0})),
    (
        "lines[0].replacement.unit_price.currency",
        returned(outcome="exchange", replacement={"sku": "TS", "unit_price": money("1.00", "EUR")}),
    ),
    (
        "lines[0].replacement.unit_price.amount",
        returned(outcome="exchange", replacement={"sku": "TS", "unit_price": money("1.001")}),
    ),
    ("method", returned() | {"method": "pigeon"}),
    ("method", returned() | {"method": "none"}),
    ("from_address.line1", returned() | {"from_address": {"city": "İzmir"}}),
    ("pickup.date", returned() | {"pickup": {"date": "soon"}}),
    ("payout.iban", returned() | {"payout": {"iban": "", "holder": "A"}}),
    ("contact.email", returned() | {"contact": {"email": "not an address"}}),
    ("override.reason", returned() | {"override": {"reason": " "}}),
    ("gift", returned() | {"gift": True}),
    ("", [returned()]),
]
PARCELS = [
    ("method", sending(method="none")),
    ("method", sending(method=7)),
    ("direction", sending(direction="sideways")),
    ("lines[0].line_id", sending(lines=[{"line_id": "{other}", "quantity": 1}])),
    ("lines[0].quantity", sending(lines=[{"line_id": "{line}", "quantity": 3}])),
    ("lines[0].quantity", sending(lines=[{"line_id": "{line}", "quantity": 0}])),
    ("weight_g", sending(weight_g=-5)),
    ("weight_g", sending(weight_g=HUGE)),
    ("tracking", sending(tracking="")),
    ("handed_over_at", sending(handed_over_at="2999-01-01T00:00:00Z")),
    ("cost.amount.amount", sending(cost={"amount": money("1.234")})),
    ("cost.amount.amount", sending(cost={"amount": money("-1.00")})),
    ("cost.amount.currency", sending(cost={"amount": money("1.00", "USD")})),
    ("cost.tip", sending(cost={"amount": money("1.00"), "tip": 1})),
]
NEWS = [
    ("status", news(status="exploded")),
    ("at", news(at="2999-01-01T00:00:00Z")),
    ("at", news(at="0001-01-01T00:00:00Z")),
    ("at", news(at="2026-01-01T00:00:00")),
    ("at", news(at=None)),
    ("source_id", news(source_id="")),
    ("source_id", news(source_id="x" * 500)),
    ("carrier_status", news(carrier_status="\x00")),
]
RECEIPTS = [
    ("scan_id", {"return_id": "{return}", "lines": []}),
    ("scan", {"scan_id": "s", "lines": []}),
    ("lines", {"scan_id": "s", "return_id": "{return}"}),
    ("lines[0]", counted(sku="TS-RED-M")),
    ("lines[0]", counted(line_id=None)),
    ("lines[0].line_id", counted(line_id="{other}")),
    ("lines[0].quantity", counted(quantity=0)),
    ("lines[0].quantity", counted(quantity=-2)),
    ("lines[0].grade", counted(grade="E")),
    ("missing[0].line_id", counted() | {"missing": [{"line_id": "rln_x", "quantity": 1}]}),
    ("missing[0].quantity", counted() | {"missing": [{"line_id": "{line}", "quantity": 2}]}),
    ("unexpected[0].quantity", counted() | {"unexpected": [{"sku": "X", "quantity": 0}]}),
    ("unexpected[0].evidence_id", counted() | {"unexpected": [{"sku": "X", "evidence_id": "evd_x"}]}),
    ("parcel_id", counted() | {"parcel_id": "par_x"}),
    ("finished", counted() | {"finished": "yes"}),
]
INSPECTIONS = [
    ("lines", {"lines": []}),
    ("lines[0].line_id", judged(line_id="{other}")),
    ("lines[0].quantity", judged(quantity=0)),
    ("lines[0].quantity", judged(quantity=True)),
    ("lines[0].grade", judged(grade="Z")),
    ("lines[0].disposition", judged(disposition="eat")),
    ("lines[0].disposition", judged(disposition="send_back")),
    ("lines[0].verdict", judged(verdict="maybe")),
    ("lines[0].reason", judged(verdict="reject")),
    ("lines[0].deduction", judged(verdict="part")),
    ("lines[0].deduction", judged(deduction=LESS)),
    ("lines[0].deduction", judged(verdict="part", deduction={"reason": "x"})),
    ("lines[0].deduction.percent", judged(verdict="part", deduction=LESS | {"percent": "101"})),
    ("lines[0].deduction.reason", judged(verdict="part", deduction=LESS | {"reason": " "})),
    (
        "lines[0].deduction.amount.currency",
        judged(verdict="part", deduction={"amount": money("1.00", "EUR"), "reason": "x"}),
    ),
    ("lines[0].evidence_ids", judged(grade="D")),
    ("lines[0].evidence_ids", judged(grade="D", evidence_ids=["evd_x"])),
]
APPROVALS = [
    ("expected_total", {}),
    ("expected_total", {"expected_total": "100.00"}),
    ("expected_total.amount", {"expected_total": money("100.001")}),
    ("expected_total.amount", {"expected_total": money("1e2")}),
    ("expected_total.currency", {"expected_total": money("100.00", "EUR")}),
]
WITHOUT_GOODS = [
    ("components", {"components": [], "reason": "x"}),
    ("reason", {"components": [{"kind": "shipping"}], "reason": ""}),
    ("components[0].kind", {"components": [{"kind": "tip"}], "reason": "x"}),
    ("components[0].amount", {"components": [{"kind": "goodwill"}], "reason": "x"}),
    ("components[0].amount.amount", {"components": [{"kind": "goodwill", "amount": money("-1.00")}], "reason": "x"}),
    (
        "components[0].amount.currency",
        {"components": [{"kind": "shipping", "amount": money("1.00", "EUR")}], "reason": "x"},
    ),
    ("components[0].order_line_id", {"components": [{"kind": "goods", "order_line_id": "9"}], "reason": "x"}),
    (
        "components[0].order_line_id",
        {"components": [{"kind": "goodwill", "amount": money("1.00"), "order_line_id": "9"}], "reason": "x"},
    ),
    (
        "components[0].units",
        {"components": [{"kind": "goods", "order_line_id": "1", "units": [[1, 9]]}], "reason": "x"},
    ),
    (
        "components[0].units[0]",
        {"components": [{"kind": "goods", "order_line_id": "1", "units": [[2, 1]]}], "reason": "x"},
    ),
]
OTHERS = [
    ("/refunds/{refund}/resolve", "outcome", {"transfer_id": "{transfer}", "outcome": "maybe", "proof": "x"}),
    ("/refunds/{refund}/resolve", "proof", {"transfer_id": "{transfer}", "outcome": "failed", "proof": " "}),
    ("/refunds/{refund}/refuse", "reason", {}),
    ("/refunds/{refund}/retry", "transfer_id", {}),
    ("/returns/{return}/feedback", "score", {"score": 6}),
    ("/returns/{return}/payments", "amount", {"reference": "r", "amount": money("0.00"), "tender": "card"}),
    ("/returns/{return}/actions/dispute", "reason", {}),
    ("/returns/{return}/actions/fly", "trigger", {}),
    ("/returns/{return}/lines/{line}/outcome", "outcome", {"outcome": "gold"}),
    ("/returns/{return}/lines/{line}/offer", "price_reduction", {"price_reduction": {}}),
    ("/returns/{return}/lines/{line}/offer", "price_reduction.percent", {"price_reduction": {"percent": "300"}}),
    ("/receipts/unknown", "skus[0]", {"skus": [1]}),
    ("/receipts/unknown", "evidence_id", {"evidence_id": "evd_x"}),
]
GROUPS: dict[str, list[tuple[str, str, Any]]] = {
    "returns": [("/returns", path, body) for path, body in RETURNS],
    "parcels": [("/returns/{return}/parcels", path, body) for path, body in PARCELS],
    "news": [("/parcels/{parcel}/events", path, body) for path, body in NEWS],
    "receipts": [("/receipts", path, body) for path, body in RECEIPTS],
    "inspections": [("/returns/{return}/inspections", path, body) for path, body in INSPECTIONS],
    "approvals": [("/refunds/{refund}/approve", path, body) for path, body in APPROVALS],
    "money without goods": [("/orders/1001/refunds", path, body) for path, body in WITHOUT_GOODS],
    "others": OTHERS,
}
EVERYWHERE = sorted({path for cases in GROUPS.values() for path, _, _ in cases} - {"/returns/{return}/actions/fly"})
UNREADABLE: list[tuple[str, int, bytes, str]] = [
    ("broken JSON", 400, b'{"lines": [', "application/json"),
    ("no JSON", 400, b"lines=1", "application/json"),
    ("half a character", 400, b'{"note": "\xc3"}', "application/json"),
    ("half a surrogate", 400, b'{"note": "\\ud800"}', "application/json"),
    ("deep JSON", 400, b"[" * DEEP + b"]" * DEEP, "application/json"),
    ("a list", 422, b"[]", "application/json"),
    ("a number", 422, b"7", "application/json"),
    ("a form", 415, b"lines=1", "application/x-www-form-urlencoded"),
    ("a text", 415, b"{}", "text/plain"),
    ("too much", 413, b'{"note": "' + b"x" * LARGE + b'"}', "application/json"),
]


@pytest.mark.parametrize("group", GROUPS)
def test_every_wrong_field_is_named_and_nothing_is_written(group: str, scene: Scene) -> None:
    """Each wrong body is answered with 422 that names its field by path, and every table has as many rows as before."""
    for path, wrong, body in GROUPS[group]:
        status, problem = scene.refused(path, content=json.dumps(scene.filled(body)))
        named = [error["path"] for error in problem.get("errors", [])]
        assert (status, problem["status"]) == (422, 422), (path, wrong, body, problem)
        assert wrong in named, (path, wrong, named)
        assert all(error["code"] and error["message"] for error in problem["errors"])


def test_what_cannot_be_read_is_refused_everywhere(scene: Scene) -> None:
    """Broken, deep, too large or differently typed bodies get a status of their own on every route; nothing is kept."""
    for path in EVERYWHERE:
        for what, expected, body, media_type in UNREADABLE:
            status, problem = scene.refused(path, content=body, headers={"Content-Type": media_type})
            assert (status, problem["status"]) == (expected, expected), (path, what, problem)
            assert problem["detail"]


def test_every_fault_of_one_body_is_told_at_once(scene: Scene) -> None:
    """A body with several faults is answered with all of them, so that nobody mends one after the other."""
    body = {"order_number": 7, "lines": [{"order_line_id": "1"}, {"quantity": "2", "color": "red"}], "method": "pigeon"}
    _, problem = scene.refused("/returns", content=json.dumps(body))
    assert {error["path"] for error in problem["errors"]} == {
        "order_number",
        "lines[0].quantity",
        "lines[1].order_line_id",
        "lines[1].quantity",
        "lines[1].color",
        "method",
    }


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/returns", returned() | {"order_number": "nobody"}, 404, "not_found"),
        ("/returns/ret_nobody/parcels", sending(), 404, "not_found"),
        ("/returns/{return}/inspections", judged(quantity=2), 409, "more_than_received"),
        ("/receipts", counted(quantity=2), 409, "more_than_requested"),
        ("/receipts", {"scan": "nobody", "scan_id": "s", "finished": True}, 404, "not_found"),
        ("/refunds/ref_nobody/approve", {"expected_total": money("1.00")}, 404, "not_found"),
        ("/refunds/{refund}/approve", {"expected_total": money("1.00")}, 409, "refused"),
        ("/refunds/{refund}/retry", {"transfer_id": "{transfer}"}, 409, "transfer_not_failed"),
        ("/refunds/{refund}/retry", {"transfer_id": "tra_nobody"}, 404, "not_found"),
        ("/receipts/unknown/unx_nobody/match", {"return_id": "{return}"}, 404, "not_found"),
        ("/unexpected/unx_nobody/dispose", {"disposition": "donate"}, 404, "not_found"),
        ("/orders/nobody/refunds", {"components": [{"kind": "shipping"}], "reason": "x"}, 404, "not_found"),
    ],
)
def test_what_is_not_there_or_too_much_is_refused(path: str, body: Json, status: int, code: str, scene: Scene) -> None:
    """Unknown things are 404, units that are not there are 409 with a reason; nothing is written either way."""
    answered, problem = scene.refused(path, content=json.dumps(scene.filled(body)))
    assert (answered, problem["code"]) == (status, code)


def test_an_unknown_parcel_is_matched_to_a_return_that_exists(scene: Scene) -> None:
    """A match that names no return leaves the parcel on its shelf."""
    shelved = scene.sent("/receipts/unknown", {"shelf": "A"})
    path = f"/receipts/unknown/{shelved['id']}/match"
    assert scene.refused(path, content=json.dumps({"return_id": "ret_nobody"}))[0] == 404
