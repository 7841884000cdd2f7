"""The command line: a thin skin over the library."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import bodycopy

SUFFIXES = {"text": ".txt", "markdown": ".md", "json": ".json"}
COLOURS = {"body": "green", "promo": "red", "related": "yellow", "chrome": "bright_black"}


class Labels(click.ParamType):  # type: ignore[type-arg]
    """Labels, parted by commas."""

    name = "labels"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        labels = tuple(part.strip() for part in str(value).split(",") if part.strip())
        unknown = [label for label in labels if label not in bodycopy.LABELS]
        if unknown or not labels:
            self.fail(f"{str(value)!r}: choose from {', '.join(bodycopy.LABELS)}", param, ctx)
        return labels


threshold_option = click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Body score from which a block is kept: higher is more precise, lower keeps more. [default: by the page]",
)
encoding_option = click.option("--encoding", help="Charset of the HTTP header; wins over what the page declares.")
model_option = click.option(
    "--model", type=click.Path(dir_okay=False), help="A model of your own. [default: the shipped one]"
)
url_option = click.option("--url", help="Address of the page, to make its links absolute.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(bodycopy.__version__, prog_name="bodycopy")
def main() -> None:
    """Label every block of a page - body, promo, related, chrome - and keep the core content."""


@main.command(
    epilog="""\b
Examples:
  bodycopy clean story.html
  curl -s https://example.com/story | bodycopy clean -
  bodycopy clean --format markdown --output clean/ pages/*.html
  bodycopy clean --keep body,related --threshold 0.6 story.html
"""
)
@click.argument("pages", nargs=-1, required=True, metavar="PAGE...")
@click.option(
    "--format", "form", type=click.Choice(list(SUFFIXES)), default="text", show_default=True, help="What to write."
)
@click.option("--keep", type=Labels(), default="body", show_default=True, help="Labels to keep, parted by commas.")
@threshold_option
@click.option("--full", is_flag=True, help="Keep all that is labelled body: also headline, standfirst and captions.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Folder to write a file a page into.")
@click.option("--force", is_flag=True, help="Overwrite files in the output folder.")
@encoding_option
@url_option
@model_option
def clean(
    pages: tuple[str, ...],
    form: str,
    keep: tuple[str, ...],
    threshold: float | None,
    full: bool,
    output: Path | None,
    force: bool,
    encoding: str | None,
    url: str | None,
    model: str | None,
) -> None:
    """Write the core content of each PAGE, an HTML file or - for standard input.

    JSON has every block with its label and scores, one page a line. A page that cannot be read or written is reported
    on standard error, the others are done, and the exit status is 1.
    """
    chosen = open_model(model)
    failed = printed = False
    written: set[Path] = set()
    for name, data in read_pages(pages):
        if data is None:
            failed = True
            continue
        if form == "text":
            text = bodycopy.clean(data, encoding=encoding, keep=keep, threshold=threshold, full=full, model=chosen)
        else:
            page = bodycopy.label(data, url, encoding=encoding, threshold=threshold, model=chosen)
            text = (
                json.dumps({"file": name} | page.to_dict(), ensure_ascii=False)
                if form == "json"
                else page.render_markdown(keep, full)
            )
        if output is None:
            click.echo(("\n" if printed and form != "json" else "") + printable(text))
            printed = True
        elif not write(output, name, SUFFIXES[form], text, force, written):
            failed = True
    sys.exit(1 if failed else 0)


@main.command(
    epilog="""\b
Examples:
  bodycopy label story.html
  bodycopy label story.html | grep ^related | cut -f 4
"""
)
@click.argument("page", metavar="PAGE")
@threshold_option
@encoding_option
@model_option
def label(page: str, threshold: float | None, encoding: str | None, model: str | None) -> None:
    """Show every block of PAGE, an HTML file or - for standard input.

    A line a block: its label, the label's score, its body score, its text; parted by tabs in a pipe, coloured on a
    terminal. A block that `bodycopy clean` keeps is marked with + behind its body score.
    """
    chosen = open_model(model)
    ((_, data),) = read_pages((page,))
    if data is None:
        sys.exit(1)
    labelled = bodycopy.label(data, encoding=encoding, threshold=threshold, model=chosen)
    terminal = sys.stdout.isatty()
    for block in labelled.blocks:
        kept = "+" if block.core >= labelled.threshold else ""
        text = printable(" ".join(block.text.split()))
        score = block.scores[block.label]
        if terminal:
            head = click.style(f"{block.label:8}", fg=COLOURS[block.label], bold=True)
            click.echo(
                f"{head}{score:5.2f} {block.core:5.2f}{kept:1}  {click.style(text, dim=block.label == 'chrome')}"
            )
        else:
            click.echo(f"{block.label}\t{score:.4f}\t{block.core:.4f}{kept}\t{text}")


def open_model(path: str | None) -> bodycopy.Model:
    try:
        return bodycopy.load_model(path)
    except (OSError, bodycopy.ModelError) as error:
        raise click.ClickException(f"cannot use the model: {error}") from error


def read_pages(names: tuple[str, ...]) -> Iterator[tuple[str, bytes | None]]:
    """Each name with its page's bytes, or None where it could not be read, which is reported."""
    for name in names:
        try:
            yield name, sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            click.echo(f"bodycopy: {name}: {error.strerror or error}", err=True)
            yield name, None


def printable(text: str) -> str:
    """The text without lone surrogates, which no stream can write."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def write(folder: Path, page: str, suffix: str, text: str, force: bool, written: set[Path]) -> bool:
    """Write one page's output, whole or not at all; says why not, and never overwrites unasked.

    ``written`` are the files of this run, which even ``force`` does not overwrite; this one is added.
    """
    name = "stdin" if page == "-" else Path(page).stem
    target = folder / (name + suffix)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{name}{suffix}.{os.getpid()}"
        try:
            draft.write_text(text + "\n", encoding="utf-8", errors="replace")
            if force and target not in written:
                os.replace(draft, target)
            else:
                os.link(draft, target)  # fails where the file exists, even if it came to be just now
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        click.echo(
            f"bodycopy: {page}: {target} exists; "
            + ("an earlier page has that name" if target in written else "--force overwrites it"),
            err=True,
        )
        return False
    except OSError as error:
        click.echo(f"bodycopy: {page}: cannot write {target}: {error.strerror or error}", err=True)
        return False
    written.add(target)
    return True
