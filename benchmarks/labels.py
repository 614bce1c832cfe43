"""How many labels a second one process draws: `python -m benchmarks.labels [COUNT]`.

Every label has its own names, codes and link, so nothing but fonts and fixed words comes from a cache. Printed: date,
machine, and labels per second for many in one PDF and for one PDF each; of processor time, so that a busy machine
changes little.
"""

from __future__ import annotations

import sys
import time
from datetime import date

from benchmarks import machine
from rma.domain.labels import LabelJob, PackLine, Size
from rma.domain.ports import Address
from rma.providers.labels import render

_SIZES: tuple[Size, ...] = ("a6", "4x6", "a4")


def job(index: int) -> LabelJob:
    """A label like those of a Turkish shop; even numbers are carrier labels, odd ones code sheets."""
    return LabelJob(
        kind="code_sheet" if index % 2 else "carrier_label",
        locale="tr",
        rma_number=f"R{index:04d}-M9QX",
        return_link=f"https://iade.example.com/magaza/r/Zk3xv9QmT2rWc7Yb5N{index:06d}",
        carrier="Kargo",
        code=f"YK73004{index:08d}",
        expires_on=date(2026, 12, 12),
        store_name="Çınaraltı Giyim",
        sender=Address(
            name=f"Ayşe Gülşah Yılmaz {index}",
            line1=f"Şehit Öğretmen Sok. No: {index}",
            city="Kadıköy / İstanbul",
            postcode="34710",
            country="TR",
            phone=f"+90 555 {index:07d}",
        ),
        recipient=Address(
            name="Çınaraltı Giyim İade Deposu",
            line1="Güneşli Yolu Cad. No: 88",
            city="Başakşehir / İstanbul",
            postcode="34490",
            country="TR",
        ),
        lines=tuple(
            PackLine(
                line_code=f"R{index:04d}M9QX-{line}",
                name=f"Kırmızı tişört {index}",
                sku=f"TS-{index}-{line}",
                quantity=1,
            )
            for line in (1, 2)
        ),
        order_number=str(100000 + index),
    )


def rate(batches: list[list[LabelJob]], size: Size) -> float:
    """Labels per second of this thread's processor time, one PDF a batch."""
    begun = time.thread_time()
    for batch in batches:
        render(batch, size)
    return sum(map(len, batches)) / (time.thread_time() - begun)


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"{machine.about()}; {count} labels, one process")
    for number, size in enumerate(_SIZES):
        jobs = [job(2 * number * count + index) for index in range(2 * count)]
        render([job(10**6)], size)
        many = rate([jobs[:count]], size)
        each = rate([[one] for one in jobs[count:]], size)
        print(f"{size:>4}: {many:6.0f} labels/s in one PDF, {each:6.0f} labels/s as one PDF each")


if __name__ == "__main__":
    main()
