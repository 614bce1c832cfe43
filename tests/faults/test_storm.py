"""A small dose of ``make faults``: some lives on each database while processes die, disks fill and servers crash."""

from __future__ import annotations

from pathlib import Path

from tests.faults.storm import Dose, Storm
from tests.support import postgres
from tests.support.databases import Databases
from tests.support.migrate import migrate

DOSE = Dose(cycles=10, clients=4, pause=2.0, apart=1, slow=False)


def test_a_small_storm_over_sqlite(databases: Databases, tmp_path: Path) -> None:
    """Whatever dies, every life ends as it should: nothing lost, nothing twice, no outcome unknown, seals that hold."""
    outcome = Storm(databases.fresh("sqlite"), tmp_path, DOSE).run()
    assert outcome.wrong == []
    assert outcome.cycles == DOSE.cycles


def test_a_small_storm_over_postgresql(tmp_path: Path) -> None:
    """The same over a PostgreSQL that is stopped hard in the middle."""
    with postgres.running(()) as server:
        url = server.create("storm")
        migrate(url)
        outcome = Storm(url, tmp_path, DOSE, server).run()
    assert outcome.wrong == []
    assert outcome.cycles == DOSE.cycles
