"""The subcommands of bodycopy for those who train: a thin skin over this package."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

import bodycopy
from bodycopy.card import card_text
from bodycopy.cli import model_option, open_model
from bodycopy.files import write_file
from bodycopy.model import KINDS, TEXT, shipped
from bodycopy.training.annotation import add_page, annotate, counts, files_in, problems, read, row
from bodycopy.training.corpora import DataError, Source, address, read_bytes, read_labels, read_text
from bodycopy.training.languages import read_lines
from bodycopy.training.layouts import corpus_digest, is_corpus, read_data, read_sources
from bodycopy.training.review import review

SEEDS = click.IntRange(0, 2**31)
PAGE = re.compile(r"(?<!\.review)\.html(\.gz)?$")  # what names of pages end in
Reporter = Callable[[Exception], None]
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
ANY = click.Path(exists=True, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SHIPPED = "shipped"  # stands for the model that comes with bodycopy
WEIGHT = 10  # how often a user's own page counts beside ours


class TrainingCommand(click.Command):
    """A command that says what is to be installed where a module is missing, wherever it is needed."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise click.ClickException(f"this needs {error.name}: pip install 'bodycopy[train]'") from error
        except ImportError as error:
            raise click.ClickException(str(error)) from error


@click.command(
    "annotate",
    cls=TrainingCommand,
    epilog="""\b
Examples:
  bodycopy annotate pages/*.html --output labelled/
  bodycopy annotate pages/*.html --output labelled/ --review
  bodycopy annotate --check labelled/
  bodycopy annotate corpus/ --take 50 --skip labels.jsonl.gz --output labelled/
  bodycopy annotate labelled/ --export labels.jsonl.gz
""",
)
@click.argument("pages", nargs=-1, required=True, metavar="PAGE...", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Folder to label the pages in.")
@click.option("--review", "with_review", is_flag=True, help="Also write NAME.review.html, to label in a browser.")
@click.option("--take", type=click.IntRange(1), help="Only so many pages: those with the most to learn from.")
@click.option("--longest", type=click.IntRange(1), help="With --take: no page of more blocks.")
@click.option("--skip", multiple=True, type=FILE, help="Labels (JSON Lines) of pages to leave out.")
@click.option("--check", is_flag=True, help="Say what is wrong with the labels in the folders PAGE; change nothing.")
@click.option("--export", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the labels in the folders PAGE as JSON Lines, without any text.")  # fmt: skip
@model_option
def annotate_command(
    pages: tuple[Path, ...],
    output: Path | None,
    with_review: bool,
    take: int | None,
    longest: int | None,
    skip: tuple[Path, ...],
    check: bool,
    export: Path | None,
    model: str | None,
) -> None:
    """Write each PAGE with the model's guesses into a folder, for a person to correct.

    A PAGE is a file of HTML, plain or gzipped, or a folder of such files or with a corpus. NAME.html and NAME.tsv come
    out; in the latter the first column is a block's label. Labels that are there already stay, so a session can be
    taken up at any time. What cannot be read is reported, the rest is done, and the exit status is 1.
    """
    if sum((output is not None, check, export is not None)) != 1:
        raise click.UsageError("one of --output, --check and --export")
    if check:
        sys.exit(check_folders(pages))
    if export is not None:
        sys.exit(export_labels(pages, export))
    assert output is not None
    chosen = open_model(model, "html")
    failed = False

    def report(error: Exception) -> None:
        nonlocal failed
        failed = True
        click.echo(f"bodycopy: {error}", err=True)

    try:
        known = read_labels(skip)
    except (OSError, DataError) as error:
        raise click.ClickException(str(error)) from error
    left_out = known.keys() | {("", name) for _, name in known}  # a file alone tells of no corpus
    sources = [s for s in sources_of(pages, report) if (s.corpus, s.id) not in left_out]
    if take is not None:
        sources = most_doubtful(sources, chosen, take, longest)
    for source in sources:
        name = f"{source.corpus}__{source.id}" if source.corpus else source.id
        try:
            added = add_page(output, name, source, chosen)
            path = output / f"{name}.tsv"
            if with_review:
                page = review(read(path), name, read_text(path))
                write_file(output / f"{name}.review.html", page.encode())
        except (OSError, DataError) as error:
            report(error)
            continue
        told = f"{len(added.blocks)} blocks, {added.unsure} unsure" if added else "is labelled already, left as it is"
        click.echo(f"{path}: {told}")
    sys.exit(1 if failed else 0)


def sources_of(paths: Iterable[Path], report: Reporter) -> Iterator[Source]:
    """The pages at some paths: files, folders of files, corpora."""
    for path in paths:
        if path.is_dir() and is_corpus(path):
            try:
                yield from read_data(path)
            except (OSError, DataError) as error:
                report(error)
            continue
        files = [path]
        if path.is_dir():
            files = sorted(f for f in path.rglob("*.html*") if PAGE.search(f.name))
            if not files:
                report(DataError(f"{path}: no .html file in there"))
        for file in files:
            try:
                html = read_bytes(file)
            except (OSError, DataError) as error:
                report(error)
                continue
            name = file.name.removesuffix(".gz").rpartition(".")[0] or file.name
            yield Source("", name, "", "", html, url=address(html))


def most_doubtful(sources: list[Source], model: bodycopy.Model, take: int, longest: int | None) -> list[Source]:
    """The pages with the most to learn from, those first."""
    doubts = []
    for i, source in enumerate(sources):
        found = annotate(source, model)
        if found is not None and (longest is None or len(found.blocks) <= longest):
            doubts.append((-found.doubt, i))
    return [sources[i] for _, i in sorted(doubts)[:take]]


def check_folders(folders: Iterable[Path]) -> int:
    """Say what is wrong in some folders of labels, and how many blocks have each; the exit status."""
    wrong = 0
    sound = []
    for folder in folders:
        files = list(files_in(folder))
        if not files:
            click.echo(f"bodycopy: {folder}: no labels (NAME.tsv) in there", err=True)
            wrong += 1
        for path in files:
            found = problems(path)
            for problem in found:
                click.echo(problem)
            wrong += len(found)
            if not found:
                sound.append(read(path))
    told = counts(sound)
    click.echo(f"{len(sound)} pages are well: " + ", ".join(f"{n} {label}" for label, n in told.items()), err=True)
    return 1 if wrong else 0


def export_labels(folders: Iterable[Path], target: Path) -> int:
    """Write the labels of some folders as JSON Lines, without any text; the exit status."""
    try:
        rows = [row(read(path), path) for folder in folders for path in files_in(folder)]
    except (OSError, DataError) as error:
        raise click.ClickException(str(error)) from error
    if not rows:
        raise click.ClickException("no labels (NAME.tsv) in there")
    data = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()
    if target.suffix == ".gz":
        buffer = io.BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as file:
            file.write(data)
        data = buffer.getvalue()
    try:
        write_file(target, data, new=True)
    except OSError as error:
        raise click.ClickException(f"cannot write {target}: {error.strerror}") from error
    click.echo(f"{target}: {len(rows)} pages")
    return 0


@click.command(
    "train",
    cls=TrainingCommand,
    epilog="""\b
Examples:
  bodycopy train labelled/ --from training_data/ --output models/mine
  bodycopy train training_data/ --output models/
  bodycopy train corpora/* --labels labels.jsonl.gz --output models/mine
  bodycopy train corpora/* --labels labels.jsonl.gz --texts texts.jsonl.gz --tables training_data/tables
""",
)
@click.argument("data", nargs=-1, required=True, metavar="DATA...", type=FOLDER)
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Folder to write the models into.")
@click.option("--from", "base", type=FOLDER, help="Training data (tables) to add the pages to: ours is training_data/.")
@click.option("--weight", type=click.IntRange(1), default=WEIGHT, show_default=True,
              help="With --from: how often each page of DATA counts.")  # fmt: skip
@click.option("--kind", "kinds", multiple=True, type=click.Choice(["html", "text"]),
              help="Model to train; may be given twice. [default: html, and text where there are texts]")  # fmt: skip
@click.option("--labels", multiple=True, type=ANY, help="Labels of pages in corpora: JSON Lines, or a folder of them.")
@click.option("--texts", multiple=True, type=FILE, help="What extractors made of the pages, as JSON Lines.")
@click.option("--lines", type=FOLDER,
              help="Folder of LANGUAGE.tsv, to learn words for HTML from, and of promo.txt and related.txt, to "
              "embellish texts with. [default: lines/ in training data that is given]")  # fmt: skip
@click.option("--tables", type=click.Path(file_okay=False, path_type=Path), help="Write feature tables, no models.")
@click.option("--cross-validate", is_flag=True, help="Score the models on sites that they were not fitted on; slow.")
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True,
              help="With --cross-validate: in so many parts, each of which costs another training.")  # fmt: skip
@click.option(
    "--sample",
    type=click.FloatRange(0, 1, min_open=True),
    help="Use this share of the sites, of ours with --from: for a trial.",
)
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Folder to keep features of pages in.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="cores",
              help="Threads and processes to work with.")  # fmt: skip
