"""Labels as they leave the printer: scanned, read and compared byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import get_args

import pypdfium2
import pytest

from rma.domain.labels import Direction, Kind, LabelJob, Size
from rma.providers.labels import layout, packing_slip, render
from rma.providers.labels.marks import Region
from tests.support.labels import LINES, LINK, job, longest, read, scan

SIZES = get_args(Size)
DAMAGE = {
    "tr": "Hasarlıysa teslim almayın, görevliye hasar tespit tutanağı tutturun",
    "en": "If damaged, do not accept it and have the courier draw up a damage report",
}


def codes_of(printed: LabelJob, size: Size) -> list[tuple[str, str]]:
    """What a label of this job must say to a scanner; on A4 the packing slip is below."""
    found = [("Code 128", printed.code), ("Code 128", printed.rma_number), ("QR Code", printed.return_link)]
    if size == "a4":
        found += [("Code 128", printed.rma_number), *(("Code 128", line.line_code) for line in printed.lines)]
    return sorted(found)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("direction", get_args(Direction))
@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_code_scans_at_203_dpi(size: Size, kind: Kind, direction: Direction) -> None:
    """Tracking number, RMA number, link and line codes all scan from the print, on every paper and both kinds."""
    printed = job(kind=kind, direction=direction)
    assert scan(render([printed], size)) == [codes_of(printed, size)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_longest_codes_still_scan(size: Size, kind: Kind) -> None:
    """Codes and links of the greatest length scan among texts that are all too long."""
    printed = longest()
    wanted = {("Code 128", printed.code), ("Code 128", printed.rma_number), ("QR Code", printed.return_link)}
    assert wanted <= set(scan(render([job_of(printed, kind)], size))[0])


def job_of(printed: LabelJob, kind: Kind) -> LabelJob:
    """The same as the other kind."""
    return LabelJob(**{name: getattr(printed, name) for name in printed.__struct_fields__} | {"kind": kind})


@pytest.mark.parametrize("code", ["0", "12345", "A1B22C333D4444", "~{}|", "00112233445566778899AB", "x9999999y", "a b"])
def test_any_printable_code_scans(code: str) -> None:
    """Letters, signs, spaces, odd and even runs of digits come back from the scanner as they went in."""
    assert ("Code 128", code) in scan(render([job(code=code)], "4x6"))[0]


@pytest.mark.parametrize("length", range(24, 250, 45))
def test_links_of_any_length_scan(length: int) -> None:
    """The fixed mask pattern reads at every size of QR code that a link can have."""
    link = (LINK + "/0123456789abcdefghijklmnopqrstuvwxyz" * 7)[:length]
    assert ("QR Code", link) in scan(render([job(return_link=link)], "a6"))[0]


@pytest.mark.parametrize("size", SIZES)
def test_a_packing_slip_has_a_code_for_the_return_and_each_line(size: Size) -> None:
    """The warehouse can scan the return and every line from the slip."""
    wanted = [("Code 128", JOB_NUMBER), *(("Code 128", line.line_code) for line in LINES)]
    assert scan(packing_slip([job(code="")], size)) == [sorted(wanted)]


JOB_NUMBER = job().rma_number


def test_a_long_packing_slip_goes_on_over_pages() -> None:
    """Forty lines on A6 take several pages; each repeats the RMA number and no line's code is lost."""
    printed = longest()
    pages = scan(packing_slip([printed], "a6"))
    assert len(pages) > 5
    assert all(("Code 128", printed.rma_number) in page for page in pages)
    assert {line.line_code for line in printed.lines} <= {value for page in pages for _, value in page}


def test_turkish_letters_can_be_read_and_copied() -> None:
    """Text extraction finds the names with their right letters: the font is embedded with its character map."""
    printed = job(store_name="ŞĞIİÖÜÇ şğıiöüç")
    shown = read(render([printed], "a6"))[0]
    for wanted in ("ŞĞIİÖÜÇ şğıiöüç", "Ayşe Gülşah Yılmaz", "Çınaraltı Giyim İade Deposu", "12 Aralık 2026", "RETURN"):
        assert wanted in shown


def test_only_embedded_fonts_are_used() -> None:
    """The PDF looks the same everywhere: no font of the viewer is called for."""
    pdf = render([job()])
    assert pdf.count(b"/FontFile2") == pdf.count(b"/Type /FontDescriptor") == 2
    assert b"Helvetica" not in pdf


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", get_args(Kind))
def test_an_outbound_parcel_warns_of_damage(size: Size, kind: Kind) -> None:
    """Whoever receives a replacement reads what to do with a damaged parcel, in the store's language and in English."""
    shown = read(render([job(direction="outbound", kind=kind)], size))[0]
    assert all(line in shown for line in DAMAGE.values())
    assert DAMAGE["tr"] not in read(render([job(kind=kind)], size))[0]


