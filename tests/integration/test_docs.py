"""The documentation builds offline, strictly, and a reader's browser loads nothing from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rma.app import ROUTES

LOADED = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=["']?(?:https?:)?//[^"'\s>]+""")
CURL = re.compile(r"\bcurl (?:[^\n]*\\\n)*[^\n]*")
IMPORTED = re.compile(r"""(?:@import\s+|url\()["']?(?:https?:)?//[^"')]+""")


@pytest.fixture(scope="module")
def site(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(target)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def test_every_page_of_the_folder_is_built(checkout: Path, site: Path) -> None:
    """No page is forgotten, and no link between pages is dead (the build is strict)."""
    pages = {path.relative_to(checkout / "docs").with_suffix(".html") for path in (checkout / "docs").rglob("*.md")}
    assert len(pages) > 20
    assert {page for page in pages if not (site / page).is_file()} == set()


def test_pages_load_nothing_from_outside(site: Path) -> None:
    """A reader without a network sees the whole page."""
    pages = sorted(site.rglob("*.html"))
    assert [found for page in pages for found in LOADED.findall(page.read_text(encoding="utf-8"))] == []
    styles = sorted(site.rglob("*.css"))
    assert styles
    assert [found for style in styles for found in IMPORTED.findall(style.read_text(encoding="utf-8"))] == []


def test_a_page_that_loads_from_outside_would_be_seen() -> None:
    """The pattern knows scripts, styles, pictures and fonts of another host."""
    assert LOADED.search('<script async src="https://cdn.example/a.js">')
    assert LOADED.search("<link rel=stylesheet href=//fonts.example/css>")
    assert IMPORTED.search("@import url(https://fonts.example/css)")
    assert not LOADED.search('<a href="https://example.com/">')


def test_what_a_how_to_sends_is_taken(checkout: Path) -> None:
    """Each request that is shown goes to a route that there is, with the content type and the key that it demands."""
    routes = [
        (one.method, re.compile(re.sub(r"{\w+}", "[^/]+", one.prefix + one.path)), one.keyed)
        for group in ROUTES
        for one in group.endpoints
    ]
    pages = sorted((checkout / "docs" / "how-to").glob("*.md"))
    shown = [one for page in pages for one in CURL.findall(page.read_text(encoding="utf-8")) if "/api/" in one]
    assert len(shown) > 5
    for command in shown:
        typed, sends = re.search(r"-X (\w+)", command), re.search(r" (-d|--data\S*) ", command)
        method, path = typed[1] if typed else "POST" if sends else "GET", re.findall(r"/api/[^\s\"'?]*", command)[0]
        keyed = next(keyed for verb, route, keyed in routes if verb == method and route.fullmatch(path))
        assert "Idempotency-Key" in command or not keyed, command
        assert not sends or "Content-Type" in command, command
