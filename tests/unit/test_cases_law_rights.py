"""The worked cases on what the law gives besides dates: exceptions, freight, remedies, buttons, messages."""

from __future__ import annotations

from datetime import date

import pytest

from rma.domain import law_rights, page_texts
from rma.domain.calendar import in_time, last_instant
from rma.domain.law import Exemption
from rma.domain.law_dates import withdrawal_end
from rma.domain.law_files import load_laws
from rma.domain.order import ATTRIBUTES
from rma.domain.texts import LANGUAGES
from rma.errors import DefinitionError
from tests.support.decisions import at
from tests.support.law_rows import rows
from tests.support.laws import files, law

PLACES = {"TR": "TR", "EU": "DE", "UK": "GB"}
OPENED = frozenset({"opened"})
DIGITAL = {"instant_digital", "digital_consent", "digital_acknowledged"}


def _right(place: str, attributes: set[str], condition: frozenset[str] = frozenset(), on: str = "2026-09-01") -> bool:
    found = law(PLACES[place], on)
    return law_rights.exemption(found, attributes=frozenset(attributes), condition=condition) is None


def _wanted(case_id: str) -> dict[str, bool]:
    """What the row says of each place: a right, or none."""
    return {place: text.upper().startswith("YES") for place, text in rows()[case_id].expected.items()}


@pytest.mark.parametrize(
    ("case_id", "attributes", "condition"),
    [
        ("F01", {"custom_made"}, frozenset()),
        ("F07", set(), OPENED),
        ("F09", {"media_opened"}, OPENED),
        ("F10", {"media_opened"}, OPENED),
        ("F11", {"media_opened", "opened_exempt"}, OPENED),
        ("F12", DIGITAL, frozenset()),
        ("F14", set(), frozenset()),
        ("F16", {"market_price"}, frozenset()),
        ("F19", {"registrable_vehicle_or_drone"}, frozenset()),
        ("F20", {"installed_by_service"}, frozenset({"installed"})),
        ("F24", set(), frozenset({"opened", "used"})),
    ],
)
def test_exceptions_by_place(case_id: str, attributes: set[str], condition: frozenset[str]) -> None:
    """The row's item has a right to be given back in the places that it names, and in no other."""
    assert {place: _right(place, attributes, condition) for place in PLACES} == _wanted(case_id)


def test_f07_phones_were_never_exempt() -> None:
    """F07: an opened phone sold in February 2026 can be given back, by the texts of both sides of that year."""
    assert _right("TR", set(), OPENED, "2026-02-10")
    assert _right("TR", set(), OPENED, "2025-12-31")


def test_f12_the_union_wants_two_logged_acts() -> None:
    """F12: digital content keeps its right in the Union and the UK unless consent and acknowledgement are there."""
    for lacking in ("digital_consent", "digital_acknowledged"):
        assert [_right(place, DIGITAL - {lacking}) for place in PLACES] == [False, True, True]


def test_f19_and_f20_are_of_2026() -> None:
    """F19, F20: the exceptions for drones and installed goods count for orders from 2026 on."""
    assert _right("TR", {"registrable_vehicle_or_drone"}, on="2025-12-31")
    assert not _right("TR", {"registrable_vehicle_or_drone"}, on="2026-01-01")
    assert _right("TR", {"installed_by_service"}, on="2026-02-01")


def test_f22_a_started_service() -> None:
    """F22: in Türkiye starting is enough to end the right; in the Union and the UK what was used is paid instead."""
    assert [_right(place, {"service_started"}) for place in PLACES] == [False, True, True]
    assert rows()["F22"].expected["TR"].startswith("no")
    assert "pro rata" in rows()["F22"].expected["EU"]


