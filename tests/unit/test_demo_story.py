"""The story over HTTP, against a small engine that behaves."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from rma.demo import asking, play, turkish, write_keys
from rma.demo.client import Api, Problem, token
from rma.demo.plan import ROLES, Filing, FilingLine, Manner, StorePlan, StoreSpec
from rma.demo.reasons import Why
from rma.demo.story import Story
from rma.demo.tally import Tally
from rma.errors import Unavailable
from tests.support.fake_engine import FakeEngine

TODAY = date(2026, 11, 21)
KEYS = {role: f"key-{role}" for role in ROLES}


def client(engine: FakeEngine) -> httpx.Client:
    """A client that talks to the fake."""
    return httpx.Client(base_url="http://fake", transport=engine.transport())


def told(engine: FakeEngine, plan: StorePlan, folder: Path) -> tuple[Tally, int]:
    """Play one plan; what was counted and how far the progress went."""
    steps: list[int] = []
    with client(engine) as http:
        api = Api(http, keys=KEYS, run="test")
        tally = Story(plan, api=api, folder=folder, advance=steps.append).play()
    return tally, sum(steps)


def test_the_turkish_story_runs_to_its_end(tmp_path: Path) -> None:
    """Every return is filed or refused with a reason, labelled, received, judged, paid or exchanged, and heard."""
    engine = FakeEngine()
    plan = turkish.plan(today=TODAY)
    tally, steps = told(engine, plan, tmp_path)
    assert tally.troubles == []
    assert tally.asked == len(plan.filings)
    assert tally.refused == {"window/late": 1}
    assert tally.examples == {"window/late": "The last day was …."}
    assert tally.states["closed"] == len(tally.scores) > 10
    assert set(tally.states) == {"closed", "awaiting_feedback"}
    assert tally.exchanges == 4
    assert tally.refunded > 0
    assert steps == Story.length(plan)


def test_labels_are_saved_as_files(tmp_path: Path) -> None:
    """The story counts exactly the PDFs that lie in the store's folder."""
    tally, _ = told(FakeEngine(), turkish.plan(today=TODAY), tmp_path)
    assert tally.label_folder == tmp_path / "carsi-tr"
    pdfs = list(tally.label_folder.glob("*.pdf"))
    assert len(pdfs) == tally.labels > 10
    assert all(pdf.read_bytes().startswith(b"%PDF") for pdf in pdfs)


def test_units_that_come_later_get_a_parcel_of_their_own(tmp_path: Path) -> None:
    """A customer who sends part of the goods later sends two parcels, and both are counted and judged."""
    engine = FakeEngine()
    told(engine, turkish.plan(today=TODAY), tmp_path)
    two = [view for view in engine.returns.values() if len(view["parcels"]) == 2]
    assert [(line["received"], line["accepted"]) for view in two for line in view["lines"]] == [(3, 3)]


def test_a_failed_transfer_is_sent_again(tmp_path: Path) -> None:
    """Finance retries what failed, and the money arrives in the end."""
    engine = FakeEngine(failing=frozenset({1, 2}))
    tally, _ = told(engine, turkish.plan(today=TODAY), tmp_path)
    assert tally.troubles == []
    assert set(tally.refunds) == {"succeeded"}
    assert sum(path.endswith("/retry") for _, path, _ in engine.log) == 2


def test_a_large_refund_is_approved_by_two_people(tmp_path: Path) -> None:
    """Where one approval is not enough a second person gives the other."""
    engine = FakeEngine(second_above=5.0)
    tally, _ = told(engine, turkish.plan(today=TODAY), tmp_path)
    assert tally.paid_by_two == len(engine.refunds)
    assert all(refund["approvals"] == ["Bearer key-finance", "Bearer key-second"] for refund in engine.refunds.values())


def test_a_failing_server_is_shown_and_not_fatal(tmp_path: Path) -> None:
    """When one kind of request always fails, the rest of the story goes on and the failure is told."""
    engine = FakeEngine()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/inspections"):
            return httpx.Response(500, text="out of order")
        return engine.answer(request)

    plan = turkish.plan(today=TODAY)
    http = httpx.Client(base_url="http://fake", transport=httpx.MockTransport(answer))
    with http:
        tally = Story(plan, api=Api(http, keys=KEYS, run="t"), folder=tmp_path, advance=lambda _: None).play()
    assert {trouble.step for trouble in tally.troubles} == {"inspection"}
    assert tally.states["inspecting"] > 10


