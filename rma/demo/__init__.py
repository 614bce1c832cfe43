"""The demo: two stores live through three months of returns over HTTP, in a minute or so.

It has three parts so that the command line can put them together: :func:`prepare` reads the data and plans both stores
(pure but for reading), :func:`run` plays the plans against a running server, and :func:`play` does the whole thing with
the two capabilities it is given: opening stores (database, stores, keys) and serving.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

import httpx
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from rma.demo import britain, report, turkish
from rma.demo.client import Api
from rma.demo.excerpt import find_data, resolve
from rma.demo.plan import KeySpec, StorePlan, StoreSpec
from rma.demo.retail import read_rows
from rma.demo.story import Story
from rma.demo.tally import Tally

__all__ = ["KeySpec", "Keys", "StorePlan", "StoreSpec", "Tally", "connect", "find_data", "play", "prepare", "run"]

Keys = Mapping[str, Mapping[str, str]]
TIMEOUT = 60.0


def prepare(data: Path | None, *, today: date) -> tuple[StorePlan, ...]:
    """Plan both stores. ``data`` is the full file or its folder, or None for the shipped excerpt.

    Raises what reading raises: FileNotFoundError, Unreadable, Invalid.
    """
    return (britain.plan(read_rows(resolve(data)), today=today), turkish.plan(today=today))


def connect(base_url: str) -> httpx.Client:
    """A client for the server at this address; environment proxies are not asked, the server is on this machine."""
    return httpx.Client(base_url=base_url, timeout=TIMEOUT, trust_env=False)


def run(
    plans: Sequence[StorePlan],
    *,
    http: httpx.Client,
    keys: Keys,
    folder: Path,
    console: Console,
    run_id: str = "demo",
) -> tuple[Tally, ...]:
    """Play the plans side by side against the server behind ``http`` and show a progress bar for each.

    ``keys`` is store slug to role to secret, with the roles of :data:`rma.demo.plan.ROLES`. Labels are written to
    ``folder``/<slug>. A refusal or fault of the server is counted, not raised; Unavailable is when it does not answer.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, ThreadPoolExecutor(len(plans)) as stores:

        def tell(plan: StorePlan, task: TaskID) -> Tally:
            api = Api(http, keys=keys[plan.spec.slug], run=run_id)
            story = Story(plan, api=api, folder=folder, advance=lambda steps: progress.advance(task, steps))
            started = time.perf_counter()
            try:
                return story.play()
            finally:
                story.tally.seconds = time.perf_counter() - started

        tasks = [progress.add_task(plan.spec.name, total=Story.length(plan)) for plan in plans]
        return tuple(stores.map(tell, plans, tasks))


def play(
    *,
    data: Path | None,
    today: date,
    data_dir: Path,
    console: Console,
    open_stores: Callable[[Sequence[StoreSpec]], Keys],
    server: Callable[[], AbstractContextManager[str]],
    hold: Callable[[], None] | None,
    connect: Callable[[str], httpx.Client] = connect,
) -> int:
    """The whole demo; answers the exit code: 0, or 1 when something happened that should not.

    ``open_stores`` makes the database, the test-mode stores and their keys. ``server`` is a context in which the
    server answers under the address that it gives. ``hold`` keeps serving after the story; None ends with it.
    """
    plans = prepare(data, today=today)
    report.before(console, plans, data="the shipped excerpt" if data is None else str(data))
    keys = open_stores([plan.spec for plan in plans])
    keys_file = write_keys(keys, data_dir)
    console.print("Starting the server (its log: server.log of the demo's folder) ...", highlight=False)
    started = time.perf_counter()
    with server() as base_url:
        with connect(base_url) as http:
            tallies = run(plans, http=http, keys=keys, folder=data_dir / "labels", console=console)
        report.after(console, tallies, log=data_dir / "server.log")
        console.print(f"[bold]The whole story took {time.perf_counter() - started:.1f} s.[/]")
        report.links(console, base_url=base_url, data=data_dir, tallies=tallies, keys_file=keys_file)
        if hold is not None:
            console.print("Serving until Ctrl-C.")
            hold()
    return 1 if any(tally.failed for tally in tallies) else 0


def write_keys(keys: Keys, folder: Path) -> Path:
    """Write the demo's keys to ``folder``/demo-keys.json, readable by the owner of the machine's account alone."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo-keys.json"
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(keys), indent=2))
    return path
