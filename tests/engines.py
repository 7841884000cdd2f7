"""What the tests of integrations need: the engines, or a reason to skip, and a server of hand-written pages."""

from __future__ import annotations

import importlib
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

ALL = "BODYCOPY_TEST_ALL"  # set where everything is installed: then what is missing is a failure
PAGES = {path.stem: path.read_bytes() for path in sorted((Path(__file__).parent / "pages").glob("*.html"))}


def need(module: str, extra: str) -> ModuleType:
    """A module that an extra brings; without it, the test file is skipped."""
    if os.environ.get(ALL):
        return importlib.import_module(module)
    return pytest.importorskip(module, reason=f"needs {module}: pip install '.[{extra}]'")


def need_program(name: str) -> str:
    """The path of a program; without it, the test file or the test is skipped."""
    path = shutil.which(name)
    if path is None:
        if os.environ.get(ALL):
            pytest.fail(f"{ALL} is set, and {name} is not installed")
        pytest.skip(f"needs the program {name}", allow_module_level=True)
    return path


@contextmanager
def served(pages: Mapping[str, bytes], **typed: tuple[str, bytes]) -> Iterator[str]:
    """A server on the loopback interface, of pages by name, at ``/name.html``; all else is not found. Its address.

    ``typed``: more, each with its content type.
    """
    held = {name: ("text/html", page) for name, page in pages.items()} | typed

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/").removesuffix(".html")
            content_type, body = held.get(name, ("text/plain", b""))
            self.send_response(200 if name in held else 404)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