def test_every_writing_request_can_be_repeated(tmp_path: Path) -> None:
    """Each POST but the quote carries an idempotency key, and no key is used for two different requests."""
    engine, seen = FakeEngine(), dict[str, tuple[str, bytes]]()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and not request.url.path.endswith("/quote"):
            key = request.headers["Idempotency-Key"]
            assert seen.setdefault(key, (request.url.path, request.read())) == (request.url.path, request.read())
        return engine.answer(request)

    with httpx.Client(base_url="http://fake", transport=httpx.MockTransport(answer)) as http:
        plan = turkish.plan(today=TODAY)
        Story(plan, api=Api(http, keys=KEYS, run="t"), folder=tmp_path, advance=lambda _: None).play()
    assert len(seen) > 100


FILING = Filing(
    source="C1",
    at=turkish.plan(today=TODAY).spec.clock_start,
    order_number="1",
    lines=(FilingLine(order_line_id="1", quantity=1), FilingLine(order_line_id="2", quantity=2)),
    manner=Manner(outcome="store_credit", method="printed_label"),
)


def quoted(line_id: str, decision: str, **more: object) -> dict[str, object]:
    """One line of a quote."""
    return {"order_line_id": line_id, "decision": decision, "reasons": [], **more}


def test_a_customer_takes_what_is_offered() -> None:
    """Refused lines are left out with their reasons; outcome and way back fall back to what is offered."""
    quote = {
        "lines": [
            quoted("1", "accepted", basis="contract", outcomes=["exchange", "refund"], methods=["drop_off_code"]),
            quoted("2", "refused", reasons=[{"rule": "exclude", "code": "sale", "text": "Final sale."}]),
        ]
    }
    asked = asking.choose(FILING, quote)
    assert asked.body is not None
    assert [(line["order_line_id"], line["outcome"]) for line in asked.body["lines"]] == [("1", "refund")]
    assert asked.body["method"] == "drop_off_code"
    assert asked.refused == (Why(code="exclude/sale", text="Final sale."),)


def test_a_customer_who_is_refused_files_nothing() -> None:
    """When every line is refused nothing is filed, and a reason that all lines share is told once."""
    reason = {"rule": "window", "code": "late", "text": "The last day was 1 October."}
    quote = {"lines": [quoted(str(n), "refused", reasons=[reason]) for n in (1, 2)]}
    asked = asking.choose(FILING, quote)
    assert asked.body is None
    assert asked.refused == (Why(code="window/late", text="The last day was 1 October."),)


@pytest.mark.parametrize(
    "link", ["abc", "https://shop.example/r/abc", "https://shop.example/r#abc", "/r?token=abc", {"token": "abc"}]
)
def test_the_token_is_found_in_any_link(link: object) -> None:
    """The customer's token may come alone, at the end of an address, or in an object."""
    assert token(link) == "abc"
    assert token(None) is None


def test_a_problem_names_its_fields() -> None:
    """A refused request is named, with status, code, the texts of its reasons and the names of wrong fields."""
    body = {"code": "invalid", "detail": "Bad.", "errors": [{"path": "lines[0].quantity", "message": "too many"}]}
    transport = httpx.MockTransport(lambda _: httpx.Response(422, json=body))
    with httpx.Client(base_url="http://fake", transport=transport) as http, pytest.raises(Problem) as caught:
        Api(http, keys=KEYS, run="t").quote({})
    assert str(caught.value) == "POST /returns/quote: 422 invalid: Bad. (lines[0].quantity: too many)"


def test_an_answer_that_is_not_as_agreed_names_the_request_and_what_came() -> None:
    """A field that the answer has not is told with the request, the field and the answer, however deep."""
    answers = iter(({"id": "ret_1", "lines": [{"id": "l1"}]}, ["no object"]))
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=next(answers)))
    with httpx.Client(base_url="http://fake", transport=transport) as http:
        api = Api(http, keys=KEYS, run="t")
        with pytest.raises(Problem) as caught:
            _ = api.view("ret_1")["lines"][0]["expected"]
        with pytest.raises(Problem, match="the answer is no JSON object"):
            api.view("ret_1")
    assert str(caught.value) == (
        'GET /returns/ret_1: 200 unexpected_answer: the answer has no \'expected\': {"id": "l1"}'
    )


def test_a_server_that_is_gone_is_named_with_the_request() -> None:
    """Where nobody answers, the error says which request got no answer and why."""

    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    with httpx.Client(base_url="http://fake", transport=httpx.MockTransport(gone)) as http:
        api = Api(http, keys=KEYS, run="t")
        with pytest.raises(Unavailable, match=r"GET /returns/ret_1 got no answer \(ConnectError: connection refused\)"):
            api.view("ret_1")


