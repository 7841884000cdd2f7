"""The result of a comparison → a report: plain text, or one HTML page with plots that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from bodycopy.card import table
from bodycopy.model import LABELS

COLOURS = ("#1565c0", "#c62828", "#2e7d32", "#6a1b9a")  # of the models, in turn
MOST_SITES = 20  # in a report: those with the lowest scores; JSON has all


def share(value: float) -> str:
    return f"{value:.3f}"


def between(interval: Sequence[float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def tables_of(result: dict[str, Any]) -> list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
    """The tables of a report: title, head, rows."""
    models = result["models"]
    out: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = []
    rows: list[tuple[Any, ...]] = []
    head: tuple[str, ...]
    for name, of in models.items():
        for label in LABELS:
            t = of["labels"][label]
            figures = (share(t[k]) for k in ("precision", "recall", "f1"))
            rows.append((name, label, t["blocks"], *figures, between(t["interval"]), share(t["labelled_body"])))
        rows.append((name, "mean", "", "", "", share(of["macro_f1"]), between(of["macro_f1_interval"]), ""))
    head = ("model", "label", "blocks", "precision", "recall", "F1", "95% interval", "labelled body")
    out.append(("Labels", head, rows))
    rows = [
        (
            name,
            f"{of['macro_f1_gained']:+.3f}",
            f"{of['interval'][0]:+.3f} to {of['interval'][1]:+.3f}",
            of["blocks_mended"],
            of["blocks_broken"],
            *(of["pages"][k] for k in ("better", "same", "worse")),
        )
        for name, of in result["paired"].items()
    ]
    if rows:
        head = ("model", "mean F1 gained", "95% interval", "blocks mended", "broken", "pages better", "same", "worse")
        out.append((f"Against {next(iter(models))}", head, rows))
    for name, of in models.items():
        rows = [(label, *row) for label, row in zip(LABELS, of["confusion"], strict=True)]
        out.append((f"Confusion of {name}: what is (rows), what it was labelled", ("", *LABELS), rows))
    for title, key in (("Page types", "by_type"), ("Sites", "by_site")):
        groups = next(iter(models.values()))[key]
        order = sorted(groups, key=lambda g: min(of[key][g]["macro_f1"] for of in models.values()))
        # Word F1 is there where the main text is known.
        scores = ["macro_f1", *(["word_f1"] if any("word_f1" in of for of in groups.values()) else [])]
        rows = [
            (
                group,
                groups[group]["pages"],
                groups[group]["blocks"],
                *(share(of[key][group].get(score, 0)) for score in scores for of in models.values()),
            )
            for group in order[:MOST_SITES]
        ]
        words = {"macro_f1": "mean F1", "word_f1": "word F1"}
        names = [f"{words[score]}, {name}" for score in scores for name in models]
        more = f", the {MOST_SITES} weakest of {len(order)}" if len(order) > MOST_SITES else ""
        out.append((title + more, ("", "pages", "blocks", *names), rows))
    for name, of in models.items():
        rows = [
            (f"{b['from']:.1f} to {b['to']:.1f}", b["blocks"], share(b["right"])) for b in of["calibration"]["bins"]
        ]
        title = f"Calibration of {name}, expected error {share(of['calibration']['error'])}"
        out.append((title, ("probability of the label given", "blocks", "share right"), rows))
        rows = [
            (page["page"], page["site"], share(page["wrong"]), m["is"], m["labelled"], m["blocks"], m["such_as"][0])
            for page in of["worst"]
            for m in page["mistakes"]
        ]
        head = ("page", "site", "wrong", "is", "labelled", "blocks", "such as")
        out.append((f"Worst pages of {name}", head, rows))
    return out


def as_text(result: dict[str, Any]) -> str:
    """The report in Markdown."""
    lines = [f"# {headline(result)}", ""]
    for title, head, rows in tables_of(result):
        cells = [tuple(str(c).replace("|", "\\|") for c in row) for row in rows]
        lines += [f"## {title}", "", *table(head, cells), ""]
    return "\n".join(lines)


def headline(result: dict[str, Any]) -> str:
    data = result["data"]
    return f"{data['pages']} pages of {data['sites']} sites, {sum(data['blocks'].values())} blocks"


def as_html(result: dict[str, Any]) -> str:
    """The report as one page, plots and all."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Evaluation</title><style>",
        "body { font: 15px/1.45 system-ui, sans-serif; max-width: 70em; margin: 2em auto; color: #222 }",
        "table { border-collapse: collapse; margin-bottom: 2em } th, td { padding: .2em .7em; text-align: left;",
        "border-bottom: 1px solid #ddd; overflow-wrap: anywhere } th { background: #f3f3f3 } svg { margin-right: 2em }",
        f"</style></head><body><h1>{escape(headline(result))}</h1>",
        f"<p>{legend(result['models'])}</p>",
        f"<figure>{f1_plot(result['models'])}{calibration_plot(result['models'])}</figure>",
    ]
    for title, head, rows in tables_of(result):
        cells = "".join(f"<th>{escape(c)}</th>" for c in head)
        body = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
        parts.append(f"<h2>{escape(title)}</h2><table><tr>{cells}</tr>{body}</table>")
    return "\n".join((*parts, "</body></html>", ""))


