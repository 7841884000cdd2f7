"""The command line: a thin skin over the library."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

import bodycopy
from bodycopy.bulk.batch import Journal, PoolError, ResumeError, Run
from bodycopy.bulk.cleaner import Cleaner, Job, encoded
from bodycopy.bulk.sinks import FILES, SUFFIXES, Folder, OneFile, OutputError, Printer, Sink, table_schema, told_by
from bodycopy.bulk.sources import Source, missing, sources
from bodycopy.model import KINDS

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


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
  bodycopy clean --output clean.jsonl.gz --resume crawl/
  bodycopy clean --field html --url-field url --format markdown --output clean.parquet pages.parquet
"""
)
@click.argument("pages", nargs=-1, required=True, metavar="PAGE...")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(SUFFIXES)),
    help="What to write. [default: text, or by the name of the output]",
)
@click.option("--keep", type=Labels(), default="body", show_default=True, help="Labels to keep, parted by commas.")
@threshold_option
@click.option("--full", is_flag=True, help="Keep all of a page that is labelled body: also headline and captions.")
@input_option
@click.option("--field", help="PAGEs are JSON Lines or Parquet: clean this field of each object, and leave the others.")
@click.option("--url-field", help="With --field: the field with the address of the page.")
@click.option("--removed-field", help="With --field: a field to put the removed text into.")
@click.option("--labels-field", help="With --field: a field to put every block with its label into.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Folder to write a file for each file into; or one file for all: .txt, .md, .jsonl, .parquet.",
)
@click.option("--force", is_flag=True, help="Overwrite output that exists.")
@click.option("--resume", is_flag=True, help="Go on with a run into --output that was broken off.")
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to add failures to, as JSON Lines. [default: beside the output, with .errors.jsonl at its end]",
)
@click.option("--jobs", type=click.IntRange(1), default=cores, show_default="all cores", help="Processes.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Give a page up that takes longer. [default: 60 where there are many]",
)
@click.option("--quiet", is_flag=True, help="No progress bar and no summary.")
@encoding_option
@url_option
@model_option
@text_model_option
def clean(
    pages: tuple[str, ...],
    form: str | None,
    keep: tuple[str, ...],
    threshold: float | None,
    full: bool,
    kind: str,
    field: str | None,
    url_field: str | None,
    removed_field: str | None,
    labels_field: str | None,
    output: Path | None,
    force: bool,
    resume: bool,
    errors: Path | None,
    jobs: int,
    timeout: float | None,
    quiet: bool,
    encoding: str | None,
    url: str | None,
    model: str | None,
    text_model: str | None,
) -> None:
    """Write the core content of each PAGE: a file of HTML or text, or of many pages in WARC; with --field, JSON Lines
    or Parquet; a folder of such files, a pattern such as 'pages/**/*.html', or - for standard input.

    JSON has every block with its label and scores, one page a line. What is kept of text comes out as it stands there.
    A page that cannot be read, takes too long or cannot be written is reported on standard error and in a file beside
    the output, the others are done, and the exit status is 1.
    """
    if (removed_field or labels_field or url_field) and not field:
        raise click.UsageError("--url-field, --removed-field and --labels-field go with --field")
    added = [name for name in (field, url_field, removed_field, labels_field) if name]
    if len(set(added)) < len(added):
        raise click.UsageError("--field, --url-field, --removed-field and --labels-field are different fields")
    if field and form == "json":
        raise click.UsageError("--field writes JSON Lines or Parquet: --format json does not go with it")
    if resume and not output:
        raise click.UsageError("--resume goes with --output")
    name = told_by(output) if output else None
    if output and not name and output.exists() and not output.is_dir():
        raise click.UsageError(f"--output {output} is a file, and not one to collect pages in: {', '.join(FILES)}")
    if name and name.form and form not in (None, name.form):
        raise click.UsageError(f"--output {output} is for {name.form}: --format {form} does not go with it")
    if name and name.target == "text" and field:
        raise click.UsageError("--field writes JSON Lines or Parquet: name the --output .jsonl or .parquet")
    if name and name.target == "table" and form == "json":
        raise click.UsageError("--format json goes into .jsonl or a folder")
    form = form or (name and name.form) or "text"
    target = name.target if name else "folder" if output else "lines" if field else "text"
    cleaner = Cleaner(kind, encoding, url, keep, threshold, full, model, text_model)
    job = Job(cleaner, form, target, field or "", url_field, removed_field, labels_field)
    options = {"pages": pages, "force": force} | asdict(job)
    found = partial(sources, pages, bool(field), kind, output)
    with explained():
        journal = Journal.beside(output, target == "folder", options) if output else None
        if output and journal and not ready(output, journal, name is not None, force, resume):
            return
        if output and not errors:
            beside = output if output.name not in ("", "..") else output.resolve()
            errors = beside.with_name(f"{beside.name}.errors.jsonl")
            if force and not resume:
                errors.unlink(missing_ok=True)
        sink = sink_for(output, job, force, resume, found)
        run = Run(job, found, sink, journal, errors, jobs, timeout, bar=not quiet and sys.stderr.isatty())
        sys.exit(status_of(run, resume, summary=not quiet))


