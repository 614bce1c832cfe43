"""The durable acts for labels, on both databases, against the offline carrier and one that is harder to please."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database, now
from rma.domain.ports import Carrier, Health, IssuedLabel, LabelAnswer, LabelMethod, LabelOrder
from rma.providers.carrier_offline import OfflineCarrier
from rma.services import effects, label_acts
from rma.services.context import Services
from rma.settings import Settings
from tests.support.desk import Desk


@pytest.fixture
def services(database_url: str, tmp_path: Path) -> Iterator[Services]:
    """The services on a database of their own, nothing running in the background."""
    opened = Database(database_url)
    yield create_services(Settings(data_dir=tmp_path, access_log=False), database=opened)
    opened.close()


@pytest.fixture
def desk(services: Services) -> Desk:
    """A store with one order."""
    made = Desk(services)
    made.order()
    return made


def _offline(desk: Desk) -> OfflineCarrier:
    return cast(OfflineCarrier, desk.services.ports.carriers["offline"])


def _filed(desk: Desk) -> tuple[dict[str, Any], str]:
    """A return and a parcel of it that waits for its label."""
    filed = desk.file()
    return filed, desk.parcel(filed)


def _attempt(desk: Desk, parcel_id: str, effect: str = "issue_label", number: int = 1) -> Any:
    return desk.row(tables.Attempt, f"{parcel_id}:{number}:{effect}")


def _parcel(desk: Desk, parcel_id: str) -> Any:
    return desk.row(tables.Parcel, parcel_id)


def test_a_label_is_issued_and_the_parcel_is_ready(desk: Desk) -> None:
    """The act writes tracking number and last day, moves the parcel, and ends its attempt."""
    filed, parcel_id = _filed(desk)
    desk.run()
    parcel = _parcel(desk, parcel_id)
    assert (parcel.state, parcel.carrier, parcel.code) == ("label_ready", "offline", None)
    assert parcel.tracking.startswith("OF")
    assert parcel.expires_on is not None
    assert _attempt(desk, parcel_id).state == "done"
    assert desk.events(filed)[-1][0] == "parcel.label_ready"


def test_a_label_lasts_as_long_as_the_goods_may_be_sent(desk: Desk) -> None:
    """The last day of the label is the last day of the return's way back."""
    filed, parcel_id = _filed(desk)
    desk.run()
    assert filed["next_deadline"]["name"] == "ship_back"
    assert _parcel(desk, parcel_id).expires_on == date.fromisoformat(filed["next_deadline"]["lenient"])


def test_a_code_for_the_counter_is_a_code(desk: Desk) -> None:
    """Asked for a code, the carrier gives a code and no tracking number."""
    parcel_id = desk.parcel(desk.file(), "drop_off_code")
    desk.run()
    parcel = _parcel(desk, parcel_id)
    assert (parcel.tracking, parcel.code.isdigit()) == (None, True)


def test_what_the_carrier_is_told_is_where_the_goods_are_and_go(desk: Desk) -> None:
    """The order names the customer as sender and the store's return address as recipient, by the RMA number."""
    seen: list[LabelOrder] = []
    desk.services.ports = _with_carrier(desk, _Plain(seen))
    desk.change(tables.Store, desk.store_id, test_mode=False)
    desk.services.catalog.forget_store(desk.store_id)
    home = {"name": "Ayşe Y.", "line1": "İş Cad. 2", "city": "Ankara"}
    filed = desk.file(from_address=home, method="pick_up", pickup={"date": "2026-12-01"})
    desk.parcel(filed, "pick_up", carrier="plain", weight_g=900)
    desk.run()
    [order] = seen
    assert (order.sender.name, order.sender.line1, order.sender.country) == ("Ayşe Y.", "İş Cad. 2", "TR")
    assert (order.recipient.line1, order.reference) == ("İkitelli OSB 88", filed["rma_number"])
    assert (order.method, order.pick_up_on, order.weight_g) == ("pick_up", date(2026, 12, 1), 900)


def test_an_answer_that_got_lost_is_asked_for_and_not_ordered_again(desk: Desk) -> None:
    """After a time-out the act asks what became of its key; the carrier was called once."""
    _, parcel_id = _filed(desk)
    _offline(desk).script(f"{parcel_id}:1:issue_label", "timeout-after")
    desk.run()
    assert (_parcel(desk, parcel_id).state, _attempt(desk, parcel_id).state) == ("requested", "asking")
    desk.run()
    assert (_parcel(desk, parcel_id).state, _attempt(desk, parcel_id).state) == ("label_ready", "done")
    assert [call.step for call in _offline(desk).calls()] == ["timeout-after"]


