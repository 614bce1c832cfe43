"""Strict reading of JSON into typed values: nothing unknown passes, and every wrong field is named."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cache
from itertools import chain, islice
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import msgspec

from rma.errors import FieldError, Invalid, Unreadable

T = TypeVar("T")

_VALUE_SIGNS = (" >= ", " <= ", "length", "matching regex", "enum value", "timezone")
"""Words of msgspec that say the type is right and the value is not."""

MOST = 100
"""How many faults are named of one text: who sends more of them is told so, and it costs no more."""

_FIRST_YEAR, _END_YEAR = 1000, 9000
_FAR = re.compile(rb'"[03-9]\d{3}-')
"""What JSON has that holds a day outside of those years, unless a sign of it is escaped."""


def decode(raw: bytes, kind: type[T]) -> T:
    """The typed value of a JSON text. Broken JSON is ``Unreadable``; wrong content is ``Invalid`` with every path."""
    escaped = b"\\u00" in raw
    whole = b"\x00" not in raw and not (escaped and b"\\u0000" in raw)
    if whole:
        try:
            found: T = _decoder(cast(Hashable, kind)).decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # the slow way below names every fault
        else:
            if escaped or _FAR.search(raw):
                check_days(found)
            return found
    return _convert(parse(raw), kind, () if whole else None)


def parse(raw: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    """The untyped value of a JSON text, or ``Unreadable``."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        marked = raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"))
        why = "it is UTF-8 without a byte order mark, this one begins with one" if marked else str(fault)
        message = f"the body is not valid JSON: {why}"
        raise Unreadable(message) from None
    except RecursionError:
        message = "the body is not valid JSON: it is nested too deeply"
        raise Unreadable(message) from None


def convert(value: object, kind: type[T]) -> T:
    """The typed value of plain data as JSON gives it. Wrong content is ``Invalid`` with every path."""
    return _convert(value, kind, None)


def _convert(value: object, kind: type[T], of_texts: Iterable[FieldError] | None) -> T:
    texts = _text_faults(value, "") if of_texts is None else of_texts
    if errors := [*islice(chain(texts, _all_faults(value, kind)), MOST + 1)]:
        first = errors[0]
        raise Invalid(f"{first.path}: {first.message}" if first.path else first.message, errors=errors)
    found: T = msgspec.convert(value, kind)
    check_days(found)
    return found


def check_days(value: object) -> None:
    """``Invalid`` naming every day and instant of a typed value that nobody can count with.

    Those are outside of the years 1000 to 8999, or without an offset.
    """
    if _is_out_of_reach(value):
        errors = list(islice(_days_out_of_reach(value, ""), MOST + 1))
        raise Invalid(f"{errors[0].path}: {errors[0].message}", errors=errors)


def in_reach(day: date) -> bool:
    """Whether one can count from this day, or from this instant in any zone, and still be within the calendar."""
    return _FIRST_YEAR <= day.year < _END_YEAR


def prepare() -> None:
    """Let msgspec look at every struct of ours now, in one thread; call it before there are more.

    It looks at a struct when it first reads one, and another thread that reads the same struct meanwhile finds the
    half-made result: the process then dies of a segmentation fault (msgspec 0.22).
    """
    for struct in _subclasses(msgspec.Struct):
        if struct.__module__.startswith("rma."):
            _look(struct)


@cache
def _look(struct: type) -> None:
    msgspec.json.Decoder(struct)


def _subclasses(kind: type) -> Iterator[type]:
    below: list[type] = kind.__subclasses__()
    for one in below:
        yield one
        yield from _subclasses(one)


def faults(value: object, kind: Any, path: str = "") -> list[FieldError]:  # noqa: ANN401 - any annotation
    """The faults of plain data against a type, each with its path: all of them, or one more than ``MOST``."""
    return list(islice(_faults(value, kind, path), MOST + 1))


def text_faults(value: object) -> list[FieldError]:
    """Where a text holds the character NUL, which no database text can: as many as ``faults`` gives."""
    return list(islice(_text_faults(value, ""), MOST + 1))


def _faults(value: object, kind: Any, path: str) -> Iterator[FieldError]:  # noqa: ANN401 - any annotation
    struct = _struct_of(kind)
    if struct is not None and isinstance(value, Mapping):
        yield from _struct_faults(value, struct, f"{path}." if path else "")
        return
    item = _item_of(kind)
    within = enumerate(value) if item is not None and isinstance(value, list | tuple) else ()
    found = (fault for index, part in within for fault in _faults(part, item, f"{path}[{index}]"))
    if (first := next(found, None)) is None:
        yield from _fault(value, kind, path)
        return
    yield first
    yield from found


