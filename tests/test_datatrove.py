"""datatrove: its local executor, over WARC files and JSON Lines that the test writes."""

import gzip
import json
import os
from itertools import chain

import pytest
from engines import PAGES, need, write_warc

import bodycopy
from bodycopy import ModelError

need("datatrove", "datatrove")
need("warcio", "datatrove")
need("magic", "datatrove")
from datatrove.data import Document  # noqa: E402
from datatrove.executor import LocalPipelineExecutor  # noqa: E402
from datatrove.pipeline.readers import JsonlReader, WarcReader  # noqa: E402
from datatrove.pipeline.writers import JsonlWriter  # noqa: E402

from bodycopy.integrations.datatrove import BodycopyExtractor, BodycopyFormatter  # noqa: E402
from bodycopy.model import _load  # noqa: E402

EMPTY = b"<!doctype html><html><head><title>Nothing</title></head><body></body></html>"
BAD = ["no", "text"]  # of another type, and yet a reader of datatrove lets it through
TEXTS = {name: bodycopy.clean(page, keep=bodycopy.LABELS, full=True) for name, page in PAGES.items()}


def write_jsonl(path, objects):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(told) + "\n" for told in objects))


def run(folder, reader, step, tasks=1, workers=1):
    """What the pipeline writes, and the statistics of the step."""
    executor = LocalPipelineExecutor(
        [reader, step, JsonlWriter(str(folder / "out"))], tasks=tasks, workers=workers, logging_dir=str(folder / "logs")
    )
    stats = next(s for s in executor.run().stats if "bodycopy" in s.name)
    lines = [gzip.decompress(path.read_bytes()).splitlines() for path in (folder / "out").glob("*")]
    written = [json.loads(line) for line in chain.from_iterable(lines)]
    return written, {name: stat.total for name, stat in stats.stats.items()}


def names(written):
    return {doc["metadata"]["url"].rpartition("/")[2]: doc["text"] for doc in written}


def test_pages_of_warc_files_come_out_as_from_the_library_and_empty_ones_are_dropped_and_counted(tmp_path):
    halves = list(PAGES.items())
    write_warc(tmp_path / "warcs/a.warc.gz", dict(halves[:8]))
    write_warc(tmp_path / "warcs/b.warc.gz", dict(halves[8:]) | {"empty": EMPTY})
    reader = WarcReader(str(tmp_path / "warcs"))
    written, counts = run(tmp_path, reader, BodycopyExtractor(), tasks=2, workers=2)
    assert names(written) == {name: bodycopy.clean(page) for name, page in PAGES.items()}
    assert {k: counts[k] for k in ("total", "extracted", "forwarded", "dropped")} == {
        "total": len(PAGES) + 1,
        "extracted": len(PAGES) + 1,
        "forwarded": len(PAGES),
        "dropped": 1,
    }


@pytest.mark.parametrize(
    "options", [{"keep": ("body", "related"), "threshold": 0.9, "full": True}, {"keep": ["promo"], "threshold": 0.2}]
)
def test_the_extractor_takes_the_options_of_clean_and_gives_markdown(options):
    page = PAGES["news_article"].decode()
    markdown = bodycopy.label(page, threshold=options["threshold"]).render_markdown(
        options["keep"], options.get("full", False)
    )
    assert BodycopyExtractor(**options).extract(page) == bodycopy.clean(page, **options) != bodycopy.clean(page)
    assert BodycopyExtractor(**options, markdown=True).extract(page) == markdown != ""


class Telling(BodycopyExtractor):
    """Does its work, and tells which process did it and how often that has read a model file."""

    def extract(self, text):
        if text == "break":
            os._exit(1)
        super().extract(text)
        return f"{os.getpid()} {_load.cache_info().misses}" if text else ""


def test_the_model_is_read_once_a_worker_even_where_pages_break_the_process(tmp_path):
    pages = [{"id": str(i), "text": PAGES["recipe"].decode() if i % 4 else "break"} for i in range(8)]
    write_jsonl(tmp_path / "in/pages.jsonl", pages)
    _load.cache_clear()
    written, counts = run(tmp_path, JsonlReader(str(tmp_path / "in")), Telling(timeout=1))
    told = {tuple(doc["text"].split()) for doc in written}
    assert len(written) == 6
    assert len(told) == counts["broken_process"] == 2
    assert os.getpid() not in {int(process) for process, _ in told}
    assert {read for _, read in told} == {"1"}
    assert _load.cache_info().misses == 1  # it was this process, the worker, that read it


def test_a_page_that_cannot_be_cleaned_is_dropped_and_counted_and_the_others_are_done(tmp_path):
    page = PAGES["recipe"].decode()
    write_jsonl(tmp_path / "in/pages.jsonl", [{"text": page, "id": "1"}, {"text": BAD, "id": "2"}, {"text": page}])
    written, counts = run(tmp_path, JsonlReader(str(tmp_path / "in")), BodycopyExtractor())
    assert [doc["text"] for doc in written] == [bodycopy.clean(page)] * 2
    assert (counts["total"], counts["clean_error"], counts["forwarded"]) == (3, 1, 2)


def test_texts_come_out_as_from_the_library_and_those_that_cannot_be_cleaned_are_dropped_and_counted(tmp_path):
    docs = [{"text": text, "id": name} for name, text in TEXTS.items()]
    write_jsonl(tmp_path / "in/a.jsonl", docs[:8])
    write_jsonl(tmp_path / "in/b.jsonl", [{"text": BAD, "id": "bad"}, {"text": "\n", "id": "empty"}, *docs[8:]])
    reader = JsonlReader(str(tmp_path / "in"))
    written, counts = run(tmp_path, reader, BodycopyFormatter(), tasks=2, workers=2)
    expected = {name: bodycopy.clean_text(text) for name, text in TEXTS.items()}
    assert {doc["id"]: doc["text"] for doc in written} == {name: text for name, text in expected.items() if text}
    empty = sum(not text for text in expected.values()) + 1
    assert (counts["total"], counts["clean_error"], counts["dropped"]) == (len(PAGES) + 2, 1, empty)
    assert counts["forwarded"] == len(written)


def test_the_formatter_reads_its_model_once():
    _load.cache_clear()
    cleaned = list(BodycopyFormatter().run(Document(text, name) for name, text in TEXTS.items()))
    assert len(cleaned) >= 10
    assert _load.cache_info().misses == 1


def test_the_formatter_takes_the_options_of_clean_text():
    options = {"keep": ("body", "promo"), "threshold": 0.01}
    text = TEXTS["news_article"]
    assert (
        BodycopyFormatter(**options).format(text) == bodycopy.clean_text(text, **options) != bodycopy.clean_text(text)
    )


@pytest.mark.parametrize("step", [BodycopyExtractor, BodycopyFormatter])
def test_bad_options_raise_before_a_job_begins(step):
    with pytest.raises(ValueError, match="body, promo, related, chrome"):
        step(keep=("bodyy",))
    with pytest.raises(ValueError, match="between 0 and 1"):
        step(threshold=2)


@pytest.mark.parametrize("step", [BodycopyExtractor, BodycopyFormatter])
def test_a_model_that_cannot_be_used_ends_the_task_and_does_not_drop_every_document(step, tmp_path):
    (tmp_path / "m.npz").write_text("no model")
    with pytest.raises(ModelError, match=r"m\.npz"):
        next(step(model=tmp_path / "m.npz").run(iter([Document("<p>x</p>", "1")])))
    with pytest.raises(FileNotFoundError):
        next(step(model=tmp_path / "none.npz").run(iter([Document("<p>x</p>", "1")])))