def test_an_order_that_never_came_is_ordered_again_under_the_same_key(desk: Desk) -> None:
    """A carrier that honours keys is asked first and then called again."""
    _, parcel_id = _filed(desk)
    _offline(desk).script(f"{parcel_id}:1:issue_label", "timeout-before,succeed")
    desk.run()
    desk.run()
    assert _parcel(desk, parcel_id).state == "label_ready"
    assert {call.key for call in _offline(desk).calls()} == {f"{parcel_id}:1:issue_label"}


def test_a_busy_carrier_is_tried_again(desk: Desk) -> None:
    """What may work later does not end the attempt."""
    _, parcel_id = _filed(desk)
    _offline(desk).script(f"{parcel_id}:1:issue_label", "busy,succeed")
    desk.run()
    assert (_parcel(desk, parcel_id).state, _attempt(desk, parcel_id).error) == ("requested", "busy")
    desk.run()
    assert (_parcel(desk, parcel_id).state, _attempt(desk, parcel_id).error) == ("label_ready", None)


def test_a_refused_label_voids_the_parcel_and_a_person_is_asked(desk: Desk) -> None:
    """For good refused: the parcel is void with the carrier's reason and the return goes to review."""
    filed, parcel_id = _filed(desk)
    _offline(desk).script(f"{parcel_id}:1:issue_label", "fail:area_not_served")
    desk.run()
    parcel = _parcel(desk, parcel_id)
    assert (parcel.state, parcel.doc["refusal"]["code"]) == ("void", "area_not_served")
    assert desk.row(tables.Return, filed["id"]).state == "in_review"
    assert [name for name, _ in desk.events(filed)][-2:] == ["parcel.void", "return.disputed"]


def test_a_sentence_is_no_code(desk: Desk) -> None:
    """What a carrier says of a person where its code belongs enters neither the history nor what is kept of the act."""
    filed, parcel_id = _filed(desk)
    _offline(desk).script(f"{parcel_id}:1:issue_label", "fail:Ayse moved away")
    desk.run()
    assert (_parcel(desk, parcel_id).doc["refusal"]["code"], _attempt(desk, parcel_id).error) == ("refused", None)
    assert "Ayse" not in str(desk.events(filed)[-2:])


def test_the_same_act_run_again_changes_nothing(desk: Desk) -> None:
    """A second run of a finished attempt does not call the carrier and writes no event."""
    filed, parcel_id = _filed(desk)
    desk.run()
    before = desk.events(filed)
    label_acts.issue_label(desk.services, f"{parcel_id}:1:issue_label")
    assert desk.events(filed) == before
    assert len(_offline(desk).calls()) == 1


def test_a_process_that_died_after_the_call_finds_its_label(desk: Desk) -> None:
    """A run that finds the attempt begun asks the carrier, and the label that was made is taken over."""
    _, parcel_id = _filed(desk)
    seen: list[LabelOrder] = []
    good = desk.services.ports
    desk.services.ports = _with_carrier(desk, _Dying(seen, _offline(desk)))
    with pytest.raises(SystemExit):
        desk.run()
    desk.services.ports = good
    desk.run()
    assert (_parcel(desk, parcel_id).state, len(seen)) == ("label_ready", 1)
    assert [call.fresh for call in _offline(desk).calls()] == [True]


def test_a_parcel_cancelled_before_its_label_needs_none(desk: Desk) -> None:
    """The carrier is not called for a parcel that is void by then, and there is nothing to take back."""
    filed, parcel_id = _filed(desk)
    desk.void(filed, parcel_id)
    desk.run()
    assert _offline(desk).calls() == ()
    assert _attempt(desk, parcel_id, "void_label").answer["code"] == "never_issued"


def test_a_label_that_is_not_needed_is_taken_back(desk: Desk) -> None:
    """Voiding a parcel tells the carrier, under the key of the label."""
    filed, parcel_id = _filed(desk)
    desk.run()
    desk.void(filed, parcel_id)
    desk.run()
    answer = _offline(desk).lookup(f"{parcel_id}:1:issue_label")
    assert answer is not None
    assert answer.state == "void"
    assert _attempt(desk, parcel_id, "void_label").state == "done"


def test_a_parcel_cancelled_while_the_label_is_made_is_taken_back_afterwards(desk: Desk) -> None:
    """The act of voiding waits for a label that is under way, then takes it back; the parcel stays void."""
    filed, parcel_id = _filed(desk)
    _offline(desk).script(f"{parcel_id}:1:issue_label", "timeout-after")
    desk.run()
    desk.void(filed, parcel_id)
    label_acts.void_label(desk.services, f"{parcel_id}:1:void_label")
    assert _attempt(desk, parcel_id, "void_label").state == "asking"
    desk.run()
    desk.run()
    answer = _offline(desk).lookup(f"{parcel_id}:1:issue_label")
    assert (answer and answer.state, _parcel(desk, parcel_id).state) == ("void", "void")


