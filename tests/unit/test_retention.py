"""Classes of record: when each ends under each law, which column belongs to which, and what a person is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from rma.db import tables
from rma.domain import retention
from rma.domain.law_set import NO_LAW
from rma.domain.privacy_papers import PAPERS
from rma.domain.retention import BY_NAME, CLASSES, OF_A_MATTER, OWN_RULE, Answer, Shortened
from rma.services.law import laws

CLOSED = date(2026, 3, 31)


def end(name: retention.Name, country: str, *, home: str = "TR", **shorter: int) -> tuple[date, str]:
    """The last day and article of a class for a customer of a country against a store of another."""
    mine, own = (laws().profile(None, code, CLOSED) for code in (country, home))
    found = retention.end(name, CLOSED, law=mine, home=own, shortened=Shortened(**shorter))
    return found.until, found.article


@pytest.mark.parametrize(
    ("name", "country", "until", "article"),
    [
        ("withdrawal", "TR", date(2029, 3, 31), "MSY m.20/1"),
        ("withdrawal", "DE", date(2029, 12, 31), "§§ 195, 199 BGB"),
        ("withdrawal", "GB", date(2032, 3, 31), "Limitation Act 1980 s.5"),
        ("evidence", "TR", CLOSED, "KVKK m.7"),
        ("messages", "TR", date(2029, 3, 31), "Ticari İletişim Yönetmeliği m.13"),
        ("messages", "US", date(2029, 3, 31), OWN_RULE),
        ("tax", "DE", date(2031, 12, 31), "VUK m.253"),
        ("books", "DE", date(2036, 12, 31), "TTK m.82"),
        ("feedback", "TR", date(2027, 3, 31), OWN_RULE),
    ],
)
def test_the_end_of_a_class(name: retention.Name, country: str, until: date, article: str) -> None:
    """The law that protects the customer decides, for tax and books that of the store; where it is silent, we do."""
    assert end(name, country) == (until, article)


def test_a_store_shortens_only_what_no_law_asks_for() -> None:
    """A shorter time for feedback counts, a longer one does not, and no duty gets shorter by it."""
    assert end("feedback", "TR", feedback_months=1)[0] == date(2026, 4, 30)
    assert end("feedback", "TR", feedback_months=99)[0] == date(2027, 3, 31)
    assert end("withdrawal", "TR", feedback_months=0, appeal_days=0) == end("withdrawal", "TR")


def test_without_any_law_our_own_times_hold() -> None:
    """A store whose country's law is not held keeps records of withdrawals three years and books ten."""
    found = {n: retention.end(n, CLOSED, law=NO_LAW, home=NO_LAW) for n in OF_A_MATTER}
    assert (found["withdrawal"].until, found["books"].until) == (date(2029, 3, 31), date(2036, 3, 31))
    assert not any(one.by_law for one in found.values())


def test_a_class_is_over_on_the_day_after_its_end() -> None:
    """On its last day a record is still kept."""
    found = retention.end("withdrawal", CLOSED, law=laws().profile(None, "TR", CLOSED), home=NO_LAW)
    assert [found.over(day) for day in (date(2029, 3, 31), date(2029, 4, 1))] == [False, True]


def test_photos_go_with_the_case_but_wait_for_an_appeal() -> None:
    """The photos of a declined case stay thirty days more, or as few as the store says; of every other none."""
    law = laws().profile(None, "TR", CLOSED)
    assert retention.photos_until(CLOSED, declined=False, law=law, home=law) == CLOSED
    assert retention.photos_until(CLOSED, declined=True, law=law, home=law) == date(2026, 4, 30)
    brief = Shortened(appeal_days=0)
    assert retention.photos_until(CLOSED, declined=True, law=law, home=law, shortened=brief) == CLOSED


def test_every_personal_column_belongs_to_a_class() -> None:
    """What a class holds is a column there is, and what an erasure takes a person out of belongs to a class."""
    held = {place for one in CLASSES for place in one.holds}
    columns = {f"{t.name}.{c.name}" for t in tables.metadata.tables.values() for c in t.columns}
    assert held - columns == {"files", "destructions"}
    assert {f"{table}.{column}" for table, papers in PAPERS.items() for column in papers} <= held


def test_every_duty_of_every_law_has_a_class() -> None:
    """A record that a shipped profile names is a class here; photos are the first to go."""
    named = {one.record for profile in laws().profiles for one in profile.retention}
    assert named <= {one.record for one in CLASSES}
    assert CLASSES[0].name == "evidence"
    assert all(one.reason and set(one.label) == {"tr", "en", "de"} for one in CLASSES)


def test_an_answer_says_what_until_when_and_why() -> None:
    """Each action is a whole sentence in tr, en and de with the day and the article."""
    kept = Answer(record="books", action="restricted", until=date(2036, 12, 31), article="TTK m.82")
    said = {language: retention.sentence(kept, language) for language in ("tr", "en", "de")}
    assert said["tr"].startswith("Ticari defter kayıtları: TTK m.82 gereği 31 Aralık 2036 tarihine kadar")
    assert "until 31 December 2036" in said["en"]
    assert "bis zum 31. Dezember 2036" in said["de"]
    own = Answer(record="messages", action="restricted", until=CLOSED, article=OWN_RULE)
    assert "mağazanın kendi saklama kuralı" in retention.sentence(own, "tr")
    assert retention.sentence(Answer(record="feedback", action="erased"), "tr") == "Değerlendirmeler: silindi."


def test_several_matters_are_answered_together() -> None:
    """Over several orders the answer of a class is the one that binds most and longest."""
    first = Answer(record="tax", action="restricted", until=date(2031, 12, 31), article="VUK m.253")
    later = Answer(record="tax", action="restricted", until=date(2032, 12, 31), article="VUK m.253")
    gone, still = Answer(record="evidence", action="erased"), Answer(record="evidence", action="open")
    assert retention.together([first, gone, later, still]) == [still, later]


def test_when_an_order_is_looked_at() -> None:
    """First when feedback could end, then at the next end, monthly while something is left and half-yearly after."""
    assert retention.first_look(CLOSED) == date(2027, 4, 1)
    assert retention.first_look(CLOSED, Shortened(feedback_months=1)) == date(2026, 5, 1)
    assert retention.next_look(CLOSED, [date(2026, 4, 9), date(2029, 1, 1)]) == date(2026, 4, 10)
    assert retention.next_look(CLOSED, [date(2029, 1, 1)]) == date(2026, 4, 30)
    assert retention.next_look(CLOSED, []) == date(2026, 9, 27)


def test_the_page_of_classes_is_the_code(checkout: Path) -> None:
    """The table in the explanation of classes is what the code says, row by row."""
    page = (checkout / "docs" / "explanation" / "personal-data.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [retention.row(one) for one in CLASSES]
    assert set(BY_NAME) == {one.name for one in CLASSES}
