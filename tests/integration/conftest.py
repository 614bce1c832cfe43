"""What tests of the services ask for: a shop on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rma.app import create_services
from rma.db.session import Database
from rma.settings import Settings
from tests.support.floor import Floor


@pytest.fixture
def floor(database_url: str, tmp_path: Path) -> Iterator[Floor]:
    """A shop on a database of its own, first on SQLite, then on PostgreSQL; acts run when a test says so."""
    database = Database(database_url, pool_size=32)
    services = create_services(Settings(data_dir=tmp_path, access_log=False), database=database)
    services.effects.prepare()
    yield Floor(services)
    services.effects.stop(wait=1)
    services.close()
