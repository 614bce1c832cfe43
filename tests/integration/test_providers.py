"""Providers are found by entry point, ours and those of other packages."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from rma.domain.ports import Address, LabelOrder, RefundOrder, ReplacementOrder
from rma.errors import Invalid
from rma.providers.carrier_offline import OfflineCarrier, with_check_digit
from rma.providers.channel_offline import OfflineChannel
from rma.providers.files_local import LocalFiles
from rma.providers.fulfilment_offline import OfflineFulfilment
from rma.providers.offline_script import LIMITS, STEPS
from rma.providers.registry import PORTS, Context, flag, installed, load, load_all, names
from tests.contracts.channel_suite import letter

AYSE = Address(name="Ayşe Yılmaz", line1="Çiçek Sk. 5", city="İzmir", country="TR", postcode="35000")


@pytest.fixture(autouse=True)
def _as_installed_now() -> Iterator[None]:
    """Each test looks anew at what is installed, and leaves nothing of its own behind."""
    installed.cache_clear()
    yield
    installed.cache_clear()


def publish(folder: Path, points: str) -> None:
    """Install a package that only declares entry points."""
    info = folder / "foreign-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(points, encoding="utf-8")


def test_everything_is_there_without_a_network(tmp_path: Path) -> None:
    """Every group has a provider that works on a bare machine, and each says that it is well."""
    providers = load_all(Context(data_dir=tmp_path))
    every = [
        *providers.payments.values(),
        *providers.carriers.values(),
        providers.channel,
        providers.files,
        providers.fulfilment,
    ]
    assert all(provider.health().ok for provider in every)
    assert set(providers.payments) >= {"offline", "offline_plain"}
    assert [providers.payments[name].idempotent for name in ("offline", "offline_plain")] == [True, False]
    assert all(name == provider.name for name, provider in providers.payments.items())
    assert all(name == provider.name for name, provider in providers.carriers.items())


def test_options_reach_their_provider(tmp_path: Path) -> None:
    """Options are given per provider and reach only that one."""
    options = {
        "payments.offline": {"default": "fail:closed", "final_after": "0"},
        "carriers.offline": {"valid_days": "3"},
    }
    providers = load_all(Context(data_dir=tmp_path), options=options)
    order = RefundOrder(key="k1", payment_reference="pi_1", amount=1, currency="TRY")
    assert providers.payments["offline"].refund(order).code == "closed"
    assert providers.payments["offline_plain"].refund(order).state == "succeeded"
    assert providers.payments["offline"].final_after == 0
    label = providers.carriers["offline"].issue(label_order()).label
    assert label is not None
    assert label.expires_on == date(2026, 11, 24)


def label_order(**changes: str) -> LabelOrder:
    """A parcel from Ayşe."""
    sender = Address(name="Ayşe", line1="Çiçek Sk. 5", line2=changes.get("line2", ""), city="İzmir", country="TR")
    return LabelOrder(
        key=changes.get("key", "par_1"),
        method="drop_off_code",
        reference="par_1",
        sender=sender,
        recipient=AYSE,
        today=date(2026, 11, 21),
    )


@pytest.mark.parametrize("group", PORTS)
def test_an_unknown_provider(group: str, tmp_path: Path) -> None:
    """A provider that is not installed is refused, and the refusal lists the installed ones."""
    with pytest.raises(Invalid) as caught:
        load(group, "nowhere", Context(data_dir=tmp_path))  # type: ignore[arg-type]
    assert names(group)[0] in caught.value.detail  # type: ignore[arg-type]


def test_another_package_adds_a_carrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that declares an entry point is found beside ours."""
    publish(tmp_path / "site", "[rma.carriers]\nswift = rma.providers.carrier_offline:create\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert "swift" in names("carriers")
    assert isinstance(load("carriers", "swift", Context(data_dir=tmp_path)), OfflineCarrier)


def test_two_packages_claim_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that two packages claim is refused: rows refer to it, so it must not depend on the order of a path."""
    publish(tmp_path / "site", "[rma.payments]\noffline = rma.providers.payments_offline:create_plain\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(Invalid, match="Two packages"):
        load("payments", "offline", Context(data_dir=tmp_path))


def test_what_keeps_no_port_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that does not keep the port of its group is refused when it is loaded, not when money moves."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "foreign.py").write_text(
        "class Half:\n    name = 'half'\n\ndef create(context):\n    return Half()\n", encoding="utf-8"
    )
    publish(tmp_path / "site", "[rma.payments]\nhalf = foreign:create\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(Invalid, match="PaymentProvider"):
        load("payments", "half", Context(data_dir=tmp_path))


def test_the_guide_names_every_instruction(checkout: Path) -> None:
    """docs/how-to/play-a-bad-day.md has one row for each instruction, and its example runs."""
    guide = (checkout / "docs" / "how-to" / "play-a-bad-day.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `([a-z-]+)(?::[A-Z]+)?` \|", guide)
    assert sorted(rows) == sorted([*STEPS, *LIMITS])
    (example,) = re.findall(r"(?s)```python\n(.*?)```", guide)
    done = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_switch_is_true_or_false() -> None:
    """An option that is neither true nor false is refused by name."""
    assert [flag({}, "x", default=True), flag({"x": "false"}, "x", default=True)] == [True, False]
    with pytest.raises(Invalid, match="x is true or false"):
        flag({"x": "yes"}, "x", default=True)


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """Where a folder cannot be made, the check says so in a sentence and raises nothing."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for provider in (LocalFiles(tmp_path / "file"), OfflineChannel(tmp_path / "file")):
        health = provider.health()
        assert (health.ok, "cannot be made" in health.detail) == (False, True)


def test_a_carrier_is_told_by_the_address(tmp_path: Path) -> None:
    """A demo over HTTP can play a bad day of the carrier: the instruction stands in the second address line.

    A house number written with the same sign is only an address.
    """
    carrier = load_all(Context(data_dir=tmp_path)).carriers["offline"]
    assert carrier.issue(label_order(line2="Kat 3 #fail:no_route", key="par_2")).code == "no_route"
    assert carrier.issue(label_order(line2="Daire #3", key="par_3")).state == "issued"


def test_the_carrier_s_book_holds_no_address(tmp_path: Path) -> None:
    """The offline carrier keeps numbers and dates, no name and no street."""
    carrier = OfflineCarrier(tmp_path / "carrier.sqlite", clock=Context(data_dir=tmp_path).clock)
    carrier.issue(label_order(line2="Kat 3 #Daire 5"))
    carrier.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [word for word in ("Yılmaz", "Ayşe", "Çiçek", "Kat 3", "Daire") if word.encode() in raw]


@pytest.mark.parametrize(("number", "code"), [(7992739871, "79927398713"), (0, "00"), (10_000_001, "100000017")])
def test_codes_carry_a_check_digit(number: int, code: str) -> None:
    """A code ends with its Luhn digit, so that a mistyped digit is noticed at the counter."""
    assert with_check_digit(number) == code


def test_stock_by_option(tmp_path: Path) -> None:
    """The stock system is out of the skus it was told, names only those, and orders nothing of the rest."""
    options = {"fulfilment.offline": {"out_of_stock": "TS-RED-L, TS-RED-XL"}}
    stock = load_all(Context(data_dir=tmp_path), options=options).fulfilment
    order = ReplacementOrder(
        key="rep_1", reference="rep_1", order_number="1", lines=(("TS-BLUE", 1), ("TS-RED-L", 2)), ship_to=AYSE
    )
    assert stock.order(order).missing == ("TS-RED-L",)
    assert stock.lookup("rep_1") is None
    assert isinstance(stock, OfflineFulfilment)


def test_a_sent_mail_can_be_erased(tmp_path: Path) -> None:
    """The copy of a mail can be erased for good, once."""
    channel = OfflineChannel(tmp_path / "outbox")
    channel.send(letter())
    assert channel.path(letter().message_id).is_file()
    assert [channel.forget(letter().message_id) for _ in range(2)] == [True, False]
    assert list((tmp_path / "outbox").iterdir()) == []


def test_a_message_id_names_no_other_place(tmp_path: Path) -> None:
    """Whatever a Message-ID holds, its file lies in the outbox."""
    channel = OfflineChannel(tmp_path / "outbox")
    for message_id in ("../../etc/passwd@x", "/abs/olute@x", ".@x", "a" * 150 + "@x"):
        assert channel.path(message_id).resolve().parent == (tmp_path / "outbox").resolve()
        assert channel.send(letter(message_id)).state == "sent"
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 4
