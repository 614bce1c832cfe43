"""Where the data folders lie: ``workflows/`` and ``alembic/``, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "_data", _PACKAGE.parent)  # a wheel carries them inside, a checkout beside the package


@cache
def folder(name: Literal["workflows", "alembic"]) -> Path:
    """The absolute path of a data folder. Raises ``FileNotFoundError`` naming every place that was looked at."""
    for place in _PLACES:
        if (place / name).is_dir():
            return place / name
    raise FileNotFoundError(f"no folder {name}/ in {' or '.join(str(place) for place in _PLACES)}")
