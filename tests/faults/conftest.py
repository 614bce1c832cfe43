"""What tests of faults ask for: a shop whose work behind requests is done by processes that can be killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rma.app import create_services
from rma.db.session import Database
from rma.settings import Settings
from tests.support.crew import Crew
from tests.support.floor import Floor


@pytest.fixture
def floor(database_url: str, tmp_path: Path) -> Iterator[Floor]:
    """A shop whose durable acts are run by workers in processes of their own."""
    services = create_services(
        Settings(data_dir=tmp_path, database_url=database_url, access_log=False), database=Database(database_url)
    )
    yield Floor(services)
    services.effects.stop(wait=1)
    services.close()


@pytest.fixture
def crew(floor: Floor, tmp_path: Path) -> Iterator[Crew]:
    """The processes on the floor's database."""
    made = Crew(tmp_path, floor.services.settings.database_url)
    yield made
    made.close()
