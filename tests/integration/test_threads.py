"""What the threads of a process share is whole before there are threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

READ_FIRST = """
import sys
from pathlib import Path

from rma.app import create_services
from rma.domain.definition import load
from rma.domain.policy import load_policy
from rma.resources import folder
from rma.services.catalog import body
from rma.settings import Settings

services = create_services(Settings(data_dir=Path(sys.argv[1])))
late = []


def called(frame, event, _what):
    code = frame.f_code
    if event == "call" and code.co_name == "get_class_annotations":
        if frame.f_back.f_code.co_name not in {"_get_class_annotations", "fields"}:  # those two keep nothing
            late.append(frame.f_locals["obj"])


sys.setprofile(called)
place = folder("workflows")
standard = (place / "policies" / "standard.toml").read_bytes()
load_policy("standard.toml", body("standard.toml", standard), currency="TRY")
for file in sorted((place / "machines").iterdir()):
    load(file.name, file.read_bytes())
sys.setprofile(None)
services.close()
print(late)
"""

ALL_AT_ONCE = """
import ctypes
import sys
import threading

from rma.cli.serving import few_heaps

few_heaps()
together = threading.Barrier(13)


def need() -> None:
    kept = [bytes(4_000) for _ in range(100)]
    together.wait()
    together.wait()
    del kept


threads = [threading.Thread(target=need) for _ in range(12)]
for thread in threads:
    thread.start()
together.wait()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
told = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, told)
libc.fclose(told)
together.wait()
"""


def test_no_struct_is_looked_at_late(tmp_path: Path) -> None:
    """A process that may start threads has had msgspec look at every struct: two threads at once would crash in it."""
    command = [sys.executable, "-c", READ_FIRST, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_threads_share_two_heaps(tmp_path: Path) -> None:
    """A dozen threads that need memory at once have two heaps of the library of C between them, not one each."""
    subprocess.run([sys.executable, "-c", ALL_AT_ONCE, str(tmp_path / "heaps")], check=True)
    assert (tmp_path / "heaps").read_text(encoding="utf-8").count("<heap nr=") == 2
