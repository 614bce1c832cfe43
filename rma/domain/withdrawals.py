"""A declaration of withdrawal made online: what may be typed, when two of them are the same, and which units it means.

Three things are asked for and nothing else: a name, what identifies the contract, and where the receipt goes (CRD
art. 11a(2)). Lines and a statement may be left out; a withdrawal needs no reason.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from rma.domain.mailboxes import search_form
from rma.domain.messages import is_address
from rma.domain.verdict import Why
from rma.errors import FieldError, Invalid

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Number = Annotated[str, Meta(min_length=1, max_length=128)]
Address = Annotated[str, Meta(min_length=1, max_length=254)]
Statement = Annotated[str, Meta(max_length=4000)]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]

_TURNERS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""Characters that turn the direction of the text around them: a receipt could read as something else."""
_I = dict.fromkeys(map(ord, "İIı"), "i")
"""The four letters i of Turkish, which no other language tells apart."""
_canonical = msgspec.json.Encoder(order="deterministic").encode


class DeclaredLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some units of the order, by the order's line or by the article's number."""

    quantity: Quantity
    line: Number | None = None
    sku: Number | None = None


class Declaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the consumer types. Without ``lines`` the whole order is meant."""

    name: Name
    order_number: Number
    electronic_address: Address
    lines: Annotated[tuple[DeclaredLine, ...], Meta(max_length=100)] | None = None
    statement: Statement | None = None


class Units(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one order line."""

    order_line_id: str
    quantity: int


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """An order line as a withdrawal finds it: how many units could still be filed; ``refused`` says why none may be.

    ``name`` is what the item is called, for people who do not know its number.
    """

    order_line_id: str
    sku: str
    most: int
    name: str = ""
    refused: tuple[Why, ...] = ()


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What of a declaration was not filed: ``code`` is ``unknown_line``, ``none_left`` or ``refused`` with reasons."""

    code: str
    quantity: int
    line: str | None = None
    sku: str | None = None
    reasons: tuple[Why, ...] = ()


def checked(typed: Declaration) -> Declaration:
    """The same without blanks around it. ``Invalid`` names every field that cannot be right."""
    lines = tuple(map(_trimmed, typed.lines)) if typed.lines else None
    statement = (typed.statement or "").replace("\r\n", "\n").strip()
    found = Declaration(
        name=typed.name.strip(),
        order_number=typed.order_number.strip(),
        electronic_address=typed.electronic_address.strip(),
        lines=lines,
        statement=statement or None,
    )
    errors = [*_text_faults(found), *_line_faults(lines or ())]
    if errors:
        raise Invalid("The withdrawal cannot be right.", errors=errors)
    return found


def fingerprint(declared: Declaration) -> str:
    """What is the same for the same content: the order of lines, the case of the address and accents' forms aside."""
    lines = sorted((line.line or "", line.sku or "", line.quantity) for line in declared.lines or ())
    parts = (declared.name, order_number(declared), search_form(declared.electronic_address), declared.statement or "")
    whole = _canonical([[unicodedata.normalize("NFC", part) for part in parts], lines])
    return hashlib.sha256(whole).hexdigest()


def order_number(declared: Declaration) -> str:
    """The number as orders are kept: without the sign that many people write before it."""
    return declared.order_number.lstrip("#").strip() or declared.order_number


def plan(declared: Declaration, rooms: Sequence[Room]) -> tuple[tuple[Units, ...], tuple[Left, ...]]:
    """Which units to file, in the order of the order's lines, and what is left over with the reason.

    Lines that policy and law refuse are left out as long as anything else can be filed; if nothing can, they are filed
    all the same, so that the consumer is told why and may object.
    """
    wanted, left = _wanted(declared, rooms)
    refused = {room.order_line_id: room for room in rooms if room.refused}
    fit = {line: quantity for line, quantity in wanted.items() if line not in refused}
    if not fit:
        fit, refused = wanted, {}
    left += [
        Left(code="refused", line=line, sku=refused[line].sku, quantity=quantity, reasons=refused[line].refused)
        for line, quantity in wanted.items()
        if line in refused
    ]
    order = [room.order_line_id for room in rooms if room.order_line_id in fit]
    return tuple(Units(order_line_id=line, quantity=fit[line]) for line in order), tuple(left)


def _wanted(declared: Declaration, rooms: Sequence[Room]) -> tuple[dict[str, int], list[Left]]:
    if declared.lines is None:
        return {room.order_line_id: room.most for room in rooms if room.most}, []
    most = {room.order_line_id: room.most for room in rooms}
    wanted: dict[str, int] = {}
    left: list[Left] = []
    for line in declared.lines:
        named = [room.order_line_id for room in rooms if _means(line, room)]
        named = named or [room.order_line_id for room in rooms if _calls(line, room)]
        rest = _take(named, line.quantity, most, wanted)
        if rest:
            code = "none_left" if named else "unknown_line"
            left.append(Left(code=code, line=line.line, sku=line.sku, quantity=rest))
    return wanted, left


def _means(line: DeclaredLine, room: Room) -> bool:
    return line.line == room.order_line_id if line.line is not None else line.sku == room.sku


def _calls(line: DeclaredLine, room: Room) -> bool:
    """Whether people would say that this is the item: by its number or its name, however they write it."""
    return line.sku is not None and _spoken(line.sku) in {_spoken(room.sku), _spoken(room.name)} - {""}


def _spoken(words: str) -> str:
    return " ".join(words.translate(_I).casefold().split())


def _take(lines: Sequence[str], quantity: int, most: Mapping[str, int], wanted: dict[str, int]) -> int:
    """Spread so many units over these lines; how many found no room."""
    for line in lines:
        share = min(quantity, most[line] - wanted.get(line, 0))
        if share > 0:
            wanted[line] = wanted.get(line, 0) + share
            quantity -= share
    return quantity


def _trimmed(line: DeclaredLine) -> DeclaredLine:
    return msgspec.structs.replace(line, line=(line.line or "").strip() or None, sku=(line.sku or "").strip() or None)


def _text_faults(declared: Declaration) -> list[FieldError]:
    found = []
    for path in ("name", "order_number", "electronic_address"):
        text: str = getattr(declared, path)
        if not text:
            found.append(FieldError(path, "required", f"{path} is needed."))
        elif _strange(text):
            found.append(FieldError(path, "character", f"{path} holds a character that is not allowed."))
        elif path == "electronic_address" and not is_address(text):
            found.append(FieldError(path, "not_an_address", "This is not one plain e-mail address."))
    if declared.statement and _strange(declared.statement.replace("\n", " ").replace("\t", " ")):
        found.append(FieldError("statement", "character", "statement holds a character that is not allowed."))
    return found


def _line_faults(lines: Sequence[DeclaredLine]) -> list[FieldError]:
    found = []
    for index, line in enumerate(lines):
        if (line.line is None) == (line.sku is None):
            found.append(FieldError(f"lines[{index}]", "line_or_sku", "Name a line of the order or a sku."))
        elif _strange(line.line or line.sku or ""):
            found.append(FieldError(f"lines[{index}]", "character", "It holds a character that is not allowed."))
    return found


def _strange(text: str) -> bool:
    """Whether anything in it is no visible text: control characters, separators of lines, turners, lone surrogates."""
    return any(char in _TURNERS or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text)
