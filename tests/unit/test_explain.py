"""A decision in words: the sentence for the customer, the rule that decided, and what every rule said."""

from __future__ import annotations

import msgspec

from rma.domain import explain
from rma.domain.claims import Override
from rma.domain.decision import LineDecision
from rma.domain.rules import RULES
from rma.domain.sentences import SENTENCES
from rma.domain.texts import LANGUAGES, capital, filled
from tests.support.decisions import ask, one, order, policy

_SALE = [
    {"rule": "exclude", "params": {"opened": True}, "text": {"tr": "Açılmış.", "en": "Opened.", "de": "Geöffnet."}}
]


def _said(line: LineDecision, rule: str) -> dict[str, str]:
    return next(explain.said(entry, line) for entry in line.trace if entry.rule == rule)


def test_what_is_accepted_says_by_which_right_and_until_when() -> None:
    """A withdrawal, a voluntary return and a defect each have a sentence with the last day, as the reader writes it."""
    by_law = one(order(), ask())
    assert explain.sentence(by_law)["tr"] == "Kanuni cayma hakkınız 24 Haziran 2026 tarihine kadar sürer."
    later = one(order(), ask("voluntary"), on="2026-07-01", by=policy(windows={"voluntary_days": 30}))
    assert explain.sentence(later)["en"] == "The store takes this item back voluntarily until 10 July 2026."
    assert explain.sentence(one(order(), ask("defective")))["de"].endswith("bis zum 10. Juni 2028.")
    assert (
        explain.sentence(one(order(None), ask(), on="2026-06-02"))["en"] == "By law you may withdraw before delivery."
    )


def test_the_rule_that_decided_is_named_with_its_version_and_article() -> None:
    """By law it is the window with the law's article; a refusal is the rule's own."""
    by_law = explain.decided_by(one(order(), ask()))
    assert (by_law.rule, by_law.version, by_law.article) == ("window", "TR@2026-01-01", "MSY m.9/1")
    late = explain.decided_by(one(order(), ask(), on="2026-12-01"))
    assert (late.rule, late.version, late.code) == ("window", "Test v3", "window_over")


def test_a_rule_that_the_law_holds_back_says_so_with_the_article() -> None:
    """The trace tells that the store's rule would refuse, and by which article the right stands."""
    line = one(order(), ask(opened=True), by=policy(_SALE))
    entry = next(entry for entry in line.trace if entry.rule == "exclude")
    assert (entry.result, entry.article) == ("kept_by_law", "MSY m.9/1")
    assert "the right stands by law" in _said(line, "exclude")["en"]


def test_an_override_keeps_the_words_that_it_set_aside() -> None:
    """What a person let through says so, and the rule that refused keeps its own words."""
    override = Override(person="p", reason="r")
    late = policy(_SALE, windows={"voluntary_days": 90})
    line = one(order(), ask("voluntary", opened=True), on="2026-08-01", by=late, override=override)
    assert explain.decided_by(line).rule == "override"
    assert _said(line, "exclude")["de"] == "Geöffnet."
    assert explain.sentence(line)["en"] == "The store accepted this return as an exception."


def test_every_rule_has_a_name_in_every_language() -> None:
    """Whatever is asked can be told."""
    assert all(explain.knows(name) for name in (*RULES, "evidence", "auto_approve", "override"))
    line = one(
        order(),
        ask("damaged"),
        by=policy(_SALE, reasons={"damaged": {"evidence": {"kinds": ["photo"], "at_least": 1}}}),
    )
    for entry in line.trace:
        assert set(explain.said(entry, line)) == set(LANGUAGES)


def test_a_stored_decision_is_told_the_same() -> None:
    """The words come from the stored decision alone."""
    line = one(order(), ask())
    again = msgspec.json.decode(msgspec.json.encode(line), type=LineDecision)
    assert explain.sentence(again) == explain.sentence(line)


def test_a_sentence_is_written_as_its_language_does() -> None:
    """A word goes with its number, and the first letter of a Turkish i is İ."""
    one_file, two_files = (filled(SENTENCES["evidence_wanted"], count=count) for count in (1, 2))
    assert ("1 more file," in one_file["en"], "2 more files," in two_files["en"]) == (True, True)
    assert ("1 Datei," in one_file["de"], "2 Dateien," in two_files["de"]) == (True, True)
    assert [capital("iade", "tr"), capital("ıslak", "tr"), capital("iade", "de")] == ["İade", "Islak", "Iade"]