def test_an_english_store_says_it_once() -> None:
    """An English label carries the English warning alone."""
    shown = read(render([job(direction="outbound", locale="en")]))[0]
    assert shown.count(DAMAGE["en"]) == 1
    assert DAMAGE["tr"] not in shown


def test_many_labels_are_one_pdf_in_order() -> None:
    """Page n belongs to job n, whatever kinds are mixed."""
    numbers = [f"R{index:03d}-M9QX" for index in range(9)]
    jobs = [job(rma_number=number, kind=get_args(Kind)[index % 2]) for index, number in enumerate(numbers)]
    pages = read(render(jobs, "4x6"))
    assert len(pages) == 9
    assert all(number in page for number, page in zip(numbers, pages, strict=True))


@pytest.mark.parametrize(("size", "paper"), [("a6", (105, 148)), ("4x6", (101.6, 152.4)), ("a4", (210, 297))])
def test_the_paper_has_its_true_size(size: Size, paper: tuple[float, float]) -> None:
    """A page measures what its name says, to a hundredth of a millimetre."""
    page = pypdfium2.PdfDocument(render([job()], size))[0]
    assert tuple(points / 72 * 25.4 for points in page.get_size()) == pytest.approx(paper, abs=0.01)


def test_every_letter_stays_in_the_place_laid_out_for_it() -> None:
    """The ink that a viewer draws lies inside the line that the layout kept free, accents and cedillas included."""
    printed = job(store_name="İĞÖÜÂŞÇ ğşçjqy Åg")
    inks = [mark.ink for mark in layout.label(printed, "a6").texts]
    chars = pypdfium2.PdfDocument(render([printed], "a6"))[0].get_textpage()
    boxes = [chars.get_charbox(index) for index in range(chars.count_chars())]
    drawn = [Region(x=x, y=y, w=right - x, h=top - y) for x, y, right, top in boxes if right > x and top > y]
    assert len(drawn) > 200
    assert [box for box in drawn if not any(ink.inset(-0.5, -0.1).holds(box) for ink in inks)] == []


PROGRAM = """
from hashlib import sha256
from rma.providers.labels import packing_slip, render
from tests.support.labels import job, longest
jobs = [job(), job(kind="code_sheet"), job(direction="outbound"), longest()]
for size in ("a6", "4x6", "a4"):
    print(sha256(render(jobs, size) + packing_slip(jobs, size)).hexdigest())
"""


def test_the_same_jobs_give_the_same_bytes_in_any_process(checkout: Path, tmp_path: Path) -> None:
    """Two processes with other hash seeds, time zones and folders write what this one writes, byte for byte."""
    outputs = []
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        home = tmp_path / seed
        home.mkdir()
        env = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(checkout)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=home, env=env, capture_output=True, text=True, check=True
        )
        outputs.append(done.stdout.split())
    jobs = [job(), job(kind="code_sheet"), job(direction="outbound"), longest()]
    here = [sha256(render(jobs, size) + packing_slip(jobs, size)).hexdigest() for size in SIZES]
    assert outputs == [here, here]


def test_labels_drawn_at_once_do_not_mix_their_letters() -> None:
    """Threads that print different labels at the same time get what each would get alone."""
    jobs = [job(rma_number=f"R{index}", store_name=chr(0x41 + index) * 9 + "ğİş"[index % 3]) for index in range(12)]
    with ThreadPoolExecutor(max_workers=6) as pool:
        together = list(pool.map(lambda one: render([one]), jobs))
    assert together == [render([one]) for one in jobs]


def test_the_example_in_the_guide_runs(checkout: Path, tmp_path: Path) -> None:
    """The program in docs/how-to/print-labels.md writes the label and the slips that it promises."""
    guide = (checkout / "docs" / "how-to" / "print-labels.md").read_text(encoding="utf-8")
    program = guide.split("```python\n")[1].split("```")[0]
    env = os.environ | {"PYTHONPATH": str(checkout)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=env, check=True)
    assert ("Code 128", "1840392775") in scan((tmp_path / "label.pdf").read_bytes())[0]
    assert len(read((tmp_path / "slips.pdf").read_bytes())) == 2
