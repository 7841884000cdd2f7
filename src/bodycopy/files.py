"""Files, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_file(path: Path, data: bytes, new: bool = False) -> None:
    """Write a file, whole or not at all. Raises OSError; ``new``: FileExistsError rather than overwrite one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)  # left by a process that was killed, it may be the file itself by another name
    try:
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if new:
            os.link(draft, path)
        else:
            os.replace(draft, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # of a full disk none says what it was for
    finally:
        draft.unlink(missing_ok=True)
