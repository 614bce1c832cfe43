"""Strict reading of JSON into typed values: nothing unknown passes, and every wrong field is named."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from rma.errors import FieldError, Invalid, Unreadable

T = TypeVar("T")

_VALUE_SIGNS = (" >= ", " <= ", "length", "matching regex", "enum value", "timezone")
"""Words of msgspec that say the type is right and the value is not."""

_NUL = re.compile(rb"\\u0000|\x00", re.IGNORECASE)


def decode(raw: bytes, kind: type[T]) -> T:
    """The typed value of a JSON text. Broken JSON is ``Unreadable``; wrong content is ``Invalid`` with every path."""
    if not _NUL.search(raw):
        try:
            found: T = _decoder(cast(Hashable, kind)).decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # the slow way below names every fault
        else:
            return found
    return convert(parse(raw), kind)


def parse(raw: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    """The untyped value of a JSON text, or ``Unreadable``."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        message = f"the body is not valid JSON: {fault}"
        raise Unreadable(message) from None
    except RecursionError:
        message = "the body is not valid JSON: it is nested too deeply"
        raise Unreadable(message) from None


def convert(value: object, kind: type[T]) -> T:
    """The typed value of plain data as JSON gives it. Wrong content is ``Invalid`` with every path."""
    errors = text_faults(value) + _all_faults(value, kind)
    if errors:
        first = errors[0]
        raise Invalid(f"{first.path}: {first.message}" if first.path else first.message, errors=errors)
    return msgspec.convert(value, kind)


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
    """Every fault of plain data against a type, each with its path."""
    struct = _struct_of(kind)
    if struct is not None and isinstance(value, Mapping):
        return _struct_faults(value, struct, f"{path}." if path else "")
    item = _item_of(kind)
    if item is not None and isinstance(value, list | tuple):
        found = [fault for index, part in enumerate(value) for fault in faults(part, item, f"{path}[{index}]")]
        return found or _fault(value, kind, path)
    return _fault(value, kind, path)


def text_faults(value: object, path: str = "") -> list[FieldError]:
    """Wherever a text holds the character NUL, which no database text can."""
    if isinstance(value, str):
        return [FieldError(path, "character", "the character NUL is not allowed")] if "\x00" in value else []
    if isinstance(value, Mapping):
        parts = [(part, f"{path}.{key}".lstrip(".")) for key, part in value.items()]
        return text_faults(list(value), path) + [fault for part, where in parts for fault in text_faults(part, where)]
    if isinstance(value, list | tuple):
        return [fault for index, part in enumerate(value) for fault in text_faults(part, f"{path}[{index}]")]
    return []


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _all_faults(value: object, kind: Any) -> list[FieldError]:  # noqa: ANN401
    """Every fault, quick when there is none."""
    first = _fault(value, kind, "")
    return first and (faults(value, kind) or first)


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
    """The annotation of a sequence's items, or None when the annotation is no sequence."""
    for part in (kind, *getattr(kind, "__args__", ())):
        if getattr(part, "__origin__", None) in (list, tuple):
            return part.__args__[0]
    return None


def _struct_faults(value: Mapping[str, object], struct: type[msgspec.Struct], prefix: str) -> list[FieldError]:
    found: list[FieldError] = []
    known = set()
    for field in _fields(struct):
        name = field.encode_name
        known.add(name)
        if name in value:
            found += faults(value[name], field.type, prefix + name)
        elif field.required:
            found.append(FieldError(prefix + name, "missing", "this field is required"))
    if struct.__struct_config__.forbid_unknown_fields:
        strange = [str(name)[:80] for name in value if name not in known]
        found += [FieldError(prefix + name, "unknown", "there is no such field") for name in strange]
    return found


def _fault(value: object, kind: Any, path: str) -> list[FieldError]:  # noqa: ANN401
    """The first fault that the type itself finds, with the rest of its path."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as fault:
        message, _, where = str(fault).partition(" - at `$")
        code = "value" if any(sign in message for sign in _VALUE_SIGNS) else "type"
        return [FieldError((path + where.rstrip("`")).lstrip("."), code, message)]
    return []
