"""python -m bodycopy.training.extract: what extractors make of a corpus, for the text model to be trained on."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable
from pathlib import Path

import click

from bodycopy.document import decode
from bodycopy.training.layouts import read_data

Extractor = Callable[[bytes], str | None]


def extractors() -> dict[str, Extractor]:
    """Those that are installed, by the names that they have in a file of texts."""
    found: dict[str, Extractor] = {}
    try:
        import trafilatura

        found["trafilatura"] = lambda html: trafilatura.extract(html, include_comments=False)
        found["trafilatura-recall"] = lambda html: trafilatura.extract(html, include_comments=False, favor_recall=True)
    except ImportError:
        pass
    try:
        from resiliparse.extract.html2text import extract_plain_text

        found["resiliparse"] = lambda html: extract_plain_text(decode(html), main_content=True, alt_texts=False)
    except ImportError:
        pass
    try:
        import html_text

        found["html-text"] = lambda html: html_text.extract_text(decode(html))
    except ImportError:
        pass
    return found


@click.command()
@click.argument("corpora", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A .jsonl.gz file.")
def main(corpora: tuple[Path, ...], output: Path) -> None:
    """Write the text that Trafilatura, resiliparse and html-text, if installed, make of each page of CORPORA."""
    chosen = extractors()
    if not chosen:
        raise click.ClickException("no extractor is installed: pip install trafilatura resiliparse html-text")
    logging.disable(logging.CRITICAL)
    pages = failed = 0
    draft = output.with_name(f".{output.name}")
    with gzip.open(draft, "wt", encoding="utf-8") as file:
        for source in (source for folder in corpora for source in read_data(folder)):
            pages += 1
            for name, extract in chosen.items():
                try:
                    text = extract(source.html)
                except Exception as error:  # whatever an extractor makes of a page
                    click.echo(f"{source.corpus} {source.id}: {name}: {error!r}", err=True)
                    failed += 1
                    continue
                if text:
                    row = {"corpus": source.corpus, "id": source.id, "source": name, "text": text}
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
    draft.replace(output)
    click.echo(f"{pages} pages by {', '.join(chosen)}; {failed} failures", err=True)


if __name__ == "__main__":
    main()
