"""The law that ships, for tests that are told no store."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from rma.domain.law import LawProfile
from rma.domain.law_files import load_laws
from rma.domain.law_set import Laws

FOLDER = Path(__file__).parents[2] / "workflows" / "law"


@cache
def files() -> dict[str, bytes]:
    """Every file of the folder by its name in it."""
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.toml")}


@cache
def laws() -> Laws:
    """All of them, read."""
    return load_laws(files())


def law(country: str, on: str | date, *, region: str | None = None) -> LawProfile:
    """The law of a country on a day."""
    day = on if isinstance(on, date) else date.fromisoformat(on)
    return laws().profile(country, country, day, region=region)
