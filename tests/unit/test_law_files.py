"""Files of the law are read strictly: whatever cannot be right is refused with file, path and reason."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from rma.domain.law_files import load_laws
from rma.errors import DefinitionError
from tests.support.laws import files, laws

TR, EU, UK = "tr-2026-01-01.toml", "eu-2026-06-19.toml", "uk.toml"
OLD_TR, DE = "tr-2014-11-27.toml", "countries/de.toml"


def _refused(changed: dict[str, bytes]) -> tuple[str, dict[str, str]]:
    """The file that is refused, and every fault in it: path to code."""
    with pytest.raises(DefinitionError) as refused:
        load_laws(files() | changed)
    assert refused.value.source in str(refused.value)
    return refused.value.source, {fault.path: fault.code for fault in refused.value.errors}


def _changed(name: str, old: str, new: str) -> dict[str, bytes]:
    text = files()[name].decode()
    assert old in text
    return {name: text.replace(old, new, 1).encode()}


@pytest.mark.parametrize(
    ("name", "old", "new", "path", "code"),
    [
        (TR, "[send_back]\ndays = 14", "[send_back]\ndays = 14\nhours = 3", "send_back.hours", "unknown"),
        (TR, "days = 14", 'days = "14"', "send_back.days", "type"),
        (TR, "days = 14", "days = -14", "send_back.days", "value"),
        (TR, "[way_back]", "[moon]\nphase = 1\n\n[way_back]", "moon", "unknown"),
        (OLD_TR, "[withdrawal]\ndays = 14", "[withdrawal]\ndays = 0", "withdrawal.days", "value"),
        (OLD_TR, 'confidence = "M"', 'confidence = "X"', "counting.confidence", "value"),
        (OLD_TR, "Europe/Istanbul", "Europe/Constantinople", "counting.timezone", "value"),
        (OLD_TR, 'holidays = "TR"', 'holidays = "XX"', "counting.holidays", "value"),
        (OLD_TR, 'holidays = "TR"', 'holidays = "TR"\nregion = "34"', "counting.region", "value"),
        (OLD_TR, 'strict = ["sunday", "holiday"]', 'strict = ["monday"]', "counting.lenient", "value"),
        (OLD_TR, 'strict = ["sunday"', 'strict = ["someday"', "counting.strict[0]", "value"),
        (OLD_TR, 'record = "tax"', 'record = "withdrawal"', "retention[1]", "twice"),
        (OLD_TR, "since = 2024-06-01", "since = 2005-06-01", "interest[1].since", "overlap"),
        (OLD_TR, "since = 2023-07-10", "since = 2008-01-01", "tax.rates[1].since", "overlap"),
        (OLD_TR, 'percent = "24"', 'percent = "much"', "interest[1].percent", "value"),
        (TR, "valid_from = 2026-01-01", "valid_from = 2026-01-01\nvalid_until = 2025-01-01", "valid_until", "value"),
        (TR, "valid_from = 2026-01-01", "valid_from = 2014-11-27", "valid_from", "overlap"),
        (TR, 'amends = "tr-2014-11-27.toml"', 'amends = "tr-1900.toml"', "amends", "unknown_file"),
        (TR, 'amends = "tr-2014-11-27.toml"', 'amends = "tr-2026-01-01.toml"', "amends", "unknown_file"),
        (TR, 'amends = "tr-2014-11-27.toml"', 'amends = "uk.toml"', "amends", "value"),
        (TR, 'attribute = "mixed"', 'attribute = "ugly"', "withdrawal.exceptions[4].attribute", "unknown"),
        (TR, 'attribute = "mixed"', 'attribute = "perishable"', "withdrawal.exceptions[4]", "twice"),
        (TR, 'needs = ["installed"]', 'needs = ["wet"]', "withdrawal.exceptions[12].needs[0]", "unknown"),
        (TR, 'when = "other"', 'when = "named"', "refund.clocks[6]", "twice"),
        (TR, 'article = "MSY m.13/1"', 'article = ""', "send_back.article", "value"),
        (EU, 'language = "de"', 'language = "en"', "function.labels[1]", "twice"),
        (UK, "[send_back]\ndays = 14", "[send_back]", "send_back.days", "missing"),
        (UK, "[delivery]\ndays = 30", "[delivery]\ndays = 30\nworking_days = 3", "delivery.working_days", "value"),
        (UK, 'ladder = [["repair", "replacement"], ', "ladder = [[], ", "defect.ladder[0]", "value"),
        (EU, "fields = [", "fields = []\n# [", "function.fields", "value"),
        (OLD_TR, "second_hand_months = 12", "second_hand_months = 25", "defect.liability.second_hand_months", "value"),
        (DE, "months = 6\n", "", "presumption[0].days", "missing"),
        (UK, 'commercial = ["promotion"', 'commercial = ["order"', "messages.commercial[0]", "twice"),
        ("countries/gb.toml", "months = 60\n", "", "regions.SCT.liability.days", "missing"),
        (EU, "login_required = false", "login_required = true", "function.login_required", "value"),
        (DE, 'country = "DE"', 'country = "FR"', "country", "twice"),
        (DE, 'jurisdiction = "EU"', 'jurisdiction = "none"', "jurisdiction", "unknown"),
        (DE, "since = 2022-01-01", "since = 2001-01-01", "presumption[1].since", "overlap"),
        (DE, 'timezone = "Europe/Berlin"', "colour = 3", "colour", "unknown"),
        ("countries/es.toml", "[regions.CN]", "[regions.XX]", "regions.XX", "value"),
        ("countries/nl.toml", 'yearly = "05-05"', 'yearly = "02-31"', "corrections[0]", "value"),
        ("countries/nl.toml", 'yearly = "05-05"', "", "corrections[0]", "value"),
    ],
)
def test_what_cannot_be_right_is_named(name: str, old: str, new: str, path: str, code: str) -> None:
    """An unknown key, a wrong type, overlapping dates and impossible values are refused at their path."""
    source, faults = _refused(_changed(name, old, new))
    assert faults.get(path) == code, faults
    assert source in {name, TR, "countries/fr.toml"}


def test_two_texts_of_one_time_are_refused() -> None:
    """A text that is said to hold after the next one has begun overlaps it."""
    changed = _changed(OLD_TR, "valid_from = 2014-11-27", "valid_from = 2014-11-27\nvalid_until = 2026-01-01")
    source, faults = _refused(changed)
    assert (source, faults) == (OLD_TR, {"valid_until": "overlap"})


def test_a_text_may_end_before_the_next_begins() -> None:
    """Between two texts no law holds."""
    early = "valid_from = 2014-11-27\nvalid_until = 2025-06-30"
    read = load_laws(files() | _changed(OLD_TR, "valid_from = 2014-11-27", early))
    days = {one.valid_from: one.valid_until for one in read.profiles if one.jurisdiction == "TR"}
    assert [str(day) for day in days.values()] == ["2025-06-30", "None"]


def test_a_broken_file_is_named() -> None:
    """What is no TOML is refused by its name."""
    assert _refused({UK: b"days = = 3"}) == (UK, {"": "unreadable"})
    assert _refused({UK: b"\xff\xfe"}) == (UK, {"": "unreadable"})


def test_every_fault_of_a_file_is_told_at_once() -> None:
    """Whoever mends a file sees all of it."""
    changed = _changed(OLD_TR, "Europe/Istanbul", "Nowhere")
    text = changed[OLD_TR].replace(b'record = "tax"', b'record = "withdrawal"')
    assert _refused({OLD_TR: text})[1] == {"counting.timezone": "value", "retention[1]": "twice"}


def test_the_example_of_the_documentation_can_be_read(checkout: Path) -> None:
    """The new text that the page on correcting the law shows holds from its day, with what it changes."""
    page = (checkout / "docs" / "how-to" / "correct-the-law.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    read = load_laws(files() | {"tr-2027-07-01.toml": block.encode()})
    newer, older = (read.of("TR", date.fromisoformat(day)) for day in ("2027-07-01", "2027-06-30"))
    assert newer.send_back is not None
    assert older.send_back is not None
    assert (newer.send_back.days, older.send_back.days) == (15, 14)
    assert newer.withdrawal == older.withdrawal


def test_a_text_that_amends_says_only_what_changes() -> None:
    """What the newer text does not say stays as it was; tables are merged and lists replaced."""
    texts = {one.version: one for one in laws().profiles}
    old, new = texts["TR@2014-11-27"], texts["TR@2026-01-01"]
    assert new.defect == old.defect
    assert new.send_back is not None
    assert (new.send_back.days, new.send_back.roll) == (14, "act")
    assert old.withdrawal is not None
    assert new.withdrawal is not None
    assert len(new.withdrawal.exceptions) == len(old.withdrawal.exceptions) + 3
    assert texts["EU@2022-01-01"].function is None
    assert texts["EU@2026-06-19"].function is not None
