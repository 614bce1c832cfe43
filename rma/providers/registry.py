"""Finds providers by entry point and puts together the set that a process works with.

Another package adds a provider by declaring an entry point in one of the groups ``rma.payments``, ``rma.carriers``,
``rma.channels``, ``rma.files`` and ``rma.fulfilment``; its name is stored with every act, so it never changes. The
entry point names a function ``Context -> provider``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from typing import Final, Literal, cast

import msgspec

from rma.domain.ports import Carrier, Channel, FileStore, Fulfilment, MessageRenderer, PaymentProvider, Provider
from rma.errors import Invalid
from rma.providers.messages import Renderer

Group = Literal["payments", "carriers", "channels", "files", "fulfilment"]

PORTS: Final[dict[Group, type[object]]] = {
    "payments": PaymentProvider,
    "carriers": Carrier,
    "channels": Channel,
    "files": FileStore,
    "fulfilment": Fulfilment,
}
"""Which protocol the providers of a group keep."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider is made with: the data folder, real time, and its own options as text."""

    data_dir: Path
    clock: Callable[[], datetime] = _utc_now
    options: Mapping[str, str] = {}


class Providers(msgspec.Struct, frozen=True, kw_only=True):
    """Everything outside that a process works with. Payments and carriers are found by the name stored in a row."""

    payments: Mapping[str, PaymentProvider]
    carriers: Mapping[str, Carrier]
    channel: Channel
    files: FileStore
    fulfilment: Fulfilment
    messages: MessageRenderer


def names(group: Group) -> tuple[str, ...]:
    """The names of the providers that are installed in this group, in order."""
    return tuple(sorted({point.name for point in installed()[group]}))


def load(group: Group, name: str, context: Context) -> Provider:
    """The provider of that name, which keeps the protocol of its group.

    Raises ``Invalid`` for an unknown name (it lists the known ones), for one that two packages claim, and for one that
    does not keep the protocol.
    """
    provider: Provider = _only(group, name).load()(context)
    port = PORTS[group]
    if not isinstance(provider, port):
        raise Invalid.field(f"{group}.{name}", "not_a_provider", f"{name} does not keep the {port.__name__} protocol.")
    return provider


def load_all(
    context: Context,
    *,
    options: Mapping[str, Mapping[str, str]] | None = None,
    channel: str = "offline",
    files: str = "local",
    fulfilment: str = "offline",
) -> Providers:
    """Every installed payment provider and carrier, and one of each other group.

    ``options`` holds each provider's own options under ``<group>.<name>``, for example ``payments.offline``.
    """
    given = options or {}

    def make(group: Group, name: str) -> Provider:
        mine = given.get(f"{group}.{name}", {})
        return load(group, name, msgspec.structs.replace(context, options=mine))

    return Providers(
        payments={name: cast("PaymentProvider", make("payments", name)) for name in names("payments")},
        carriers={name: cast("Carrier", make("carriers", name)) for name in names("carriers")},
        channel=cast("Channel", make("channels", channel)),
        files=cast("FileStore", make("files", files)),
        fulfilment=cast("Fulfilment", make("fulfilment", fulfilment)),
        messages=Renderer(),
    )


def flag(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    """An option that is ``true`` or ``false``. Raises ``Invalid`` for anything else."""
    value = options.get(name)
    if value is None:
        return default
    if value not in {"true", "false"}:
        raise Invalid.field(name, "not_true_or_false", f"{name} is true or false, not {value!r}.")
    return value == "true"


@cache
def installed() -> Mapping[Group, EntryPoints]:
    """What the installed packages offer; the metadata of every one of them is read, so once a process is enough."""
    every = entry_points()
    return {group: every.select(group=f"rma.{group}") for group in PORTS}


def _only(group: Group, name: str) -> EntryPoint:
    points = {point.value: point for point in installed()[group] if point.name == name}
    if not points:
        known = ", ".join(names(group)) or "none"
        raise Invalid.field(group, "unknown_provider", f"There is no {group} provider called {name!r}; known: {known}.")
    if len(points) > 1:
        raise Invalid.field(group, "ambiguous_provider", f"Two packages offer {name!r}: {', '.join(sorted(points))}.")
    return next(iter(points.values()))
