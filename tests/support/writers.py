"""Processes that write events into returns: ``python -m tests.support.writers URL STORE PROCESSES CASE ...``.

The program is loaded once; each process is a fork made before anything was opened. It writes transactions of uneven
length on some of the returns, gives some of them up, and tells how many events it committed, one number a line.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from rma.db.session import Database, Work
from rma.domain.events import Draft
from rma.services import log

ROUNDS = 12


@contextmanager
def writing(
    database: Database, store_id: str, cases: Sequence[str], *, processes: int
) -> Iterator[subprocess.Popen[str]]:
    """These processes while they write; whoever is left is ended with the block."""
    url = database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.support.writers", url, store_id, str(processes), *cases]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def write_many(database: Database, store_id: str, cases: Sequence[str], seed: int) -> int:
    """Transactions of uneven length, some of them given up; how many events were committed."""
    dice = random.Random(seed)
    committed = 0
    for number in range(ROUNDS):
        chosen = sorted(dice.sample(cases, dice.randint(1, 2)))
        pauses = [dice.random() / 200 for _ in chosen]
        given_up = dice.random() < 0.2
        said = [
            Draft(kind, {"by": seed, "number": number}, datetime.now(UTC))
            for kind in ("return.held", "return.disputed")
        ]

        def act(
            work: Work, chosen: list[str] = chosen, pauses: list[float] = pauses, said: list[Draft] = said,
            given_up: bool = given_up,
        ) -> None:  # fmt: skip
            for case, pause in zip(chosen, pauses, strict=True):
                log.append_to(work, "returns", case, said, store_id=store_id, actor="system")
                time.sleep(pause)
            if given_up:
                raise LookupError

        try:
            database.retrying(act)
        except LookupError:
            continue
        committed += len(said) * len(chosen)
    return committed


def main() -> int:
    """Fork, let each write, and answer 0 if all of them ended well."""
    url, store_id, processes, *cases = sys.argv[1:]
    born = []
    for seed in range(int(processes)):
        pid = os.fork()
        if not pid:
            database = Database(url)
            os.write(1, f"{write_many(database, store_id, cases, seed)}\n".encode())
            database.close()
            return 0
        born.append(pid)
    return max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in born)


if __name__ == "__main__":
    sys.exit(main())
