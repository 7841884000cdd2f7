"""The inner loops as C (`_loops.pyx`); None where bodycopy was not compiled, and NumPy does the same, more slowly."""

from __future__ import annotations

from importlib import import_module
from typing import Any

loops: Any
try:
    loops = import_module("bodycopy._loops")
except ImportError:
    loops = None
