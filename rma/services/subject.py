"""What a door moves: the case itself or one of its children, as its row and its machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rma.domain.definition import Definition


@dataclass(slots=True)
class Subject:
    """A thing with a machine: the case itself (its row is the case's row) or a child."""

    kind: str
    row: dict[str, Any]
    definition: Definition
    new: bool = False
    dirty: bool = False
    stayed: set[str] = field(default_factory=set)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        """The id of a row never changes."""
        self.id = self.row["id"]

    @property
    def state(self) -> str:
        """The subject's state."""
        return self.row["state"]  # type: ignore[no-any-return]

    def set(self, **values: Any) -> None:
        """Change columns; they are written when the door closes."""
        self.row.update(values)
        self.dirty = True
