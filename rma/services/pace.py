"""Answers that take the same time whatever was done for them, so that the time tells nothing.

An answer is held back until the next whole beat since the request came. It waits in the event loop and holds no thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


def rest(elapsed: float, beat: float) -> float:
    """The seconds from ``elapsed`` to the next whole beat; at least one beat passes, where there is one at all."""
    if not beat:
        return 0.0
    beats = max(1, -int(-elapsed // beat))
    return max(0.0, beats * beat - elapsed)


async def evenly(act: Awaitable[T], beat: float) -> T:
    """What ``act`` gives or raises, on the beat."""
    clock = asyncio.get_running_loop().time
    started = clock()
    try:
        return await act
    finally:
        await asyncio.sleep(rest(clock() - started, beat))
