"""bodycopy in the engines that people already run. Each integration needs the extra of its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around the imports of an engine: where one fails, the ImportError says what to install."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"bodycopy.integrations.{name} cannot be loaded ({error}): pip install 'bodycopy[{name}]'"
        ) from error