def test_an_answer_without_what_a_step_needs_is_trouble_and_no_end(tmp_path: Path) -> None:
    """When the server leaves a field out, the return is told with the request, and the other returns go on."""
    engine = FakeEngine()

    def answer(request: httpx.Request) -> httpx.Response:
        response = engine.answer(request)
        if request.method == "GET" and request.url.path.endswith("/returns/r1"):
            found = response.json()
            return httpx.Response(200, json={name: found[name] for name in found if name != "parcels"})
        return response

    plan = turkish.plan(today=TODAY)
    with httpx.Client(base_url="http://fake", transport=httpx.MockTransport(answer)) as http:
        tally = Story(plan, api=Api(http, keys=KEYS, run="t"), folder=tmp_path, advance=lambda _: None).play()
    assert "GET /returns/r1: 200 unexpected_answer: the answer has no 'parcels'" in tally.troubles[0].text
    assert tally.failed
    assert tally.states["closed"] > 10


class Machine:
    """Both stores on one fake server, and what the demo asked of its surroundings."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._engines = {slug: FakeEngine(slug) for slug in ("gifts-uk", "carsi-tr")}

    def open_stores(self, specs: Sequence[StoreSpec]) -> dict[str, dict[str, str]]:
        """Keys that name their store and role."""
        self.calls += [spec.slug for spec in specs if {key.role for key in spec.keys} == set(ROLES)]
        return {spec.slug: {role: f"{spec.slug}-{role}" for role in ROLES} for spec in specs}

    @contextmanager
    def server(self) -> Iterator[str]:
        """Serve while the demo plays and holds."""
        self.calls.append("up")
        yield "http://127.0.0.1:8000"
        self.calls.append("down")

    def connect(self, base_url: str) -> httpx.Client:
        """A client of the fake server."""
        return httpx.Client(base_url=base_url, transport=httpx.MockTransport(self.answer))

    def hold(self) -> None:
        """Somebody looks around and leaves."""
        self.calls.append("held")

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The answer of the store that the key or link belongs to."""
        who = request.headers["Authorization"].partition(" ")[2]
        return next(engine for slug, engine in self._engines.items() if who.startswith(slug)).answer(request)


def test_the_whole_demo_says_what_it_did(tmp_path: Path) -> None:
    """The demo opens the stores, serves, plays both, and shows sources, moved dates, test mode, results and links."""
    machine, console = Machine(), Console(file=io.StringIO(), width=160)
    code = play(
        data=None, today=TODAY, data_dir=tmp_path, console=console, open_stores=machine.open_stores,
        server=machine.server, hold=machine.hold, connect=machine.connect,
    )  # fmt: skip
    assert code == 0
    assert machine.calls == ["gifts-uk", "carsi-tr", "up", "held", "down"]
    screen = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]
    for text in (
        "Daqing Chen",
        "CC BY 4.0",
        "test mode",
        "whole weeks",
        "no earlier sale",
        "/api/docs",
        "/gifts-uk/policy",
        "/carsi-tr/withdraw",
        "demo-keys.json",
    ):
        assert text in screen
    for text in (
        "returns asked for",
        "197",
        "The last day was …",
        "credited by the retailer",
        "refunded",
        "TRY",
        "GBP",
        str(tmp_path / "labels"),
    ):
        assert text in screen


def test_a_demo_that_met_trouble_ends_with_one(tmp_path: Path) -> None:
    """Without hold the demo ends after the story, and its exit code says that something went wrong."""
    machine, console = Machine(), Console(file=io.StringIO(), width=160)

    def broken(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/approve") and "refunds" in request.url.path:
            return httpx.Response(503, json={"code": "unavailable", "detail": "Come back later."})
        return machine.answer(request)

    code = play(
        data=None, today=TODAY, data_dir=tmp_path, console=console, open_stores=machine.open_stores,
        server=machine.server, hold=None,
        connect=lambda url: httpx.Client(base_url=url, transport=httpx.MockTransport(broken)),
    )  # fmt: skip
    assert code == 1
    assert machine.calls[-1] == "down"
    assert "503 unavailable: Come back later." in " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_keys_are_written_for_their_owner_alone(tmp_path: Path) -> None:
    """The file of the demo's keys is readable by its owner and nobody else."""
    path = write_keys({"gifts-uk": KEYS}, tmp_path / "new")
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_bytes()) == {"gifts-uk": KEYS}
