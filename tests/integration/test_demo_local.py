"""The demo's own database, stores and folder on this machine."""

from __future__ import annotations

import socket
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Database
from rma.demo import local, turkish
from rma.demo.plan import ROLES
from rma.errors import Unavailable

TODAY = date(2026, 11, 21)


def test_a_fresh_folder_replaces_only_a_demo(tmp_path: Path) -> None:
    """An earlier demo's folder is emptied; a folder that holds anything else is left alone and refused."""
    folder = local.fresh_folder(tmp_path / "demo")
    (folder / "rma.sqlite3").touch()
    assert local.fresh_folder(folder) == folder
    assert [entry.name for entry in folder.iterdir()] == [local.MARKER]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(FileExistsError):
        local.fresh_folder(tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_a_port_in_use_is_left_alone() -> None:
    """The wanted port is taken when it is free, and another one when somebody listens there."""
    with socket.socket() as somebody:
        somebody.bind((local.HOST, 0))
        somebody.listen()
        taken = somebody.getsockname()[1]
        assert local.free_port(taken) != taken
    assert local.free_port(taken) == taken


def test_stores_are_opened_in_test_mode_with_their_clock_set_back(tmp_path: Path) -> None:
    """Each store is in test mode, its clock stands before its first order, and each role has a key of its own."""
    spec = turkish.plan(today=TODAY).spec
    settings = local.settings_of(tmp_path, port=local.free_port())
    keys = local.open_stores(settings, [spec])
    assert set(keys["carsi-tr"]) == set(ROLES)
    assert len(set(keys["carsi-tr"].values())) == len(ROLES)
    database = Database(settings.database)
    with database.read() as work:
        store = work.session.scalars(sa.select(tables.Store)).one()
        shown = work.real_now + timedelta(seconds=store.clock_offset)
        persons = work.session.scalars(sa.select(tables.table(tables.Key).c.person)).all()
    database.close()
    assert store.test_mode
    assert store.clock_set
    assert abs(shown - spec.clock_start) < timedelta(minutes=5)
    assert {"finance@carsi.example", "owner@carsi.example"} <= set(persons)


def test_a_server_that_does_not_come_up_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the server's process ends instead of answering, the last lines of its log are told and nothing is left."""
    monkeypatch.setattr(local, "_SERVE", "import sys; sys.exit('the roof is on fire')")
    settings = local.settings_of(tmp_path, port=local.free_port())
    with pytest.raises(Unavailable, match="the roof is on fire"), local.server(settings):
        pass
