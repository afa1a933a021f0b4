"""Which message ids the pages' templates show: read from the templates' syntax trees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from jinja2 import Environment, nodes

from tests.support.catalogue import ID, ROOT, Made

_FILES = (".html", ".css", ".js")
_FOLDERS = ("web/templates", "web/simulator/templates")


@cache
def _trees() -> tuple[tuple[str, nodes.Template], ...]:
    parse = Environment(autoescape=True).parse
    return tuple(
        (str(path.relative_to(ROOT)), parse(path.read_text(encoding="utf-8")))
        for folder in _FOLDERS
        for path in sorted((ROOT / folder).rglob("*.html"))
    )


def constants() -> Iterator[str]:
    """The texts that could be message ids."""
    for _, tree in _trees():
        for node in tree.find_all(nodes.Const):
            text = node.value if isinstance(node.value, str) else ""
            # A stem, a template and a style sheet are no texts.
            if ID.fullmatch(text) and not text.endswith(("_", *_FILES)):
                yield text


def patterns() -> Iterator[re.Pattern[str]]:
    """The ids put together with ~, as patterns of the ids that they make."""
    for _, tree in _trees():
        for node in tree.find_all(nodes.Concat):
            first, *rest = node.nodes
            if isinstance(first, nodes.Const) and re.match(r"[a-z]+\.", str(first.value)):
                parts = [
                    re.escape(one.value) if isinstance(one, nodes.Const) else ".+" for one in rest
                ]
                yield re.compile(re.escape(first.value) + "".join(parts))


def messages() -> Iterator[Made]:
    """The texts shown by t(), with the parameters that they are given."""
    for path, tree in _trees():
        for call in tree.find_all(nodes.Call):
            if not (isinstance(call.node, nodes.Name) and call.node.name == "t" and call.args):
                continue
            params = None if call.dyn_kwargs else frozenset(one.key for one in call.kwargs)
            for id_ in _written(call.args[0]):
                yield Made(f"{path}:{call.lineno}", id_, params)


def _written(node: nodes.Expr) -> tuple[str, ...]:
    if isinstance(node, nodes.Const):
        return (str(node.value),)
    if isinstance(node, nodes.CondExpr):
        otherwise = _written(node.expr2) if node.expr2 is not None else ()
        return (*_written(node.expr1), *otherwise)
    return ()
