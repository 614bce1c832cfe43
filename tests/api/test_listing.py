"""Filters of lists over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.api.conftest import Api


@pytest.mark.parametrize("path", ["/api/v1/returns", "/api/v1/refunds"])
@pytest.mark.parametrize("moment", ["2030-01-01", "2030-01-01T00:00:00%2B03:00"])
def test_a_list_takes_a_day_or_an_instant(api: Api, path: str, moment: str) -> None:
    """``due_before`` is a day of the store or an instant, for returns and refunds alike."""
    answer = api.client.get(f"{path}?due_before={moment}", headers=api.key("returns:read", "refunds:read"))
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("path", ["/api/v1/returns", "/api/v1/refunds"])
@pytest.mark.parametrize("moment", ["soon", "2030-13-01", "2030-01-01T00:00:00"])
def test_what_is_no_day_is_named(api: Api, path: str, moment: str) -> None:
    """A moment that cannot be read is refused by the parameter's name."""
    answer = api.client.get(f"{path}?due_before={moment}", headers=api.key("returns:read", "refunds:read"))
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "due_before")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_parameter_is_given_once(api: Api) -> None:
    """Which of two would count is nobody's guess: each that is given twice is named."""
    keys = api.key("returns:read")
    for asked, named in (("limit=1&limit=2", ["limit"]), ("state=closed&state=settled", ["state"])):
        answer = api.get(f"/returns?{asked}", keys)
        assert answer.status_code == 422
        assert [error["path"] for error in answer.json()["errors"]] == named