LETTERS: dict[str, dict[str, str]] = {
    "TR": {
        "MSY m.15/1-a": "market_price",
        "MSY m.15/1-b": "custom_made",
        "MSY m.15/1-c": "perishable",
        "MSY m.15/1-ç": "hygiene_opened opened",
        "MSY m.15/1-d": "mixed",
        "MSY m.15/1-e": "media_opened opened",
        "MSY m.15/1-f": "periodical",
        "MSY m.15/1-g": "dated_service",
        "MSY m.15/1-ğ": "instant_digital",
        "MSY m.15/1-h": "service_started",
        "MSY m.15/1-ı": "registrable_vehicle_or_drone",
        "MSY m.15/1-j": "live_auction",
        "MSY m.15/1-k": "installed_by_service installed",
    },
    "EU": {
        "CRD 16(a)": "service_performed service_consent service_acknowledged",
        "CRD 16(b)": "market_price",
        "CRD 16(c)": "custom_made",
        "CRD 16(d)": "perishable",
        "CRD 16(e)": "hygiene_opened opened",
        "CRD 16(f)": "mixed",
        "CRD 16(g)": "alcohol_en_primeur",
        "CRD 16(h)": "urgent_repair",
        "CRD 16(i)": "media_opened opened opened_exempt",
        "CRD 16(j)": "periodical",
        "CRD 16(k)": "live_auction",
        "CRD 16(l)": "dated_service",
        "CRD 16(m)": "instant_digital digital_consent digital_acknowledged",
    },
    "UK": {
        "CCR reg 28(1)(a)": "market_price",
        "CCR reg 28(1)(b)": "custom_made",
        "CCR reg 28(1)(c)": "perishable",
        "CCR reg 28(1)(d)": "alcohol_en_primeur",
        "CCR reg 28(1)(e)": "urgent_repair",
        "CCR reg 28(1)(f)": "periodical",
        "CCR reg 28(1)(g)": "live_auction",
        "CCR reg 28(1)(h)": "dated_service",
        "CCR reg 28(3)(a)": "hygiene_opened opened",
        "CCR reg 28(3)(b)": "media_opened opened opened_exempt",
        "CCR reg 28(3)(c)": "mixed",
        "CCR reg 36(2)": "service_performed service_consent service_acknowledged",
        "CCR reg 37": "instant_digital digital_consent digital_acknowledged",
    },
}
"""Every letter of the three lists of exceptions: what the line and its condition have to say, all of it."""
_CONDITIONS = {"opened", "installed"}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_every_letter_of_the_lists_and_no_other(place: str) -> None:
    """Each exception takes the right once all that its letter asks for is told, never before; the list is closed."""
    found = law(PLACES[place], "2026-09-01")
    assert found.withdrawal is not None
    assert {one.article for one in found.withdrawal.exceptions} == set(LETTERS[place])
    for article, told in LETTERS[place].items():
        names = set(told.split())
        assert not _right(place, names - _CONDITIONS, frozenset(names & _CONDITIONS)), article
        for lacking in names:
            rest = names - {lacking}
            assert _right(place, rest - _CONDITIONS, frozenset(rest & _CONDITIONS)), (article, lacking)
    named = {name for told in LETTERS[place].values() for name in told.split()[:1]}
    for other in {one for lists in LETTERS.values() for told in lists.values() for one in told.split()[:1]} - named:
        assert _right(place, {other}, frozenset(_CONDITIONS)), other


@pytest.mark.parametrize("place", sorted(PLACES))
def test_a_subscription_of_a_periodical_keeps_its_right(place: str) -> None:
    """A single issue is excepted, a subscription is not (MSY 15/1-f, CRD 16(j), CCR 28(1)(f))."""
    issue, subscription = {"periodical"}, {"periodical", "regular_delivery"}
    for on in ("2025-12-31", "2026-09-01"):
        assert [_right(place, one, on=on) for one in (issue, subscription)] == [False, True]


def test_a_service_that_is_done_has_no_right_where_it_began_with_consent() -> None:
    """Begun and done with consent ends the right in Türkiye; the Union and the UK ask for the acknowledgement too."""
    done = {"service_performed", "service_consent"}
    assert [_right(place, done) for place in PLACES] == [False, True, True]
    assert [_right(place, {"service_performed"}) for place in PLACES] == [True, True, True]


