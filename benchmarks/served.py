"""`rma serve` that tells of itself: `python -m benchmarks.served statements|threads FILE serve …`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import counting, threads
from rma.cli import main

if __name__ == "__main__":
    what, target = sys.argv.pop(1), Path(sys.argv.pop(1))
    {"statements": counting.install, "threads": threads.install}[what](target)
    sys.exit(main())
