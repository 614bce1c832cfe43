"""The log of a process: one JSON object a line on standard error, for our own loggers and everybody else's.

A line says what happened and on whose behalf: the request, the store, the return and the durable act at hand, as far as
they are known. Of an error it tells the class, what the database names (code, constraint, table), and where in the
program it was raised, and never its text: texts hold what people wrote. Who keeps an error elsewhere keeps ``brief``.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar

import msgspec

P = ParamSpec("P")
T = TypeVar("T")
FRAMES = 40
"""So many places of a stack are told, the innermost ones."""
_CAUSES = 4
_SAID = ("attempt", "state")
"""What a line may say besides, of all that a logger was given as ``extra``."""
_OWN_HANDLERS = ("dbos", "uvicorn", "uvicorn.error", "uvicorn.access", "py.warnings")
_RETURN = re.compile(r"ret_[0-9a-z]{26}")
_ADDRESS = re.compile(r"\S*@\S*")  # an e-mail, or the password of a database's address
_WORD = re.compile(r"[\w.:/-]{1,60}", re.ASCII)
_OURS = "rma."
_log = logging.getLogger(__name__)


class About:
    """On whose behalf something is done, filled in as it becomes known."""

    __slots__ = ("attempt", "request_id", "return_id", "store")

    def __init__(self, *, request_id: str | None = None, attempt: str | None = None) -> None:
        self.request_id = request_id
        self.attempt = attempt
        self.store: str | None = None
        self.return_id: str | None = None


_about: ContextVar[About | None] = ContextVar("about", default=None)


def begin(request_id: str) -> About:
    """What is done from here on in this task, and in threads of ``Threads`` it asks, is for this request."""
    about = About(request_id=request_id)
    _about.set(about)
    return about


@contextmanager
def about(*, attempt: str | None = None) -> Iterator[None]:
    """The block is done for this attempt of a durable act, or on nobody's behalf yet."""
    token = _about.set(About(attempt=attempt))
    try:
        yield
    finally:
        _about.reset(token)


def note(*, store: str | None = None, return_id: str | None = None) -> None:
    """Say of what is done just now which store it is for, and which return; what is no return's id is passed over."""
    known = _about.get()
    if known is not None:
        if store is not None:
            known.store = store
        if return_id is not None and _RETURN.fullmatch(return_id):
            known.return_id = return_id


class Threads(ThreadPoolExecutor):
    """Threads that know on whose behalf they were asked."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As the standard library's."""
        return super().submit(_on_behalf, _about.get(), partial(fn, *args, **kwargs))


def _on_behalf(known: About | None, act: Callable[[], T]) -> T:
    _about.set(known)
    return act()


def set_up() -> None:
    """Let every logger of this process speak so, warnings and dying threads too, from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in _OWN_HANDLERS:
        other = logging.getLogger(name)
        other.handlers, other.propagate = [handler], False  # theirs would be made where none is
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_died


@contextmanager
def spoken() -> Iterator[None]:
    """The same for the block: whoever runs a command inside a program of theirs has their own log after it."""
    loggers = [logging.getLogger(name) for name in ("", *_OWN_HANDLERS)]
    before = [(one, one.handlers, one.propagate, one.level) for one in loggers]
    died = threading.excepthook
    set_up()
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        threading.excepthook = died
        for one, handlers, propagate, level in before:
            one.handlers, one.propagate = handlers, propagate
            one.setLevel(level)


def _thread_died(died: threading.ExceptHookArgs) -> None:
    name = died.thread.name if died.thread is not None else "unknown"
    found = (died.exc_type, died.exc_value, died.exc_traceback) if died.exc_value is not None else None
    _log.critical("the thread %s ended by an error", name, exc_info=found)


class Lines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        known = _about.get() or About()
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _ADDRESS.sub("…", record.getMessage()),
            "request_id": known.request_id,
            "store": known.store,
            "return": known.return_id,
            "attempt": known.attempt,
        }
        line |= {name: record.__dict__[name] for name in _SAID if name in record.__dict__}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _told(record.exc_info[1], _CAUSES)
        return msgspec.json.encode(line, enc_hook=str).decode()


def brief(error: BaseException) -> str:
    """An error in a few words, to be kept and shown: its class, its code and the innermost place in our code."""
    told = _told(error, 0)
    code = f" ({told['code']})" if "code" in told else ""
    ours = [place for place in told["stack"] if place.startswith(_OURS)]
    return f"{told['class']}{code}" + (f" at {ours[-1]}" if ours else "")


def kind(error: BaseException) -> str:
    """The class of an error, with its module."""
    return f"{type(error).__module__}.{type(error).__qualname__}"


def word(text: str | None) -> str | None:
    """A code as it is, None for a sentence or an address: who sends one for a code may have put a person into it."""
    return text if text is not None and _WORD.fullmatch(text) else None


def _told(error: BaseException, causes: int) -> dict[str, Any]:
    """An error without its text, with what led to it."""
    told: dict[str, Any] = {"class": kind(error)}
    driver = getattr(error, "orig", error)
    if getattr(driver, "sqlstate", None):
        told["database"] = str(driver)  # has no values, see ``rma.db.wire``
    for name in ("code", "errno", "sqlite_errorname"):
        value = getattr(driver, name, None)
        if isinstance(value, int) or (isinstance(value, str) and word(value)):
            told[name] = value
    told["stack"] = _places(error)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and causes:
        told["cause"] = _told(cause, causes - 1)
    return told


def _places(error: BaseException) -> list[str]:
    """Where it passed through, outermost first: ``module:line function``."""
    frames = list(traceback.walk_tb(error.__traceback__))[-FRAMES:]
    return [f"{frame.f_globals.get('__name__')}:{line} {frame.f_code.co_name}" for frame, line in frames]
