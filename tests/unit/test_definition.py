"""Reading workflow files: strict, and every fault with its path."""

from __future__ import annotations

from hashlib import sha256

import pytest

from rma.domain.definition import load
from rma.errors import DefinitionError
from tests.support.workflows import SMALL, changed, small

LABEL = 'label = { tr = "Öneri", en = "Proposed", de = "Vorgeschlagen" }'


def faults(raw: bytes) -> dict[str, str]:
    """Path to code of what reading complains about."""
    with pytest.raises(DefinitionError) as caught:
        load("mine.toml", raw)
    return {fault.path: fault.code for fault in caught.value.errors}


def test_a_file_is_read_as_written() -> None:
    """States keep their order, single names become tuples, defaults are filled, the hash is of the raw bytes."""
    definition = small()
    assert list(definition.states) == ["proposed", "approved", "succeeded"]
    assert definition.states["proposed"].label["tr"] == "Öneri"
    assert definition.transitions[0].sources == ("proposed",)
    assert definition.transitions[0].requires == ("expected_total",)
    assert definition.transitions[1].when == ()
    assert definition.deadlines[0].after == ("policy.promise_days",)
    assert definition.sha256 == sha256(SMALL.encode()).hexdigest()
    assert definition.version == 0


def test_an_event_is_named_after_machine_and_target_unless_the_row_names_one() -> None:
    """The default event is <machine>.<target>; a row may name another, and opening a case has one too."""
    definition = small(('trigger = "send"', 'trigger = "send"\nevent = "refund.sending"'))
    assert definition.event == "refund.proposed"
    assert definition.event_of(definition.transitions[0], "proposed") == "refund.approved"
    assert definition.event_of(definition.transitions[1], "approved") == "refund.sending"


def test_a_published_version_has_its_number_and_the_same_hash() -> None:
    """Numbering a definition changes nothing else."""
    definition = small()
    published = definition.numbered(7)
    assert published.version == 7
    assert published.sha256 == definition.sha256
    assert published.transitions == definition.transitions


def test_automatic_are_the_rows_of_system_alone_that_no_deadline_fires() -> None:
    """What only system may fire is automatic, unless a deadline fires it or somebody else may fire the row too."""
    assert small().automatic == ("send",)
    assert small(('by = "system"', 'by = ["system", "finance"]')).automatic == ()
    fired = small(('fire = "none"', 'fire = "send"'))
    assert fired.automatic == ()
    assert fired.fired == {"send"}


def test_deadlines_are_found_by_state() -> None:
    """A deadline belongs to each of its states."""
    definition = small(('in = "proposed"', 'in = ["proposed", "approved"]'))
    assert [d.name for d in definition.deadlines_in("approved")] == ["approval"]
    assert definition.deadlines_in("succeeded") == ()


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ('name = "small"', 'name = "small"\ncolour = "red"', "colour", "unknown"),
        (LABEL, LABEL + "\nwaits = 1", "states.proposed.waits", "unknown"),
        (LABEL, LABEL.replace(" }", ', fr = "Proposé" }'), "states.proposed.label.fr", "unknown"),
        (LABEL, LABEL.replace(', de = "Vorgeschlagen"', ""), "states.proposed.label.de", "missing"),
        (LABEL, 'label = "Proposed"', "states.proposed.label", "wrong"),
        (LABEL + '\nwaits_for = "finance"', LABEL, "states.proposed.waits_for", "missing"),
        ("final = true", 'final = "yes"', "states.succeeded.final", "wrong"),
        ("[states.approved]", "[states.Approved]", "states.Approved", "wrong"),
        ('initial = "proposed"', "initial = 1", "initial", "wrong"),
        ('to = "succeeded"', 'to = "succeeded"\nif = "rich"', "transitions[1].if", "unknown"),
        ('by = "system"\n', "", "transitions[1].by", "missing"),
        ('then = ["send_refund"]', 'then = "send_refund"', "transitions[1].then", "wrong"),
        ('then = ["send_refund"]', 'then = ["send_refund", 3]', "transitions[1].then[1]", "wrong"),
        ('from = "approved"', "from = 3", "transitions[1].from", "wrong"),
        ('trigger = "send"', 'trigger = "send it"', "transitions[1].trigger", "wrong"),
        ('fire = "none"', 'fire = "none"\nrepeat = 3', "deadlines[0].repeat", "unknown"),
        ('fire = "none"', 'fire = "none"\nwarn = 2.0', "deadlines[0].warn", "wrong"),
        ('fire = "none"\n', "", "deadlines[0].fire", "missing"),
    ],
)
def test_a_wrong_key_or_type_is_named_by_its_path(old: str, new: str, path: str, code: str) -> None:
    """Unknown keys, missing keys and wrong types are errors that name the place."""
    codes = {"wrong": {"type", "value"}}.get(code, {code})
    assert [(where, found in codes) for where, found in faults(changed((old, new))).items()] == [(path, True)]


def test_every_fault_is_named_at_once() -> None:
    """A file with several faults names them all, and the error names the file."""
    raw = changed(('name = "small"', "name = 3"), ("final = true", "final = 1"), ('by = "system"', "by = 1"))
    assert set(faults(raw)) == {"name", "states.succeeded.final", "transitions[1].by"}
    with pytest.raises(DefinitionError, match=r"mine\.toml: "):
        load("mine.toml", raw)


@pytest.mark.parametrize("raw", [b"name = ", b'name = "\xff"', b"[states]\nstates = 1\n[states]"])
def test_what_is_not_toml_is_refused(raw: bytes) -> None:
    """Broken TOML and broken text are one fault of the whole file."""
    assert faults(raw) == {"": "toml"}


def test_states_must_be_a_table() -> None:
    """A list of states is a wrong type, not a crash."""
    assert "states" in faults(b'name = "x"\nstates = ["a"]\n')
