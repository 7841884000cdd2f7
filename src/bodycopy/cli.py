"""The command line: a thin skin over the library."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

import bodycopy
from bodycopy.document import decode
from bodycopy.model import KINDS
from bodycopy.sniff import is_html

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
input_option = click.option(
    "--input",
    "kind",
    type=click.Choice(["auto", "html", "text"]),
    default="auto",
    show_default=True,
    help="What a PAGE holds; auto looks.",
)
encoding_option = click.option("--encoding", help="Charset of the HTTP header; wins over what the page declares.")
model_option = click.option(
    "--model", type=click.Path(), help="A model of your own, a file or folder. [default: the shipped one]"
)
text_model_option = click.option("--text-model", type=click.Path(), help="The same, for text.")
url_option = click.option("--url", help="Address of the page, to make its links absolute.")


class Commands(click.Group):
    """The commands; those for training are imported when they are called, for cleaning is not to wait for them."""

    training = ("annotate", "train", "evaluate")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self.training]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.training:
            from bodycopy.training import commands

            return next(c for c in vars(commands).values() if isinstance(c, click.Command) and c.name == cmd_name)
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
  bodycopy clean extracted.txt
  bodycopy clean --field text --removed-field removed --output clean/ corpus.jsonl
"""
)
@click.argument("pages", nargs=-1, required=True, metavar="PAGE...")
@click.option(
    "--format", "form", type=click.Choice(list(SUFFIXES)), default="text", show_default=True, help="What to write."
)
@click.option("--keep", type=Labels(), default="body", show_default=True, help="Labels to keep, parted by commas.")
@threshold_option
@click.option("--full", is_flag=True, help="Keep all of a page that is labelled body: also headline and captions.")
@input_option
@click.option("--field", help="PAGEs are JSON Lines: clean this field of each object, and leave the others.")
@click.option("--removed-field", help="With --field: a field to put the removed text into.")
@click.option("--labels-field", help="With --field: a field to put every block with its label into.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Folder to write a file a page into.")
@click.option("--force", is_flag=True, help="Overwrite files in the output folder.")
@encoding_option
@url_option
@model_option
@text_model_option
def clean(
    pages: tuple[str, ...],
    form: str,
    keep: tuple[str, ...],
    threshold: float | None,
    full: bool,
    kind: str,
    field: str | None,
    removed_field: str | None,
    labels_field: str | None,
    output: Path | None,
    force: bool,
    encoding: str | None,
    url: str | None,
    model: str | None,
    text_model: str | None,
) -> None:
    """Write the core content of each PAGE, a file of HTML or text, or - for standard input.

    JSON has every block with its label and scores, one page a line. What is kept of text comes out as it stands there.
    A page that cannot be read or written is reported on standard error, the others are done, and the exit status is 1;
    so it is with an object of JSON Lines.
    """
    if (removed_field or labels_field) and not field:
        raise click.UsageError("--removed-field and --labels-field go with --field")
    if field and form != "text":
        raise click.UsageError("--field writes JSON Lines: --format does not go with it")
    cleaner = Cleaner(kind, encoding, url, keep, threshold, full, model, text_model)
    failed = printed = False
    written: set[Path] = set()
    for name in pages:
        if field:
            rows = CleanRows(name, cleaner, field, removed_field, labels_field)
            done = print_rows(rows) if output is None else write(output, name, ".jsonl", rows, force, written)
            failed |= rows.failed or not done
            continue
        data = read_page(name)
        if data is None:
            failed = True
            continue
        text = cleaner.render(name, data, form)
        if output is not None:
            failed |= not write(output, name, SUFFIXES[form], [text], force, written)
        else:
            click.echo(("\n" if printed and form != "json" else "") + printable(text), nl=False)
            printed = True
    sys.exit(1 if failed else 0)


@dataclass(slots=True)
class Cleaner:
    """What the options of `clean` make of a page; a model is read when it is first needed."""

    kind: str
    encoding: str | None
    url: str | None
    keep: tuple[str, ...]
    threshold: float | None
    full: bool
    model: str | None
    text_model: str | None

    def opened(self, data: bytes | str) -> tuple[str, bytes | str, bodycopy.Model]:
        """What a page holds, "html" or "text", the page, and the model for it."""
        kind, data = input_of(data, self.kind, self.encoding)
        return kind, data, open_model(self.model if kind == "html" else self.text_model, kind)

    def label(self, data: bytes | str) -> tuple[str, bodycopy.Page]:
        """What a page holds, "html" or "text", and the page, labelled."""
        kind, data, model = self.opened(data)
        if kind == "html":
            return kind, bodycopy.label(data, self.url, encoding=self.encoding, threshold=self.threshold, model=model)
        assert isinstance(data, str)
        return kind, bodycopy.label_text(data, threshold=self.threshold, model=model)

    def clean(self, data: bytes | str) -> str:
        """The core content as text."""
        kind, data, model = self.opened(data)
        if kind == "html":
            return bodycopy.clean(
                data, encoding=self.encoding, keep=self.keep, threshold=self.threshold, full=self.full, model=model
            )
        assert isinstance(data, str)
        return bodycopy.clean_text(data, keep=self.keep, threshold=self.threshold, model=model)

    def render(self, name: str, data: bytes, form: str) -> str:
        """A page in one of the formats, with a line end at its end."""
        if form == "text":
            text = self.clean(data)
        else:
            kind, page = self.label(data)
            if form == "json":
                text = json.dumps({"file": name} | page.to_dict(), ensure_ascii=False)
            else:
                text = page.render_markdown(self.keep, self.full and kind == "html")
        return text if text.endswith("\n") else text + "\n"


