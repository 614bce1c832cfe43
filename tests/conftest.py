"""What every test may ask for: databases of both kinds; and the order of a run, quick tests first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import KINDS, Databases, Kind

ORDER = ("unit", "architecture", "properties", "contracts", "faults", "integration", "api", "web", "stories")
"""Folders of tests in the order in which they run: what fails fastest tells most cheaply.

After the quick ones come those that mostly wait for processes, so that others fill the time."""

DOSE = 2
"""How many random requests an attack sends to each operation of the API, unless told."""
_passed: dict[str, int] = dict.fromkeys(KINDS, 0)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--attack N``: how many random requests tests/api/test_attacked.py sends to each operation.

    ``--races N``: how many times tests/integration/test_serial.py and test_race_processes.py go over everything.
    """
    parser.addoption("--races", type=int, default=1, metavar="N", help="rounds over everything that can happen at once")
    parser.addoption(
        "--attack", type=int, default=DOSE, metavar="N", help="random requests to each operation of the API"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort by folder, keeping the order within; a test outside the known folders fails the collection.

    A long attack, and a long race, takes as long as it takes.
    """
    root = config.rootpath / "tests"
    if config.getoption("attack") > DOSE or config.getoption("races") > 1:
        for item in items:
            item.add_marker(pytest.mark.timeout(0))

    def rank(item: pytest.Item) -> int:
        return ORDER.index(item.path.relative_to(root).parts[0])

    items.sort(key=rank)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the passed tests of each kind of database."""
    if report.when == "call" and report.passed:
        for name, value in report.user_properties:
            if name == "database":
                _passed[str(value)] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests passed on each kind of database; .ci/run reads this line."""
    counts = " ".join(f"{kind} {count}" for kind, count in _passed.items())
    terminalreporter.write_line(f"databases: {counts}")


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The maker of databases; its PostgreSQL server lives as long as the run."""
    from tests.support.migrate import migrate  # noqa: PLC0415 - unit tests need no SQLAlchemy

    maker = Databases(tmp_path_factory.mktemp("databases"), migrate=migrate)
    yield maker
    maker.close()


@pytest.fixture(params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> Kind:
    """``sqlite``, then ``postgresql``: a test that asks for it runs on both."""
    kind: Kind = request.param
    request.node.user_properties.append(("database", kind))
    return kind


@pytest.fixture
def database_url(databases: Databases, database_kind: Kind) -> Iterator[str]:
    """A migrated database of its own for one test, on SQLite and then on PostgreSQL.

    Take one kind alone with ``@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)``.
    """
    url = databases.fresh(database_kind)
    yield url
    databases.drop(url)


@pytest.fixture
def empty_database_url(databases: Databases, database_kind: Kind) -> Iterator[str]:
    """A database without a single table, on SQLite and then on PostgreSQL."""
    url = databases.empty(database_kind)
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The top folder of this checkout."""
    return Path(__file__).resolve().parents[1]
