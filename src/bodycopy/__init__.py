"""bodycopy labels every block of a page – body, promo, related, chrome – and keeps the core content.

>>> import bodycopy
>>> text = bodycopy.clean(html)
>>> page = bodycopy.label(html, url="https://example.com/story")
>>> text = bodycopy.clean_text(text_that_was_extracted)
"""

from bodycopy.api import clean, clean_text, label, label_text
from bodycopy.model import LABELS, Model, ModelError, load_model
from bodycopy.page import Block, Page

__version__ = "0.1.0"

__all__ = ["LABELS", "Block", "Model", "ModelError", "Page", "clean", "clean_text", "label", "label_text", "load_model"]