def test_every_exception_has_a_name_in_every_language() -> None:
    """What a list of exceptions names, and every condition of it, is called by a name on the policy page."""
    listed = [one for country in PLACES.values() for one in _exceptions(country)]
    assert {one.attribute for one in listed} <= set(page_texts.ATTRIBUTES)
    assert {need for one in listed for need in one.needs} <= set(page_texts.NEEDS)
    words = [*page_texts.ATTRIBUTES.values(), *page_texts.NEEDS.values()]
    assert {frozenset(one) for one in words} == {frozenset(LANGUAGES)}
    assert all(name in ATTRIBUTES for name in page_texts.ATTRIBUTES)


def _exceptions(country: str) -> tuple[Exemption, ...]:
    right = law(country, "2026-09-01").withdrawal
    assert right is not None
    return right.exceptions


def test_g07_four_remedies_at_once() -> None:
    """G07: in Türkiye the consumer chooses among four remedies; in the Union repair and replacement come first."""
    turkish, german = law("TR", "2026-06-01"), law("DE", "2026-06-01")
    assert set(law_rights.remedies(turkish)) == {"rescission", "price_cut", "repair", "replacement"}
    assert "consumer chooses" in "".join(rows()["G07"].expected)
    assert law_rights.remedies(german) == ("repair", "replacement")
    assert law_rights.remedies(german, failed_rungs=1) == ("price_cut", "termination")
    assert law_rights.remedies(german, failed_rungs=9) == ("price_cut", "termination")


def test_g17_a_second_failure_is_enough() -> None:
    """G17: goods under warranty that fail again open money back, a price cut and a replacement."""
    opened = law_rights.after_second_failure(law("TR", "2026-06-01"))
    assert set(opened) == {"rescission", "price_cut", "replacement"}
    assert rows()["G17"].expected["seller_may_refuse"] == "false"
    assert law_rights.after_second_failure(law("DE", "2026-06-01")) == ()


def test_g28_told_before_the_remedy() -> None:
    """G28: since 31 July 2026 the choice and the twelve months more are told before a remedy."""
    german = law("DE", "2026-08-01")
    assert law_rights.to_tell_before_remedy(german, date(2026, 7, 30)) == ()
    told = law_rights.to_tell_before_remedy(german, date(2026, 7, 31))
    assert told == ("choice_repair_or_replacement", "extension_after_repair")
    assert "12-month extension" in rows()["G28"].expected["must_show"]


def test_g29_a_minor_defect_ends_no_contract() -> None:
    """G29: for a minor defect there is a price cut and no termination in the Union; in Türkiye both."""
    german = law("DE", "2026-08-01")
    assert rows()["G29"].expected == {"termination": "false", "price_cut": "true"}
    assert law_rights.remedies(german, failed_rungs=1, minor=True) == ("price_cut",)
    assert "rescission" in law_rights.remedies(law("TR", "2026-08-01"), minor=True)


@pytest.mark.parametrize(
    ("case_id", "online", "withdrawable", "day"),
    [
        ("I01", True, True, "2026-06-19"),
        ("I02", True, True, "2026-06-18"),
        ("I03", False, True, "2026-07-01"),
        ("I04", True, False, "2026-07-01"),
    ],
)
def test_when_the_function_is_required(case_id: str, online: bool, withdrawable: bool, day: str) -> None:
    """I01 to I04: from 19 June 2026, for contracts concluded online that can be withdrawn from."""
    needed = law_rights.function_required(
        law("DE", day), online=online, withdrawable=withdrawable, on=date.fromisoformat(day)
    )
    assert needed is rows()[case_id].expected["function_required"].startswith("true")


