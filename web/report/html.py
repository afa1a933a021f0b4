"""The report as one HTML file that needs nothing else: no script, no file, no address to load."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from core.randomization.report.model import Plot, Report
from web.report.plots import WIDTH, Box, Shape, Stroke, drawn


def html(report: Report) -> str:
    """The page."""
    return _environment().get_template("report.html").render(report=report)


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("web.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(svg=svg)
    found.tests["kind"] = _is_kind
    return found


def _is_kind(block: Any, name: str) -> bool:
    return type(block).__name__ == name


def svg(plot: Plot) -> Markup:
    """The plot as an SVG element; the table beside it says the same in numbers."""
    drawing = drawn(plot)
    head = Markup(
        '<svg viewBox="0 0 {wide:g} {high:g}" role="img" aria-label="{title}" font-size="11">'
    ).format(wide=WIDTH, high=drawing.height, title=plot.title)
    return head + Markup("").join(_element(shape) for shape in drawing.shapes) + Markup("</svg>")


def _element(shape: Shape) -> Markup:
    if isinstance(shape, Stroke):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        dash = " ".join(f"{one:g}" for one in shape.dash)
        return Markup(
            '<polyline points="{}" fill="none" stroke="{}" stroke-width="{:g}"{}/>'
        ).format(
            points,
            shape.colour,
            shape.width,
            Markup(' stroke-dasharray="{}"').format(dash) if dash else "",
        )
    if isinstance(shape, Box):
        return Markup(
            '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>'
        ).format(shape.x, shape.y, shape.width, shape.height, shape.colour)
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="{}">{}</text>').format(
        shape.x, shape.y, shape.anchor, shape.colour, escape(shape.text)
    )
