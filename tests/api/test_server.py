"""The real server on a real socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from rma import server
from rma.app import create_app
from rma.settings import Settings

if TYPE_CHECKING:
    from tests.api.conftest import Api

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def address(api: Api, settings: Settings) -> Iterator[str]:
    """The address of a server on a free port of this machine."""
    one = server.make(create_app(settings, services=api.services), settings.model_copy(update={"port": 0}))
    thread = threading.Thread(target=one.run)
    thread.start()
    while not one.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{one.servers[0].sockets[0].getsockname()[1]}"
    one.should_exit = True
    thread.join()


def test_it_serves_many_at_once(address: str, api: Api) -> None:
    """Sixty-four requests at once over sockets are all answered, and the page arrives as a whole."""
    headers = api.key("admin")
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda _: client.get("/api/v1/stores/shop").status_code, range(64)))
        script = client.get("/static/swagger-ui/swagger-ui-bundle.js")
    assert statuses == [200] * 64
    assert len(script.content) > 1_000_000
    assert script.headers["content-type"].startswith(("text/javascript", "application/javascript"))


def test_a_large_body_is_refused_before_it_is_read(address: str, api: Api) -> None:
    """The declared length alone is enough for a 413, and the next request on the connection works."""
    headers = api.key("admin") | {"Idempotency-Key": "a", "Content-Type": "application/json"}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        refused = client.post("/api/v1/stores", content=b" " * 3_000_000)
        after = client.get("/api/v1/stores/shop")
    assert (refused.status_code, refused.json()["code"], after.status_code) == (413, "too_large", 200)


def test_it_does_not_name_its_software(address: str) -> None:
    """No header tells the server's name or version."""
    headers = httpx.get(f"{address}/health/live").headers
    assert "server" not in headers
    assert headers["x-content-type-options"] == "nosniff"