@dataclass(slots=True)
class CleanRows:
    """The objects of a JSON Lines file with one field cleaned, as lines; read as they are asked for."""

    name: str
    cleaner: Cleaner
    field: str
    removed_field: str | None
    labels_field: str | None
    failed: bool = False

    def __iter__(self) -> Iterator[str]:
        with sys.stdin.buffer if self.name == "-" else open(self.name, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    yield json.dumps(self.cleaned(line), ensure_ascii=False) + "\n"
                except ValueError as error:
                    self.failed = True
                    click.echo(f"bodycopy: {self.name}:{number}: {error}; left out", err=True)

    def cleaned(self, line: bytes) -> dict[str, object]:
        """One object, cleaned. Raises ValueError that says what is wrong with it."""
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"not JSON: {error}") from None
        if not isinstance(row, dict):
            raise ValueError("not a JSON object")
        text = row.get(self.field)
        if not isinstance(text, str):
            raise ValueError(f"no text in the field {self.field!r}" if text is None else f"{self.field!r} is no text")
        if not (self.removed_field or self.labels_field):
            row[self.field] = self.cleaner.clean(text)
            return row
        kind, page = self.cleaner.label(text)
        full = self.cleaner.full and kind == "html"
        kept = page.select(self.cleaner.keep, full)
        row[self.field] = page.render_text(self.cleaner.keep, full)
        if self.removed_field:
            ids = set(map(id, kept))
            row[self.removed_field] = "\n".join(b.text for b in page.blocks if id(b) not in ids)
        if self.labels_field:
            row[self.labels_field] = [[b.label, b.text] for b in page.blocks]
        return row


@main.command(
    epilog="""\b
Examples:
  bodycopy label story.html
  bodycopy label story.html | grep ^related | cut -f 4
  bodycopy label --input text extracted.txt
"""
)
@click.argument("page", metavar="PAGE")
@threshold_option
@input_option
@encoding_option
@model_option
@text_model_option
def label(
    page: str, threshold: float | None, kind: str, encoding: str | None, model: str | None, text_model: str | None
) -> None:
    """Show every block of PAGE, a file of HTML or text, or - for standard input.

    A line a block: its label, the label's score, its body score, its text; parted by tabs in a pipe, coloured on a
    terminal. A block that `bodycopy clean` keeps is marked with + behind its body score.
    """
    data = read_page(page)
    if data is None:
        sys.exit(1)
    _, labelled = Cleaner(kind, encoding, None, ("body",), threshold, False, model, text_model).label(data)
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


@main.group()
def model() -> None:
    """What model files are."""


@model.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--kind", type=click.Choice(list(KINDS)), help="Of the models in a folder, only this.")
@click.option("--json", "as_json", is_flag=True, help="The card as JSON, with everything in it.")
def info(path: str, kind: str | None, as_json: bool) -> None:
    """Print the cards of the models at PATH, a file or a folder: what went into them, what they score, where they fail.

    With --json they are printed one after the other.
    """
    from bodycopy.card import card_text

    kinds: list[str | None] = [kind]
    if kind is None and os.path.isdir(path):
        kinds = [name for name in KINDS if os.path.exists(os.path.join(path, f"{name}.npz"))]
        if not kinds:
            raise click.ClickException(f"{path}: no model in there, neither html.npz nor text.npz")
    models = [open_model(path, name) for name in kinds]
    for chosen in models:
        try:
            click.echo(json.dumps(chosen.card, indent=1, ensure_ascii=False) if as_json else card_text(chosen))
        except bodycopy.ModelError as error:
            raise click.ClickException(f"{path}: {error}; --json prints it as it is") from error


def open_model(path: str | None, kind: str | None) -> bodycopy.Model:
    """A model, as `load_model` finds it; a file of any kind, if that is None. Ends the command if it cannot be used."""
    try:
        if path is not None and kind is None:
            return bodycopy.Model.load(path, None)
        return bodycopy.load_model(path, kind or "html")
    except (OSError, bodycopy.ModelError) as error:
        raise click.ClickException(f"cannot use the model: {error}") from error


def read_page(name: str) -> bytes | None:
    """A page's bytes, or None where it could not be read, which is reported."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        click.echo(f"bodycopy: {name}: {error.strerror or error}", err=True)
        return None


def input_of(data: bytes | str, kind: str, encoding: str | None) -> tuple[str, bytes | str]:
    """What a page holds, "html" or "text", and the page: HTML as it came, text decoded."""
    if kind == "html":
        return kind, data
    text = data if isinstance(data, str) else decode(data, encoding)
    return ("html", data) if kind == "auto" and is_html(text) else ("text", text)


def print_rows(rows: CleanRows) -> bool:
    """Write rows to standard output; says whether they could be read."""
    try:
        for row in rows:
            click.echo(printable(row), nl=False)
    except OSError as error:
        click.echo(f"bodycopy: {rows.name}: {error.strerror or error}", err=True)
        return False
    return True


def printable(text: str) -> str:
    """The text without lone surrogates, which no stream can write."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def write(folder: Path, page: str, suffix: str, texts: Iterable[str], force: bool, written: set[Path]) -> bool:
    """Write one page's output, whole or not at all; says why not, and never overwrites unasked.

    ``written`` are the files of this run, which even ``force`` does not overwrite; this one is added.
    """
    name = "stdin" if page == "-" else Path(page).stem
    target = folder / (name + suffix)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{name}{suffix}.{os.getpid()}"
        try:
            with open(draft, "w", encoding="utf-8", errors="replace", newline="") as file:
                file.writelines(texts)
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
