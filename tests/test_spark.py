"""Spark in local mode, over Parquet."""

import os
from collections import Counter

import pytest
from engines import PAGES, need, need_program
from helpers import random_model

import bodycopy

need("pyspark", "spark")
need("pandas", "spark")
need_program("java")
from pyspark.errors import PythonException  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

from bodycopy.integrations.spark import Cleaner  # noqa: E402

TEXTS = {name: bodycopy.clean(page, keep=bodycopy.LABELS, full=True) for name, page in PAGES.items()}


@pytest.fixture(scope="module")
def spark():
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.config("spark.log.level", "OFF").getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def pages(spark, tmp_path_factory):
    """The pages as bytes, as string and as extracted text, in six Parquet files."""
    path = str(tmp_path_factory.mktemp("parquet") / "pages")
    rows = [(name, page, page.decode(), TEXTS[name]) for name, page in PAGES.items()]
    schema = "name string, bytes binary, html string, text string"
    spark.createDataFrame(rows, schema).repartition(6).write.parquet(path)
    return spark.read.parquet(path)


def run(cleaner, frame, way="arrow"):
    """The rows with what the cleaner adds."""
    schema = cleaner.schema(frame)
    mapped = frame.mapInArrow(cleaner.arrow, schema) if way == "arrow" else frame.mapInPandas(cleaner.pandas, schema)
    return mapped.collect()


both_ways = pytest.mark.parametrize("way", ["arrow", "pandas"])


@both_ways
@pytest.mark.parametrize("column", ["bytes", "html"])
def test_a_column_of_pages_comes_out_as_from_the_library_beside_the_others(pages, column, way):
    rows = run(Cleaner(column), pages, way)
    assert {row.name: row.body for row in rows} == {name: bodycopy.clean(page) for name, page in PAGES.items()}
    assert {row.error for row in rows} == {None}
    assert {row.name: (bytes(row.bytes), row.text) for row in rows} == {n: (PAGES[n], TEXTS[n]) for n in PAGES}


@both_ways
def test_a_column_of_texts_comes_out_as_from_the_library(pages, way):
    rows = run(Cleaner("text", kind="text", into="core", error="why", threshold=0.5), pages, way)
    expected = {name: bodycopy.clean_text(text, threshold=0.5) for name, text in TEXTS.items()}
    assert {row.name: row.core for row in rows} == expected
    assert {row.why for row in rows} == {None}


def test_the_options_are_those_of_clean(pages):
    options = {"keep": ("body", "related"), "threshold": 0.9, "full": True}
    rows = run(Cleaner("bytes", **options), pages)
    assert {row.name: row.body for row in rows} == {n: bodycopy.clean(page, **options) for n, page in PAGES.items()}


@both_ways
def test_a_row_that_cannot_be_cleaned_is_null_with_a_reason_and_the_others_are_done(spark, way):
    frame = spark.createDataFrame([(1, "<p>"), (2, None), (3, PAGES["recipe"].decode())], "id int, html string")
    first, second, third = sorted(run(Cleaner("html"), frame.repartition(1), way))
    assert (first.body, first.error) == ("", None)
    assert second.body is None
    assert second.error == "TypeError: a page is bytes, str or an lxml tree, not NoneType"
    assert (third.body, third.error) == (bodycopy.clean(PAGES["recipe"]), None)


def test_a_string_that_is_not_utf8_is_null_with_a_reason_and_the_others_are_done(spark):
    frame = spark.sql("select 1 as id, cast(unhex('FF41') as string) as html union all select 2, '<p>'").repartition(1)
    first, second = sorted(run(Cleaner("html"), frame.select("id", "html")), key=lambda row: row.id)
    assert first.body is None
    assert first.error.startswith("UnicodeDecodeError")
    assert (second.body, second.error) == ("", None)


def test_a_frame_without_rows_gives_none(spark):
    assert run(Cleaner("html"), spark.createDataFrame([], "html string")) == []


@both_ways
def test_a_worker_reads_the_model_once_however_many_tasks_it_does(pages, tmp_path, way):
    random_model().save(tmp_path / "m.npz")
    cleaner = Cleaner("bytes", model=str(tmp_path / "m.npz"), threshold=0)

    def telling(batches):
        """Does its work, and tells which process did it and how often that has read a model file meanwhile."""
        from bodycopy.model import _load

        before = _load.cache_info().misses
        for batch in getattr(cleaner, way)(batches):
            told = {"process": [os.getpid()], "read": [_load.cache_info().misses - before]}
            yield type(batch).from_pydict(told) if way == "arrow" else type(batch)(told)

    parts = pages.repartition(8)
    rows = (parts.mapInArrow if way == "arrow" else parts.mapInPandas)(telling, "process long, read long").collect()
    read = Counter()
    for row in rows:
        read[row.process] += row.read
    assert len(rows) == 8 > len(read)  # tasks, workers
    assert set(read.values()) == {1}


def test_a_model_that_cannot_be_used_fails_the_job_and_does_not_null_every_row(pages):
    with pytest.raises(PythonException, match=r"nowhere\.npz"):
        run(Cleaner("html", model="nowhere.npz"), pages)


def test_a_schema_that_cannot_be_says_what_to_do(pages, spark):
    with pytest.raises(ValueError, match="no column 'page'; there are name, bytes, html, text"):
        Cleaner("page").schema(pages)
    for options in ({"into": "text"}, {"error": "text"}):
        with pytest.raises(ValueError, match="'text' already"):
            Cleaner("html", **options).schema(pages)
    with pytest.raises(TypeError, match="'id' is bigint: cast it to string"):
        Cleaner("id").schema(spark.range(1))
    with pytest.raises(TypeError, match="'bytes' is binary: cast it to string"):
        Cleaner("bytes", kind="text").schema(pages)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "pdf"}, "html or text"),
        ({"kind": "text", "full": True}, "full is for pages"),
        ({"keep": ("bodyy",)}, "body, promo, related, chrome"),
        ({"threshold": 2}, "between 0 and 1"),
    ],
)
def test_bad_options_raise_before_a_job_begins(options, message):
    with pytest.raises(ValueError, match=message):
        Cleaner("html", **options)
