"""`rma serve` with a counter in it: `python -m benchmarks.served FILE serve …` counts statements."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import counting
from rma.cli import main

if __name__ == "__main__":
    counting.install(Path(sys.argv.pop(1)))
    sys.exit(main())
