"""The bell of this process: rung after every commit that wrote events, heard by whoever works behind the requests."""

from __future__ import annotations

from collections.abc import Callable

_listeners: list[Callable[[], object]] = []


def listen(listener: Callable[[], object]) -> None:
    """Call this after each commit with events, from the thread that committed: it must be quick and never raise."""
    _listeners.append(listener)


def leave(listener: Callable[[], object]) -> None:
    """Call it no more."""
    if listener in _listeners:
        _listeners.remove(listener)


def ring() -> None:
    """Tell every listener that the log has grown. Other processes learn it by their own tick."""
    for listener in tuple(_listeners):
        listener()
