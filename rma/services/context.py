"""What every use case works with, put together once by ``rma.app``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rma.db.session import Database, Work
from rma.domain.papers import Printer
from rma.domain.ports import Carrier, Channel, FileStore, Fulfilment, MessageRenderer, PaymentProvider
from rma.services import links
from rma.services.catalog import Catalog
from rma.services.effects import Effects
from rma.services.health import READY_SECONDS, Ready
from rma.services.identity import Identities
from rma.services.kept import Kept
from rma.services.limits import Limiter
from rma.settings import Settings

__all__ = ["Database", "Ports", "Services", "Work"]


class Ports(Protocol):
    """The outside, as ``rma.providers.registry`` puts it together."""

    @property
    def payments(self) -> Mapping[str, PaymentProvider]:
        """Payment providers by the name that rows hold."""
        ...

    @property
    def carriers(self) -> Mapping[str, Carrier]:
        """Carriers by the name that rows hold."""
        ...

    @property
    def channel(self) -> Channel:
        """Where messages leave."""
        ...

    @property
    def files(self) -> FileStore:
        """Where evidence and labels lie."""
        ...

    @property
    def fulfilment(self) -> Fulfilment:
        """Who sends replacements."""
        ...

    @property
    def messages(self) -> MessageRenderer:
        """Who writes the texts of messages."""
        ...


@dataclass(slots=True)
class Services:
    """The settings, the database, the outside and the caches of one process."""

    settings: Settings
    database: Database
    ports: Ports
    printer: Printer
    identities: Identities = field(init=False)
    catalog: Catalog = field(init=False)
    effects: Effects = field(init=False)
    limits: Limiter = field(init=False)
    ready: Kept[Ready] = field(init=False)

    def __post_init__(self) -> None:
        self.catalog = Catalog()
        self.effects = Effects(self.database)
        self.limits = Limiter()
        self.ready = Kept(READY_SECONDS)
        self.identities = Identities(self.database, seconds=self.settings.key_cache_seconds)

    def unmask(self, kept: str) -> str:
        """A kept answer with the customer's link back in its place."""
        return links.unmask(self.settings.secret, kept)

    def close(self) -> None:
        """Give back every connection."""
        self.database.close()