def ready(output: Path, journal: Journal, one: bool, force: bool, resume: bool) -> bool:
    """Whether there is something to do; refuses to overwrite what is there. ``one``: the output is one file."""
    if journal.path.exists():
        if process := journal.running():
            raise click.ClickException(f"a run into {output} is still going on, in process {process}: stop it first")
        if not resume and not force:
            raise click.ClickException(f"a run into {output} was broken off: --resume goes on, --force starts anew")
        if not resume:
            journal.discard(output)
    elif one and output.exists() and resume:
        click.echo(f"bodycopy: {output} exists, and no run into it was broken off: nothing to do", err=True)
        return False
    if one and output.exists() and not (force or resume):
        raise click.ClickException(f"{output} exists; --force overwrites it")
    return True


def sink_for(output: Path | None, job: Job, force: bool, resume: bool, found: Callable[[], Iterator[Source]]) -> Sink:
    """Where the output of a job goes."""
    parted = job.target == "text" and job.form != "json"
    if output is None:
        return Printer(job.target, parted)
    if job.target == "folder":
        return Folder(output, job.form, force, resume, partial(table_schema, job=job))
    if output.suffix == ".zst":
        importlib.import_module("zstandard")  # if it is not there, this is the time to say so
    first = next(found(), None) if job.target == "table" else None
    return OneFile(output, job.target, force, parted, table_schema(first, job) if first else None)


def status_of(run: Run, resume: bool, summary: bool) -> int:
    """Run; returns the exit status: 1 if anything failed, 130 if Ctrl-C ended it."""
    start = time.monotonic()
    try:
        run(resume)
    except BrokenPipeError:  # whoever read the output has enough, which is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        click.echo(f"bodycopy: stopped{run.left()}", err=True)
        return 130
    except OutputError as error:
        raise click.ClickException(f"{error}{run.left()}") from error
    if summary and (run.many or run.journal or run.errors.path):
        click.echo(run.summary(time.monotonic() - start), err=True)
    return 1 if run.count.failed else 0


@contextmanager
def explained() -> Iterator[None]:
    """Within, what makes a run impossible is told as an error of use is."""
    try:
        yield
    except bodycopy.ModelError as error:
        raise click.ClickException(f"cannot use the model: {error}") from error
    except (OutputError, ResumeError, PoolError) as error:
        raise click.ClickException(str(error)) from error
    except ModuleNotFoundError as error:
        raise click.ClickException(missing(error)) from error


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
    with explained():
        cleaner = Cleaner(kind, encoding, threshold=threshold, model=model, text_model=text_model)
        _, labelled = cleaner.label(data)
    terminal = sys.stdout.isatty()
    for block in labelled.blocks:
        kept = "+" if block.core >= labelled.threshold else ""
        text = printable(" ".join(block.text.split()))
        score = block.scores[block.label]
        if terminal:
            head = click.style(f"{block.label:8}", fg=COLOURS[block.label], bold=True)
            click.echo(
                f"{head}{score:5.2f} {block.core:6.3f}{kept:1}  {click.style(text, dim=block.label == 'chrome')}"
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


def printable(text: str) -> str:
    """The text without lone surrogates, which no stream can write."""
    return text if text.isascii() else encoded(text).decode()
