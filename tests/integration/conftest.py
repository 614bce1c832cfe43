"""What tests of the services ask for: a shop on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import floor as floors
from tests.support.floor import Floor


@pytest.fixture
def floor(database_url: str, tmp_path: Path) -> Iterator[Floor]:
    """A shop on a database of its own, first on SQLite, then on PostgreSQL; acts run when a test says so."""
    with floors.opened(database_url, tmp_path) as made:
        yield made
