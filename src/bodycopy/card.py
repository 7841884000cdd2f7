"""A model's card → words: what went into it, what it scores, where it fails."""

from __future__ import annotations

from typing import Any

from bodycopy.model import LABELS, Model, ModelError

WEAKEST = 3  # page types, or texts, that a card names as the weakest


def card_text(model: Model) -> str:
    """The card in Markdown. Raises ModelError for one that another version of bodycopy wrote in another way."""
    try:
        return "\n".join(card_lines(model))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the card is not as this version of bodycopy writes it: {error!r}") from error


def card_lines(model: Model) -> list[str]:
    card = model.card
    out = [f"# Model for {model.kind.name}", ""]
    told = ("bodycopy_version", "date", "feature_version", "own_weight", "final", "checksum")
    out += [f"- {name.replace('_', ' ')}: {card[name]}" for name in told if name in card]
    out += [
        f"- labels: {', '.join(card['labels'])}",
        f"- features: {len(card.get('features', ()))} numbers and words",
        "",
    ]
    out += [
        "## What went into it",
        "",
        *table(("corpus", "pages", "examples", "blocks", "labelled"), corpora(card)),
        "",
    ]
    if "lines" in card:
        of = card["lines"]
        out += [f"And {of['lines']} lines without a page, by language: {', '.join(of['languages'])}.", ""]
    scores = card.get("cross_validated")
    if scores is None:
        return [*out, "It was not cross-validated: `bodycopy evaluate` says what it is worth.", ""]
    folds = scores.get("folds", card["settings"]["folds"])
    out += ["## What it scores", "", f"Cross-validated, {folds} folds grouped by site.", ""]
    if "main_text" in scores:
        rows = [(name, of["pages"], f"{of['word_f1']:.3f}") for name, of in scores["main_text"].items()]
        out += [*table(("main text of", "pages", "mean word F1"), rows), ""]
    if "lines" in scores:
        rows = [
            (t, source, *(f"{of[name]:.3f}" for name in ("body_kept", "junk_removed", "clean_words_lost")))
            for t, sources in scores["lines"].items()
            for source, of in sources.items()
        ]
        head = ("threshold", "text made by", "body lines kept", "junk removed", "words lost without junk")
        out += ["In one pass; `clean_text` passes until nothing goes.", "", *table(head, rows), ""]
    rows = [
        (name, of["blocks"], *(f"{of['f1'][label]:.3f}" for label in LABELS), f"{of['macro_f1']:.3f}")
        for name, of in scores["labels"].items()
        if of["blocks"]
    ]
    if rows:
        out += [*table(("blocks of", "number", *(f"F1 {label}" for label in LABELS), "mean"), rows), ""]
    return [*out, "## Where it fails", "", *failures(scores), ""]


def corpora(card: dict[str, Any]) -> list[tuple[Any, ...]]:
    columns = ("pages", "examples", "blocks", "labelled")
    return [(name, *(of.get(c, "") for c in columns)) for name, of in card.get("corpora", {}).items()]


def failures(scores: dict[str, Any]) -> list[str]:
    """The weakest kinds of pages and the commonest confusions."""
    types = [
        (f1, f"{kind} pages of {corpus}: word F1 {f1:.2f}")
        for corpus, of in scores.get("main_text", {}).items()
        for kind, f1 in of.get("by_type", {}).items()
    ]
    out = [f"- {text}" for _, text in sorted(types)[:WEAKEST]]
    for name, of in scores["labels"].items():
        if not of["blocks"]:
            continue
        confused = []
        for i, row in enumerate(of["confusion"]):
            for j, count in enumerate(row):
                share = count / max(1, sum(row))
                if i != j:
                    confused.append((share, f"{name}: {share:.1%} of the {LABELS[i]} blocks are labelled {LABELS[j]}"))
        out += [f"- {text}" for _, text in sorted(confused, reverse=True)[:WEAKEST]]
    return out


def table(head: tuple[Any, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines]