@click.option("--seed", type=SEEDS, default=0, show_default=True, help="Another gives another model.")
def train_command(
    data: tuple[Path, ...],
    output: Path | None,
    base: Path | None,
    weight: int,
    kinds: tuple[str, ...],
    labels: tuple[Path, ...],
    texts: tuple[Path, ...],
    lines: Path | None,
    tables: Path | None,
    cross_validate: bool,
    folds: int,
    sample: float | None,
    cache: Path | None,
    jobs: int,
    seed: int,
) -> None:
    """Train models on DATA: folders of labelled pages, corpora, or training data with feature tables.

    OUTPUT gets html.npz, text.npz and README.md, the models' cards; a model that is there already is kept as NAME.old.
    A model is written once it is whole: until then, and on any error, the old one stays. The same data, options and
    machine give the same bytes.
    """
    from bodycopy.training import train as steps

    if (output is None) == (tables is None):
        raise click.UsageError("either --output FOLDER, for models, or --tables FOLDER, for feature tables")

    def say(text: str) -> None:
        click.echo(f"{time.monotonic() - began:5.0f} s  {text}", err=True)

    began = time.monotonic()
    try:
        if output is not None:
            check_readme(output / "README.md")
        stored = [e for folder in data if steps.is_training_data(folder) for e in steps.read_tables(folder)]
        corpora = [folder for folder in data if not steps.is_training_data(folder)]
        sources = read_sources(corpora, labels, say)
        if tables is not None and stored:
            raise DataError("--tables makes feature tables of pages; the training data given has them already")
        both = texts or steps.of_kind(stored, TEXT)
        chosen = tuple(dict.fromkeys(kinds)) or (("html", "text") if both else ("html",))
        given = {kind: steps.of_kind(stored, KINDS[kind]) for kind in chosen}
        if sources:
            say(f"{len(sources)} pages, {sum(s.labels is not None for s in sources)} of them labelled")
        lines = lines or steps.lines_folder([base, *data] if base else data)
        of_languages = read_lines(lines) if lines and output and "html" in chosen else None
        if "html" in chosen and sources:
            given["html"] += steps.html_examples(sources, jobs, cache)
        if "text" in chosen and sources:
            given["text"] += steps.examples_of_texts(sources, texts, lines, jobs=jobs, seed=seed)
        if tables is not None:
            for path in steps.write_tables(tables, [e for known in given.values() for e in known]):
                pages = [s for s in sources if s.corpus == path.stem]
                click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
                click.echo(f"{path.stem}: {len(pages)} pages, digest {corpus_digest(pages)}")
            return
        assert output is not None
        ours = steps.read_tables(base) if base else []
        output.mkdir(parents=True, exist_ok=True)
        for kind in chosen:
            known, own = (steps.of_kind(ours, KINDS[kind]), given[kind]) if base else (given[kind], [])
            if sample is not None:
                known = steps.sampled(known, sample, seed)
            say(f"{kind}: {len(known) + len(own)} examples, {sum(map(len, [*known, *own]))} blocks")
            settings = steps.settings_for(KINDS[kind], seed, jobs)
            beside = of_languages if kind == "html" else None
            model = steps.train(known, KINDS[kind], settings, say, folds * cross_validate, own, weight, lines=beside)
            target = output / f"{kind}.npz"
            if steps.put_model(model, target):
                click.echo(f"{target}: the old one is kept as {target.name}.old")
            click.echo(f"{target}: {target.stat().st_size / 1e6:.2f} MB")
        write_file(output / "README.md", "\n".join(cards(output, say)).encode())
    except (DataError, bodycopy.ModelError, OSError) as error:
        raise click.ClickException(str(error)) from error
    say("done")


