"""Every setting of the program, read once from ``RMA_*`` of the environment."""

from __future__ import annotations

import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MEGABYTE = 1_000_000
_SECRET_FILE = "secret-key"  # noqa: S105 - the name of the file, not what is in it


class Settings(BaseSettings):
    """Settings with their defaults; a name in capitals with ``RMA_`` before it sets one, ``RMA_PORT=80``.

    Sizes are in bytes, times in seconds. Nothing here is read twice: a changed environment needs a new start.
    """

    model_config = SettingsConfigDict(env_prefix="RMA_", frozen=True, extra="forbid")

    data_dir: Path = Path("var")
    """Where files, seals, the default database and the generated secret lie."""
    database_url: str = ""
    """``sqlite:///…`` or ``postgresql://…``; empty means ``rma.sqlite3`` in the data folder."""
    database_wait_seconds: Annotated[float, Field(ge=0)] = 60.0
    """How long ``serve`` and ``worker`` wait at their start for a database that does not answer yet."""
    secret_key: SecretStr = SecretStr("")
    """Signs seals and cookies; empty means one is generated once and kept in the data folder, mode 0600."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    public_url: str = ""
    """The address people reach us at, for links in mails and codes; empty means ``http://host:port``."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """How many processes of ``serve`` answer requests side by side; more than one needs PostgreSQL."""
    worker_inside: bool = True
    """Run durable acts, timers and subscribers inside ``serve``; false leaves them to ``rma worker``."""
    slot: Annotated[int, Field(ge=0, le=999)] = 0
    """The number of this process among those that run durable acts; two live ones never share it."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where ``rma worker`` tells Prometheus its numbers, on ``host``; 0: nowhere. The server has ``/metrics``."""

    threads: Annotated[int, Field(ge=1, le=256)] = 16
    """How many requests work at the same time in one process; the database pool is as large."""
    max_json_bytes: Annotated[int, Field(ge=1_000)] = 1 * MEGABYTE
    max_json_depth: Annotated[int, Field(ge=4, le=200)] = 32
    max_upload_bytes: Annotated[int, Field(ge=1_000)] = 16 * MEGABYTE
    """The whole body of a form with files; one file of evidence may have 15 MB (api.md)."""
    max_import_bytes: Annotated[int, Field(ge=1_000)] = 2_000 * MEGABYTE
    max_address_bytes: Annotated[int, Field(ge=1_000)] = 16_000
    """The address of a request with its query; two hundred labels at once need half of it."""
    max_header_bytes: Annotated[int, Field(ge=1_000)] = 64_000
    """All headers of a request together, about."""
    max_header_fields: Annotated[int, Field(ge=20)] = 100
    header_seconds: Annotated[float, Field(gt=0)] = 15.0
    """How long a client may take until the address and headers of a request are whole."""
    body_seconds: Annotated[float, Field(gt=0)] = 30.0
    """How long a client may send nothing of a body, or read nothing of an answer."""
    body_bytes_per_second: Annotated[int, Field(ge=0)] = 1_000
    """How fast a body has to come on average, once ``body_seconds`` are over."""
    max_connections: Annotated[int, Field(ge=1)] = 1_000
    """How many connections one process holds at a time; who comes then is told to try again. Mind ``ulimit -n``."""
    max_connections_per_address: Annotated[int, Field(ge=0)] = 0
    """How many of them one address (of IPv6 a /64) may hold, but for ``trusted_proxies``; 0: a quarter."""
    key_cache_seconds: Annotated[float, Field(ge=0, le=2)] = 2.0
    """How long a key revoked by another process may still work here."""
    idempotency_hours: Annotated[int, Field(ge=24)] = 48
    """How long an answer is kept for a repeated request."""
    ask_again_seconds: Annotated[float, Field(ge=1, le=86_400)] = 600.0
    """The longest wait between two questions about a refund, label or order with no end yet; the first are short."""
    even_seconds: Annotated[float, Field(ge=0, le=5)] = 0.25
    """The beat on which public answers leave whose time would tell whether an order exists; 0 sends them at once."""
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    """Addresses and networks of proxies whose ``X-Forwarded-For`` is believed; what anybody else says of it is not."""
    access_log: bool = True
    cors_origins: tuple[str, ...] = ()
    """Origins of browsers' pages that may call the API; none unless told."""

    @cached_property
    def database(self) -> str:
        """The address of the database."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'rma.sqlite3'}"

    @cached_property
    def url(self) -> str:
        """The address people reach us at, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @cached_property
    def secret(self) -> str:
        """The secret of this installation: as set, else from the data folder, where it is made on first use."""
        return self.secret_key.get_secret_value() or _kept_secret(self.data_dir / _SECRET_FILE)


def _kept_secret(path: Path) -> str:
    """Reads the file; the first one to come writes it whole, for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
