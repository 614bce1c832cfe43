"""Things that are done apart from each other."""

from __future__ import annotations

import pytest

from rma.errors import Busy
from rma.services import apart, counts
from rma.services.apart import Apart


def test_what_fails_waits_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again when its time has come and not before, waits longer each time, and is counted each time."""
    made, tried = Apart("sewing"), list[str]()

    def act(name: str) -> str:
        tried.append(name)
        if name == "torn":
            raise ConnectionError
        return name

    for _ in range(2):
        assert [made.run(lambda: act(name), name) for name in ("torn", "whole")] == [None, "whole"]  # noqa: B023
    assert (tried, made.failing) == (["torn", "whole", "whole"], (("torn",),))
    monkeypatch.setattr(apart, "WAITS", (0.0,))
    again = Apart("sewing")
    assert [again.run(lambda: act("torn"), "a") for _ in range(2)] == [None, None]
    assert again.run(lambda: act("mended"), "a") == "mended"
    assert again.failing == ()
    assert counts.REGISTRY.get_sample_value("rma_chore_failures_total", {"chore": "sewing"}) == len("abc")


def test_waits_grow_but_not_where_somebody_held_it() -> None:
    """Whoever holds a thing lets go without telling: it is looked for every few seconds, however often in vain."""
    assert [apart.wait(times, ConnectionError()) for times in (1, 2, 3, 4, 5, 99)] == [1.0, 2.0, 5.0, 15.0, 60.0, 60.0]
    assert [apart.wait(times, Busy("held")) for times in (1, 2, 3, 4, 99)] == [1.0, 2.0, 5.0, 5.0, 5.0]