def check_readme(path: Path) -> None:
    """Raise DataError where the cards would replace a file that is none of ours. OSError."""
    if path.exists() and not path.read_bytes().startswith(b"# Model for "):
        raise DataError(
            f"{path} would be overwritten, and is not one that `train` wrote: move it, or choose another folder"
        )


def cards(folder: Path, say: Callable[[str], None]) -> Iterator[str]:
    """The cards of the models in a folder, of which some may be older than others."""
    for name, kind in KINDS.items():
        path = folder / f"{name}.npz"
        if path.exists():
            try:
                yield card_text(bodycopy.Model.load(path, kind))
            except bodycopy.ModelError as error:
                say(f"README.md leaves out a model: {error}")


@click.command(
    "evaluate",
    cls=TrainingCommand,
    epilog="""\b
Examples:
  bodycopy evaluate held-out/
  bodycopy evaluate held-out/ --model shipped --model models/mine
  bodycopy evaluate held-out/ --model models/mine --html report.html --json report.json
""",
)
@click.argument("data", nargs=-1, required=True, metavar="DATA...", type=FOLDER)
@click.option("--model", "models", multiple=True, default=[SHIPPED], show_default=True,
              help="Files or folders; the others are set against the first. \"shipped\" is ours.")  # fmt: skip