def _text_faults(value: object, path: str) -> Iterator[FieldError]:
    if isinstance(value, str):
        if "\x00" in value:
            yield FieldError(path, "character", "the character NUL is not allowed")
    elif isinstance(value, Mapping):
        for key in value:
            yield from _text_faults(key, path)
        for key, part in value.items():
            yield from _text_faults(part, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _text_faults(part, f"{path}[{index}]")


def _is_out_of_reach(value: object) -> bool:
    if isinstance(value, msgspec.Struct):
        parts: Iterable[object] = [getattr(value, name) for name in _dated(type(value))]
    elif isinstance(value, list | tuple):
        parts = value
    elif isinstance(value, dict):
        parts = value.values()
    else:
        return isinstance(value, date) and (not in_reach(value) or _is_naive(value))
    for part in parts:  # noqa: SIM110 - twice as fast as any()
        if part is not None and _is_out_of_reach(part):
            return True
    return False


def _days_out_of_reach(value: object, path: str) -> Iterator[FieldError]:
    parts: list[tuple[str, object]] = []
    if isinstance(value, date):
        if _is_naive(value):
            yield FieldError(path, "value", "an instant needs its offset, as RFC 3339 writes it")
        elif not in_reach(value):
            yield FieldError(path, "value", f"the year lies between {_FIRST_YEAR} and {_END_YEAR - 1}")
    elif isinstance(value, msgspec.Struct):
        parts = [(f".{shown}", getattr(value, name)) for name, shown in _dated(type(value)).items()]
    elif isinstance(value, list | tuple):
        parts = [(f"[{index}]", part) for index, part in enumerate(value)]
    elif isinstance(value, dict):
        parts = [(f".{key}", part) for key, part in value.items()]
    for name, part in parts:
        yield from _days_out_of_reach(part, (path + name).lstrip("."))


def _is_naive(value: date) -> bool:
    return isinstance(value, datetime) and value.tzinfo is None


@cache
def _dated(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The fields of a struct that can hold a day or an instant somewhere within, and their names in JSON."""
    fields = {field.encode_name: field.name for field in _fields(struct)}
    found = cast(msgspec.inspect.StructType, msgspec.inspect.type_info(struct)).fields
    return {fields[field.encode_name]: field.encode_name for field in found if _holds_days(field.type, {struct})}


def _holds_days(kind: msgspec.inspect.Type, seen: set[type]) -> bool:
    if isinstance(kind, msgspec.inspect.DateType | msgspec.inspect.DateTimeType):
        return True
    if isinstance(kind, msgspec.inspect.StructType):
        if kind.cls in seen:
            return False
        seen.add(kind.cls)
        return any(_holds_days(field.type, seen) for field in kind.fields)
    within = [getattr(kind, name) for name in ("type", "item_type", "key_type", "value_type") if hasattr(kind, name)]
    within += [*getattr(kind, "types", ()), *getattr(kind, "item_types", ())]
    return any(_holds_days(part, seen) for part in within)


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _all_faults(value: object, kind: Any) -> Iterator[FieldError]:  # noqa: ANN401
    """Every fault, quick when there is none."""
    if first := _fault(value, kind, ""):
        found = _faults(value, kind, "")
        yield next(found, first[0])
        yield from found


@cache
def _struct_of(kind: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401
    """The struct behind an annotation: without metadata, and without the null of an optional one."""
    found = msgspec.inspect.type_info(kind)
    while isinstance(found, msgspec.inspect.Metadata):
        found = found.type
    if isinstance(found, msgspec.inspect.UnionType):
        structs = [part for part in found.types if isinstance(part, msgspec.inspect.StructType)]
        found = structs[0] if len(structs) == 1 else found
    return found.cls if isinstance(found, msgspec.inspect.StructType) else None


@cache
def _fields(struct: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(struct)


def _item_of(kind: Any) -> Any:  # noqa: ANN401
    """The annotation of a sequence's items, without metadata and null around it; None when it is no sequence."""
    if get_origin(kind) in (list, tuple):
        return get_args(kind)[0]
    around = get_origin(kind) in (Annotated, Union, UnionType)
    return next(filter(None, map(_item_of, get_args(kind) if around else ())), None)


def _struct_faults(value: Mapping[str, object], struct: type[msgspec.Struct], prefix: str) -> Iterator[FieldError]:
    known = set()
    for field in _fields(struct):
        name = field.encode_name
        known.add(name)
        if name in value:
            yield from _faults(value[name], field.type, prefix + name)
        elif field.required:
            yield FieldError(prefix + name, "missing", "this field is required")
    if struct.__struct_config__.forbid_unknown_fields:
        for name in value:
            if name not in known:
                yield FieldError(prefix + str(name)[:80], "unknown", "there is no such field")


def _fault(value: object, kind: Any, path: str) -> list[FieldError]:  # noqa: ANN401
    """The first fault that the type itself finds, with the rest of its path."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as fault:
        message, _, where = str(fault).partition(" - at `$")
        code = "value" if any(sign in message for sign in _VALUE_SIGNS) else "type"
        return [FieldError((path + where.rstrip("`")).lstrip("."), code, message)]
    return []
