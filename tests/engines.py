"""What the tests of integrations need: the engines, or a reason to skip; pages on a server and in a WARC file."""

from __future__ import annotations

import importlib
import io
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

ALL = "BODYCOPY_TEST_ALL"  # set where everything is installed: then what is missing is a failure
FOLDER = Path(__file__).parents[1] / "training_data" / "pages"
PAGES = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.html"))}


def missing(what: str) -> NoReturn:
    """Skip the test, or the test file, for want of something. Where all must be tested, fail."""
    if os.environ.get(ALL):
        pytest.fail(f"{ALL} is set, but this needs {what}")
    pytest.skip(f"needs {what}", allow_module_level=True)


def need(module: str, extra: str) -> ModuleType:
    """A module that an extra brings."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing(f"{module} ({error}): pip install '.[{extra}]'")


def need_program(name: str) -> str:
    """The path of a program."""
    return shutil.which(name) or missing(f"the program {name}")


def write_warc(path: Path, pages: Mapping[str, bytes]) -> None:
    """A WARC file of pages, with the address https://example.com/name for each."""
    need("warcio", "datatrove")
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for name, page in pages.items():
            headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
            record = writer.create_warc_record(
                f"https://example.com/{name}",
                "response",
                payload=io.BytesIO(page),
                http_headers=headers,
                warc_headers_dict={"WARC-Identified-Payload-Type": "text/html"},
            )
            writer.write_record(record)


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