@click.option("--labels", multiple=True, type=ANY, help="Labels of pages in corpora: JSON Lines, or a folder of them.")
@click.option("--seen", default="refuse", show_default=True,
              type=click.Choice(["refuse", "skip", "same-site", "allow"]),
              help="Pages whose site or text a model was trained on; same-site minds the text alone.")  # fmt: skip
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as HTML.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures as JSON.")
@click.option("--seed", type=SEEDS, default=0, show_default=True, help="Of the bootstrap.")
def evaluate_command(
    data: tuple[Path, ...],
    models: tuple[str, ...],
    labels: tuple[Path, ...],
    seen: str,
    html_file: Path | None,
    json_file: Path | None,
    seed: int,
) -> None:
    """Say what models for HTML are worth on the labelled pages of DATA, which they must not have been trained on.

    Precision, recall and F1 by label with intervals, confusion, calibration, page types, sites, the worst pages with
    what went wrong; of several models also which is better, on the same blocks.
    """
    from bodycopy.training import comparison
    from bodycopy.training.report import as_html, as_text

    def say(text: str) -> None:
        click.echo(f"bodycopy: {text}", err=True)

    try:
        chosen = {name: open_model(str(shipped("html.npz")) if name == SHIPPED else name, "html") for name in models}
        sources = [s for s in read_sources(data, labels, say) if s.labels is not None]
        if seen != "allow":
            sites_too = seen != "same-site"
            # By the page itself, for two folders may have the same names.
            told = {id(s): s.site for m in chosen.values() for s in comparison.seen(sources, m, sites_too)}
            if told and seen != "skip":
                raise click.ClickException(
                    f"{len(told)} of {len(sources)} pages are of sites, or have texts, that a model was trained on "
                    f"({', '.join(sorted(set(told.values()))[:5])}): their scores would be too good. Leave them out "
                    "with --seen skip, take other pages of the same sites with --seen same-site, or all with allow."
                )
            if told and len(told) == len(sources):
                raise click.ClickException(
                    f"--seen skip leaves out all {len(told)} pages: all are of sites, or have texts, that a model was "
                    "trained on. Evaluate on pages of other sites, or take these with --seen same-site or allow."
                )
            sources = [s for s in sources if id(s) not in told]
        result = comparison.compare(sources, chosen, seed)
        click.echo(as_text(result), nl=False)
        if json_file:
            write_file(json_file, (json.dumps(result, indent=1, ensure_ascii=False) + "\n").encode())
        if html_file:
            write_file(html_file, as_html(result).encode())
    except (DataError, OSError) as error:
        raise click.ClickException(str(error)) from error
