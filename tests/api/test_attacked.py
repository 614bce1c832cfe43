"""The whole API attacked along its OpenAPI document, with data that fits, data that does not, and chains of requests.

``make test ARGS="tests/api/test_attacked.py --attack 500"`` sends so many random requests to each operation and tries
every border of every field besides, anew each time; in a run of the suite it is a small dose that is always the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rma.app import create_app
from rma.services import keys
from rma.services.caller import SCOPES
from rma.services.keys import NewKey
from rma.services.limits import RATES, Limiter, Rate
from rma.settings import Settings
from tests.support.attack import Attack, attack
from tests.support.desk import Desk

if TYPE_CHECKING:
    from tests.api.conftest import Api

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
SEED, DOSE = 20_261_122, 2


def _attacked(api: Api, settings: Settings, examples: int) -> Attack:
    """A shop with orders and a return, attacked with a key that may do everything but move time, which waits."""
    desk = Desk(api.services, test_mode=False)
    for number in ("1001", "1002"):
        desk.order(number)
    desk.parcel(desk.file("1001"))
    everything = NewKey(name="attacker", scopes=list(SCOPES), person="a@b.example")
    with api.services.database.write() as work:
        key = keys.mint(work, everything, store_id=desk.store_id, actor="system").key
    app = create_app(settings, services=api.services)
    long = examples > DOSE
    return attack(app, {"Authorization": f"Bearer {key}"}, examples=examples, borders=long, seed=None if long else SEED)


def test_no_request_breaks_the_document(api: Api, settings: Settings, pytestconfig: pytest.Config) -> None:
    """No answer is a 500 or anything that the document does not say, and nothing that it forbids is taken."""
    quick = settings.model_copy(update={"even_seconds": 0.0})
    api.services.settings = quick
    api.services.limits = Limiter(dict.fromkeys(RATES, Rate(1_000_000, 1)))
    found = _attacked(api, quick, pytestconfig.getoption("attack"))
    assert found.faults == {}
    assert found.asked > 200
    assert len(found.opened) > 15, sorted(found.opened)
