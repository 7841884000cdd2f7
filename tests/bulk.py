"""Big inputs, made of the hand-written pages: no two pages are the same."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

PAGES = sorted((Path(__file__).parents[1] / "training_data" / "pages").glob("*.html"))[::4]  # enough of them


def made_pages(number: int) -> Iterator[tuple[str, str]]:
    """That many pages, as (address, HTML)."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    for i in range(number):
        edition = f"<p>This is the edition of day {i} of the year, which was printed {i % 97} times in all.</p>"
        yield f"https://example.com/{i}", texts[i % len(texts)].replace("</p>", f"</p>{edition}", 1)


def web_record(
    url: str, body: bytes, head: str = "Content-Type: text/html; charset=utf-8", kind: str = "response"
) -> bytes:
    """A WARC record with an HTTP response."""
    http = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body
    fields = (
        ("WARC-Type", kind),
        ("WARC-Record-ID", f"<urn:uuid:{zlib.crc32(url.encode()):032x}>"),
        ("WARC-Date", "2024-03-15T18:40:00Z"),
        ("WARC-Target-URI", url),
        ("Content-Type", f"application/http; msgtype={kind}"),
        ("Content-Length", str(len(http))),
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"WARC/1.1\r\n{head}\r\n".encode() + http + b"\r\n\r\n"


def write_warc(path: Path, number: int) -> Path:
    with open(path, "wb") as file:
        for url, html in made_pages(number):
            record = web_record(url, html.encode())
            file.write(gzip.compress(record, 1) if path.suffix == ".gz" else record)
    return path


def write_lines(path: Path, number: int) -> Path:
    with open(path, "w", encoding="utf-8") as file:
        for url, html in made_pages(number):
            file.write(json.dumps({"url": url, "html": html}) + "\n")
    return path


def write_pages(folder: Path, number: int) -> Path:
    """A file a page, a hundred of them to a folder."""
    for i, (_, html) in enumerate(made_pages(number)):
        path = folder / f"{i // 100:03}" / f"{i:05}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
    return folder
