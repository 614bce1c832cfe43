"""What is printed on a label or a packing slip: plain values, their limits and the port of whoever prints them.

The limits come from the paper: at 203 dpi (8 dots/mm, the common label printer) a Code 128 bar of two dots is the
narrowest that scanners read safely, and an A6 label is 97 mm wide inside its margins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal, Protocol, get_args

import msgspec

from rma.domain.ports import Address
from rma.errors import FieldError, Invalid

Kind = Literal["carrier_label", "code_sheet"]
Direction = Literal["inbound", "outbound"]
Locale = Literal["tr", "en", "de"]
Size = Literal["a6", "4x6", "a4"]

RMA_NUMBER_MAX = 16
"""Characters of an RMA number that fit as Code 128 beside the QR code."""
CODE_MAX = 28
"""Characters of a tracking number or carrier code that fit as Code 128 across the label."""
LINE_CODE_MAX = 24
"""Characters of a line's code that fit as Code 128 on a packing slip."""
LINK_MAX = 250
"""Characters of a link whose QR code keeps three dots a module."""


class PackLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of what belongs in the parcel; ``line_code`` is what the warehouse scans for it."""

    line_code: str
    name: str
    sku: str
    quantity: int


class LabelJob(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one label, code sheet or packing slip says.

    ``code`` is the carrier's tracking number or drop-off code (a packing slip does not need it). ``expires_on`` is the
    last local day on which the carrier takes it. ``return_link`` becomes the QR code; empty means no QR code. A carrier
    label is read by everybody who handles the parcel: give it a link without a token. ``parcel`` of ``parcels`` numbers
    the parcels of a shipment. An e-mail address is never printed.
    """

    kind: Kind
    locale: Locale
    rma_number: str
    carrier: str
    code: str
    store_name: str
    sender: Address
    recipient: Address
    lines: tuple[PackLine, ...]
    direction: Direction = "inbound"
    return_link: str = ""
    expires_on: date | None = None
    order_number: str = ""
    parcel: int = 1
    parcels: int = 1


class LabelPrinter(Protocol):
    """Turns jobs into one PDF, a page or more each, in order. The same jobs give the same bytes.

    Raises ``Invalid`` naming each wrong field by path (``jobs[0].code``).
    """

    def render(self, jobs: Sequence[LabelJob], size: Size = "a6") -> bytes:
        """Labels and code sheets, one page a job."""
        ...

    def packing_slip(self, jobs: Sequence[LabelJob], size: Size = "a4") -> bytes:
        """Packing slips with a code per return and per line, as many pages as the lines need."""
        ...


def check_jobs(jobs: Sequence[LabelJob], *, size: str, code_required: bool) -> None:
    """Raise ``Invalid`` with every field that cannot be printed; no jobs at all is one of them."""
    errors = list(_size_errors(size))
    if not jobs:
        errors.append(FieldError("jobs", "empty", "there is nothing to print"))
    for index, job in enumerate(jobs):
        errors.extend(_job_errors(job, path=f"jobs[{index}]", code_required=code_required))
    if errors:
        raise Invalid(f"{errors[0].path}: {errors[0].message}", errors=errors)


def _size_errors(size: str) -> Iterator[FieldError]:
    if size not in get_args(Size):
        yield FieldError("size", "unknown", f"must be one of {', '.join(get_args(Size))}")


def _job_errors(job: LabelJob, *, path: str, code_required: bool) -> Iterator[FieldError]:
    for name, choices in (("kind", Kind), ("direction", Direction), ("locale", Locale)):
        if getattr(job, name) not in get_args(choices):
            yield FieldError(f"{path}.{name}", "unknown", f"must be one of {', '.join(get_args(choices))}")
    yield from _code_errors(job.rma_number, path=f"{path}.rma_number", most=RMA_NUMBER_MAX)
    if code_required or job.code:
        yield from _code_errors(job.code, path=f"{path}.code", most=CODE_MAX)
    if job.return_link:
        yield from _code_errors(job.return_link, path=f"{path}.return_link", most=LINK_MAX)
    if not 1 <= job.parcel <= job.parcels:
        yield FieldError(f"{path}.parcel", "out_of_range", "must lie between 1 and parcels")
    for index, line in enumerate(job.lines):
        yield from _code_errors(line.line_code, path=f"{path}.lines[{index}].line_code", most=LINE_CODE_MAX)
        if line.quantity < 1:
            yield FieldError(f"{path}.lines[{index}].quantity", "out_of_range", "must be 1 or more")


def _code_errors(value: str, *, path: str, most: int) -> Iterator[FieldError]:
    if not value:
        yield FieldError(path, "required", "must not be empty")
    elif len(value) > most:
        yield FieldError(path, "too_long", f"must have at most {most} characters to stay readable in print")
    elif not (value.isascii() and value.isprintable()):
        yield FieldError(path, "not_printable", "must be printable ASCII: it becomes a bar code")