@pytest.mark.parametrize(
    ("case_id", "country", "language"),
    [("I06", "IE", "en"), ("I07", "IE", "en"), ("I08", "DE", "de"), ("I09", "IT", "it"), ("I10", "FR", "fr")],
)
def test_the_words_on_the_buttons(case_id: str, country: str, language: str) -> None:
    """I06 to I10: each country's own words, first in its list, and the directive's in English."""
    found = law_rights.labels(law(country, "2026-09-01"))
    assert found is not None
    assert found.language == language
    text = "".join(rows()[case_id].expected)
    assert f'"{found.withdraw}"' in text or f'"{found.confirm}"' in text
    assert {"en", "de", "tr"} <= {one.language for one in (law(country, "2026-09-01").function or found).labels}  # type: ignore[union-attr]


def test_i11_three_fields_and_no_more() -> None:
    """I11: a name, what identifies the contract, and where the confirmation goes."""
    rule = law("DE", "2026-09-01").function
    assert rule is not None
    assert set(rule.fields) == {"name", "contract", "electronic_address"}
    assert "nothing else mandatory" in "".join(rows()["I11"].expected.values())


def test_i13_no_login() -> None:
    """I13: a text of the law that would let a login be required is refused, with its path."""
    name = "eu-2026-06-19.toml"
    changed = files() | {name: files()[name].replace(b"login_required = false", b"login_required = true")}
    with pytest.raises(DefinitionError) as refused:
        load_laws(changed)
    assert [fault.path for fault in refused.value.errors] == ["function.login_required"]


def test_i14_submitted_in_the_last_minute() -> None:
    """I14: what is submitted two seconds before midnight of the last day is in time."""
    sent = at("2026-11-25", "23:59:58", "Europe/Berlin")
    assert in_time(sent, date(2026, 11, 25), "Europe/Berlin")
    assert rows()["I14"].expected["in_time"] == "true"
    rule = law("DE", "2026-11-25").withdrawal
    assert rule is not None
    assert (rule.notice.in_time_by, rule.notice.durable_medium) == ("sent", True)


def test_i15_visible_as_long_as_the_right_lasts() -> None:
    """I15: the function stays until the end of the rolled last day, by the clock of the consumer."""
    german = law("DE", "2026-03-14")
    end = withdrawal_end(german, date(2026, 3, 14))
    assert end is not None
    assert end.raw == date(2026, 3, 28)
    assert last_instant(end.binding, "Europe/Berlin").isoformat() == "2026-03-30T21:59:59+00:00"
    assert "2026-03-30T24:00" in "".join(rows()["I15"].expected)


def test_i19_optional_in_the_uk() -> None:
    """I19: the UK asks for no function; a web form is acknowledged on a durable medium."""
    british = law("GB", "2026-09-01")
    assert not law_rights.function_required(british, online=True, withdrawable=True, on=date(2026, 9, 1))
    assert british.withdrawal is not None
    assert british.withdrawal.notice.durable_medium
    assert law_rights.labels(british) is None


@pytest.mark.parametrize(
    ("case_id", "contents"),
    [("J09", {"return_status"}), ("J10", {"return_status", "coupon"}), ("J11", {"survey"})],
)
def test_which_messages_need_consent(case_id: str, contents: set[str]) -> None:
    """J09 to J11: the news of a return needs none, a coupon inside it does, and so does a survey."""
    turkish = law("TR", "2026-06-01")
    needs = law_rights.message_class(turkish, contents) == "commercial"
    assert needs is ("true" in rows()[case_id].expected["consent_needed"])
    assert turkish.messages is not None
    assert turkish.messages.register == "IYS"


def test_u05_the_same_card_and_no_cash() -> None:
    """U05: money goes back to the tender it came from."""
    states = law("US", "2026-06-01")
    assert states.refund is not None
    assert (states.refund.tender, states.policy_must_be_shown) == ("original", True)
    assert "no cash" in "".join(rows()["U05"].expected.values())


def test_a_state_says_what_holds_without_a_policy() -> None:
    """Where no policy was shown New York gives thirty days, cash or credit at the buyer's choice."""
    found = law_rights.state(law("US", "2026-06-01"), "NY")
    assert found is not None
    assert (found.days_if_not_shown, set(found.remedies)) == (30, {"cash", "credit"})
    assert law_rights.state(law("US", "2026-06-01"), "TX") is None
