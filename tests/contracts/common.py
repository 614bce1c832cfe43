"""What every port's suite shares.

A provider's test class inherits its port's suite and gives a ``world``: the provider, and the other side of the wire,
played so that it can be told how to behave and asked what really happened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from rma.domain.ports import Address, Provider

T = TypeVar("T")

AYSE = Address(name="Ayşe Yılmaz", line1="Çiçek Sk. 5", city="İzmir", country="TR", postcode="35000")
"""Somebody who sends and gets parcels."""


def together(count: int, act: Callable[[], T]) -> list[T]:
    """Run the act in that many threads that start at the same moment; every answer."""
    barrier = threading.Barrier(count)
    answers: list[T] = []

    def run() -> None:
        barrier.wait()
        answers.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == count
    return answers


def keeps_the_common_rules(provider: Provider, port: type[object]) -> None:
    """A provider keeps its port, has a plain name and can be asked for its health."""
    assert isinstance(provider, port)
    assert provider.name == provider.name.lower()
    assert provider.name.isidentifier()
    assert provider.health().ok
    assert provider.health().detail
