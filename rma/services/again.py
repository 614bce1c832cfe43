"""Upserts under concurrency: who loses the race to insert a row runs again, finds it and changes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import psycopg
import sqlalchemy as sa

from rma.db.session import Database, Work

T = TypeVar("T")
DUPLICATE = (sqlite3.IntegrityError, psycopg.IntegrityError, sa.exc.IntegrityError)
TIMES = 4


def upserting(database: Database, act: Callable[[Work], T]) -> T:
    """Run ``act`` in a write transaction; again from its start when another one inserted the same row meanwhile."""
    for _ in range(TIMES):
        try:
            return database.retrying(act)
        except DUPLICATE:
            continue
    return database.retrying(act)
