"""The command line. ``rma.cli:main`` is the program ``rma``.

Exit codes: 0 done, 1 refused or a fault was found, 2 the command itself is wrong. Results go to standard output, as
JSON with ``--json``; progress, notes and errors go to standard error. Heavy modules are imported by the command that
needs them, so that ``--help`` is quick.
"""

from __future__ import annotations

from rma.cli.root import main

__all__ = ["main"]
