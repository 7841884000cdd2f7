"""bodycopy labels every block of a page – body, promo, related, chrome – and keeps the core content.

>>> import bodycopy
>>> text = bodycopy.clean(html)
>>> page = bodycopy.label(html, url="https://example.com/story")
"""

from bodycopy.api import clean, label
from bodycopy.model import LABELS, Model, ModelError, load_model
from bodycopy.page import Block, Page

__version__ = "0.1.0"

__all__ = ["LABELS", "Block", "Model", "ModelError", "Page", "clean", "label", "load_model"]