def test_a_carrier_without_keys_is_called_again_only_when_it_must_know(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never heard of it, too soon, proves nothing, nor does a clock that was set; after two minutes it does."""
    seen: list[LabelOrder] = []
    desk.services.ports = _with_carrier(desk, _Plain(seen, lost=1))
    desk.change(tables.Store, desk.store_id, test_mode=False)
    desk.services.catalog.forget_store(desk.store_id)
    _, parcel_id = _filed(desk)
    desk.change(tables.Parcel, parcel_id, carrier="plain")
    desk.run()
    desk.run()
    assert (len(seen), _attempt(desk, parcel_id).state) == (1, "asking")
    sent_at = now() - timedelta(seconds=label_acts.PROVEN_AFTER + 1)
    key = f"{parcel_id}:1:issue_label"
    desk.change(tables.Attempt, key, sent_at=sent_at)
    desk.run()
    assert (len(seen), _attempt(desk, parcel_id).state) == (1, "asking")
    monkeypatch.setitem(effects.HEARD, (key, sent_at), time.monotonic() - label_acts.PROVEN_AFTER - 1)
    desk.run()
    assert (len(seen), _parcel(desk, parcel_id).state) == (2, "label_ready")


def test_the_carriers_own_document_is_kept_with_the_return(desk: Desk) -> None:
    """A label that comes as a PDF is stored among the files of the return."""
    desk.services.ports = _with_carrier(desk, _Plain([]))
    desk.change(tables.Store, desk.store_id, test_mode=False)
    desk.services.catalog.forget_store(desk.store_id)
    filed, parcel_id = _filed(desk)
    desk.change(tables.Parcel, parcel_id, carrier="plain")
    desk.run()
    key = _parcel(desk, parcel_id).doc["label"]["document"]
    assert key.startswith(filed["id"])
    assert desk.services.ports.files.get(key) == b"%PDF-carrier"


def test_goods_that_go_out_to_nowhere_are_a_matter_for_a_person(desk: Desk) -> None:
    """Without an address no courier is sent: the label is refused with the reason."""
    number = desk.order("1002", ship_to={"country": "TR"})
    parcel_id = desk.parcel(desk.file(number, method="pick_up"), "pick_up")
    desk.run()
    parcel = _parcel(desk, parcel_id)
    assert (parcel.state, parcel.doc["refusal"]["code"]) == ("void", "no_address")


class _Plain:
    """A carrier without idempotency keys whose first ``lost`` orders vanish on the way; it makes its own documents."""

    name = "plain"
    idempotent = False
    methods: frozenset[LabelMethod] = frozenset({"printed_label", "pick_up"})

    def __init__(self, seen: list[LabelOrder], *, lost: int = 0) -> None:
        self._seen = seen
        self._lost = lost
        self._made: dict[str, LabelAnswer] = {}

    def health(self) -> Health:
        return Health(ok=True, detail="ready")

    def issue(self, order: LabelOrder) -> LabelAnswer:
        self._seen.append(order)
        if len(self._seen) <= self._lost:
            return LabelAnswer(state="unknown", code="timeout")
        label = IssuedLabel(
            carrier="plain", reference="1", tracking=f"PL{len(self._seen)}", payload=b"%PDF-carrier",
            media_type="application/pdf",
        )  # fmt: skip
        self._made[order.key] = LabelAnswer(state="issued", label=label)
        return self._made[order.key]

    def void(self, key: str) -> LabelAnswer:
        return msgspec.structs.replace(self._made[key], state="void")

    def lookup(self, key: str) -> LabelAnswer | None:
        return self._made.get(key)


class _Dying:
    """The offline carrier in a process that is killed before it hears the answer."""

    name = "offline"
    idempotent = True

    def __init__(self, seen: list[LabelOrder], real: OfflineCarrier) -> None:
        self._seen = seen
        self._real = real
        self.methods = real.methods

    def health(self) -> Health:
        return self._real.health()

    def issue(self, order: LabelOrder) -> LabelAnswer:
        self._seen.append(order)
        self._real.issue(order)
        raise SystemExit

    def void(self, key: str) -> LabelAnswer:
        return self._real.void(key)

    def lookup(self, key: str) -> LabelAnswer | None:
        return self._real.lookup(key)


def _with_carrier(desk: Desk, carrier: Carrier) -> Any:
    """The same outside with one more carrier."""
    ports: Any = desk.services.ports
    return msgspec.structs.replace(ports, carriers={**ports.carriers, carrier.name: carrier})
