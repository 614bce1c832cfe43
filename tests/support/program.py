"""The program as people run it: in a process of its own, or, where only its words count, in this one."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from rma.cli import main

COMMAND = [sys.executable, "-c", "import sys; from rma.cli import main; sys.exit(main())"]
START_SECONDS = 180
STOP_SECONDS = 40


class Program:
    """The command line on one data folder and one database."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RMA_")}
        self.environment = clean | {"RMA_DATA_DIR": str(folder), "RMA_DATABASE_URL": url, "RMA_ACCESS_LOG": "false"}

    def run(self, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command in a process of its own; its exit code has to be this one, and it never shows a trace."""
        command = [*COMMAND, *(str(argument) for argument in arguments)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return _checked(done, code)

    def call(self, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command in this process, which is quicker: the same arguments, environment, output and exit code."""
        command = ["rma", *(str(argument) for argument in arguments)]
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self.environment, clear=True),
            patch.object(sys, "argv", command),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            ended = main()
        return _checked(subprocess.CompletedProcess(command, ended, out.getvalue(), err.getvalue()), code)

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        """Call a command with ``--json``: its whole standard output is one document."""
        return json.loads(self.call(*arguments, "--json", code=code).stdout)

    @contextmanager
    def running(self, *arguments: str, until: str) -> Iterator[subprocess.Popen[str]]:
        """A command that stays, from the line on standard error that holds ``until``; ended with SIGTERM, in peace."""
        log = self.folder / f"{arguments[0]}-{time.monotonic_ns()}.log"
        with log.open("w") as out:
            process = subprocess.Popen([*COMMAND, *arguments], env=self.environment, text=True, stdout=out, stderr=out)
        try:
            _wait(process, log, until)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(STOP_SECONDS)
            finally:
                process.kill()
        assert code == 0, log.read_text()
        assert not broke(log.read_text()), log.read_text()

    @contextmanager
    def serving(self, port: int, *arguments: str) -> Iterator[httpx.Client]:
        """``rma serve`` and a client for it."""
        with (
            self.running("serve", "--port", str(port), *arguments, until="serving at"),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client,
        ):
            _answers(client)
            yield client


def broke(said: str) -> bool:
    """Whether a process told of an error that nobody foresaw: in its log, or as Python does."""
    return '"error":{' in said or "Traceback" in said


def _checked(done: subprocess.CompletedProcess[str], code: int) -> subprocess.CompletedProcess[str]:
    assert done.returncode == code, f"{done.args} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert not broke(done.stdout + done.stderr)
    return done


def _wait(process: subprocess.Popen[str], log: Path, until: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if until in log.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"it did not come up:\n{log.read_text()}")


def _answers(client: httpx.Client) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            if client.get("/health/ready").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")