def legend(models: dict[str, Any]) -> str:
    return " ".join(
        f"<b style='color: {COLOURS[i % len(COLOURS)]}'>■ {escape(name)}</b>" for i, name in enumerate(models)
    )  # fmt: skip


def f1_plot(models: dict[str, Any]) -> str:
    """F1 by label as bars, with their intervals."""
    width, height, left = 440, 260, 40
    groups = [*LABELS, "mean"]
    step = (width - left) / len(groups)
    bar = step * 0.8 / len(models)
    out = [axes(width, height, left, "F1 by label, with 95% intervals")]
    for m, of in enumerate(models.values()):
        for g, label in enumerate(groups):
            told = of["labels"].get(label)
            value = told["f1"] if told else of["macro_f1"]
            low, high = told["interval"] if told else of["macro_f1_interval"]
            x = left + g * step + step * 0.1 + m * bar
            y, top, bottom = (up(v, height) for v in (value, high, low))
            middle = x + bar * 0.45
            out.append(
                f"<rect x='{x:.1f}' y='{y:.1f}' width='{bar * 0.9:.1f}' height='{up(0, height) - y:.1f}' "
                f"fill='{COLOURS[m % len(COLOURS)]}' opacity='.75'><title>{label} {value:.3f}</title></rect>"
                f"<path d='M{middle:.1f} {top:.1f}V{bottom:.1f}' stroke='#222'/>"
            )
    for g, label in enumerate(groups):
        x = left + (g + 0.5) * step
        out.append(f"<text x='{x:.1f}' y='{height - 8}' text-anchor='middle'>{label}</text>")
    return svg(width, height, out)


def calibration_plot(models: dict[str, Any]) -> str:
    """Share of right labels over the probability that they were given with: on the diagonal both are the same."""
    width, height, left = 300, 260, 40
    right = width - left - 10
    out = [
        axes(width, height, left, "Share right by probability"),
        f"<path d='M{left} {up(0, height)}L{left + right} {up(1, height)}' stroke='#999' stroke-dasharray='4'/>",
    ]
    for m, of in enumerate(models.values()):
        points = [f"{left + b['sure'] * right:.1f} {up(b['right'], height):.1f}" for b in of["calibration"]["bins"]]
        if points:
            colour = COLOURS[m % len(COLOURS)]
            out.append(f"<path d='M{'L'.join(points)}' fill='none' stroke='{colour}' stroke-width='2'/>")
    out += [
        f"<text x='{left + v * right:.1f}' y='{height - 8}' text-anchor='middle'>{v:g}</text>" for v in (0, 0.5, 1)
    ]  # fmt: skip
    return svg(width, height, out)


def up(value: float, height: int) -> float:
    """Where a value from 0 to 1 stands in a plot."""
    return height - 25 - value * (height - 55)


def axes(width: int, height: int, left: int, title: str) -> str:
    lines = "".join(
        f"<path d='M{left} {up(v, height):.1f}H{width}' stroke='#ddd'/>"
        f"<text x='{left - 6}' y='{up(v, height) + 4:.1f}' text-anchor='end'>{v:g}</text>"
        for v in (0, 0.25, 0.5, 0.75, 1)
    )
    return f"<text x='{left}' y='14' font-weight='bold'>{title}</text>{lines}"


def svg(width: int, height: int, parts: Sequence[str]) -> str:
    return f"<svg width='{width}' height='{height}' font-size='12' role='img'>{''.join(parts)}</svg>"
