"""What the package draws, one function for each kind of paper."""

from __future__ import annotations

from collections.abc import Sequence

from rma.domain.labels import LabelJob, Size, check_jobs
from rma.domain.papers import DamageReport, EvidenceSummary, WithdrawalReceipt
from rma.providers.labels import damage, layout, pdf, receipt, slip, summary
from rma.providers.labels.marks import MM, Page

_SLIP_MARGIN = {"a6": 4 * MM, "4x6": 4 * MM, "a4": 15 * MM}


def render(jobs: Sequence[LabelJob], size: Size = "a6") -> bytes:
    """One PDF with one page a job, in order: its carrier label or its code sheet.

    ``a6`` and ``4x6`` are for label printers, ``a4`` for a printer at home: the label to cut out, the steps and a
    packing slip. Raises ``Invalid`` naming each field that cannot be printed (``jobs[0].code``); text that is too long
    is shortened instead.
    """
    check_jobs(jobs, size=size, code_required=True)
    return _written([layout.label(job, size) for job in jobs], jobs)


def packing_slip(jobs: Sequence[LabelJob], size: Size = "a4") -> bytes:
    """One PDF with the packing slip of each job, in order: a Code 128 for the RMA number and one for each line.

    A job takes as many pages as its lines need. Raises ``Invalid`` as ``render`` does, but needs no carrier code.
    """
    check_jobs(jobs, size=size, code_required=False)
    return _written([page for job in jobs for page in slip_pages(job, size)], jobs)


def damage_report(report: DamageReport) -> bytes:
    """The form for damage at the door as a PDF of one A4 page, filled in with what is known."""
    width, height = layout.SIZES["a4"]
    page = Page(width=width, height=height)
    damage.page(page, page.region.inset(_SLIP_MARGIN["a4"], 12 * MM), report)
    return pdf.write([page], title=report.rma_number, lang=report.locale)


def evidence_summary(found: EvidenceSummary) -> bytes:
    """The summary of an evidence pack as a PDF: facts, files with their hashes, photos."""
    width, height = layout.SIZES["a4"]
    return pdf.write(summary.pages(width, height, found), title=found.rma_number, lang=found.locale)


def withdrawal_receipt(found: WithdrawalReceipt) -> bytes:
    """The receipt of a withdrawal as a PDF: everything that was typed, the date and the time."""
    width, height = layout.SIZES["a4"]
    return pdf.write(receipt.pages(width, height, found), title=found.store_name, lang=found.locale)


def slip_pages(job: LabelJob, size: Size) -> list[Page]:
    """The laid-out pages of one job's packing slip."""
    width, height = layout.SIZES[size]
    pages = []
    margin = _SLIP_MARGIN[size]
    area = Page(width=width, height=height).region.inset(margin, margin)
    for part in slip.parts(area, job):
        page = Page(width=width, height=height)
        slip.page(page, area, job, part=part)
        pages.append(page)
    return pages


def _written(pages: list[Page], jobs: Sequence[LabelJob]) -> bytes:
    title = jobs[0].rma_number if len(jobs) == 1 else f"{jobs[0].rma_number} … {jobs[-1].rma_number}"
    return pdf.write(pages, title=title, lang=jobs[0].locale)
