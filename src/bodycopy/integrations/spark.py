"""Spark: a column of pages or texts, cleaned by `mapInArrow` or `mapInPandas`.

>>> cleaner = Cleaner("html")
>>> cleaned = pages.mapInArrow(cleaner.arrow, cleaner.schema(pages))
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import bodycopy
from bodycopy.api import check_threshold
from bodycopy.integrations import extra
from bodycopy.model import Model, load_model
from bodycopy.page import check_keep

with extra("spark"):
    import pyarrow as pa
    from pyspark.sql.types import BinaryType, StringType, StructField, StructType

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

Outcome = tuple[str | None, str | None]  # the core content, or why there is none


@dataclass(frozen=True)
class Cleaner:
    """Adds two columns to a DataFrame: the core content of each row, and why there is none.

    ``column`` holds pages of HTML, as binary or string, or with ``kind="text"`` plain texts that somebody extracted,
    as string. ``into`` is the new column of core content; "" where a page has none. ``error`` is the other: null, or
    why the row could not be cleaned, whose core content is then null. No row ends the job.

    ``keep``, ``threshold`` and ``full`` (of pages) are those of `bodycopy.clean`. ``model``: the path of a model on
    the machines that run the workers; each worker reads it once.

    Raises TypeError or ValueError for bad options. A bad model fails the tasks with ModelError or OSError.
    """

    column: str
    _: KW_ONLY
    kind: str = "html"
    into: str = "body"
    error: str = "error"
    keep: Collection[str] = ("body",)
    threshold: float | None = None
    full: bool = False
    model: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("html", "text"):
            raise ValueError(f"a column is of the kind html or text, not {self.kind!r}")
        if self.full and self.kind == "text":
            raise ValueError("full is for pages: leave it out for texts")
        check_keep(self.keep)
        check_threshold(self.threshold)

    def schema(self, frame: DataFrame) -> StructType:
        """The schema that `mapInArrow` and `mapInPandas` ask for: that of ``frame``, and the two new columns.

        Raises ValueError where the column is missing or a new one is there already, TypeError where it holds neither
        pages nor texts.
        """
        if self.column not in frame.columns:
            raise ValueError(f"no column {self.column!r}; there are {', '.join(frame.columns)}")
        for name in (self.into, self.error):
            if name in frame.columns:
                raise ValueError(f"there is a column {name!r} already: name another by into= or error=")
        held = frame.schema[self.column].dataType
        if not isinstance(held, StringType | BinaryType if self.kind == "html" else StringType):
            raise TypeError(f"the column {self.column!r} is {held.simpleString()}: cast it to string")
        return StructType([*frame.schema, StructField(self.into, StringType()), StructField(self.error, StringType())])

    def arrow(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The function for `mapInArrow`."""
        model = load_model(self.model, self.kind)
        for batch in batches:
            outcomes = [self._clean(value, model) for value in batch.column(self.column)]
            added = [pa.array([outcome[i] for outcome in outcomes], pa.string()) for i in (0, 1)]
            names = [*batch.schema.names, self.into, self.error]
            yield pa.RecordBatch.from_arrays([*batch.columns, *added], names)

    def pandas(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The function for `mapInPandas`."""
        model = load_model(self.model, self.kind)
        for frame in frames:
            column = frame[self.column].astype(object)
            outcomes = [self._clean(value, model) for value in column.where(column.notna(), None)]
            yield frame.assign(**{self.into: [body for body, _ in outcomes], self.error: [why for _, why in outcomes]})

    def _clean(self, value: Any, model: Model) -> Outcome:
        try:
            if isinstance(value, pa.Scalar):
                value = value.as_py()  # raises for a string that is not UTF-8
            if self.kind == "text":
                return bodycopy.clean_text(value, keep=self.keep, threshold=self.threshold, model=model), None
            return bodycopy.clean(value, keep=self.keep, threshold=self.threshold, full=self.full, model=model), None
        except Exception as error:  # one bad page never ends a job
            return None, f"{type(error).__name__}: {error}"
