"""The OpenAPI document, made of the table of operations and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

from web.api.operations import Operation
from web.api.schema import NUMBER, Schema
from web.api.shapes import COMPONENTS, ref

KEY: Final[Schema] = {"type": "string", "pattern": "^[!-~]{1,100}$"}
_PATHS: Final[dict[str, Schema]] = {
    "study": {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,31}$"},
    "number": NUMBER,
    "id": {"type": "string", "pattern": "^[0-9]{1,9}$"},
}
_ALWAYS: Final = (401, 429, 503)
_REFUSED: Final = {
    400: "The request is none of this document's.",
    401: "No token, or none that opens anything; or the secret of the signature is wrong.",
    403: "The person's roles do not cover it; the signature is missing, or the person is locked.",
    404: "It does not exist, or the person may not see it.",
    409: "A rule forbids it now; `code` says which.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "An answer is wrong, or the key was used with other answers or by another person.",
    429: "Too many requests, or too many wrong secrets; Retry-After says how long to wait.",
    503: "The database cannot be reached; nothing was recorded.",
}
_ABOUT: Final = (
    "Randomization and drug supply of clinical trials. A token acts as its owner. Answers are "
    "checked by the same questions as on the telephone, and refusals have the same codes."
)


def document(operations: Iterable[Operation], url: str) -> dict[str, Any]:
    """The whole document, OpenAPI 3.1, for an API at `url`."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        found = paths.setdefault(operation.path, {"parameters": _path_parameters(operation.path)})
        found[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "IxRS", "version": version("ixrs"), "description": _ABOUT},
        "servers": [{"url": url}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {name: dict(schema) for name, schema in COMPONENTS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {f"Problem{status}": _problem(status) for status in _REFUSED},
        },
    }


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": dict(_PATHS[name])}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _operation(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "schema": dict(schema)}
        for name, schema in operation.query.items()
    ]
    if operation.keyed:
        parameters.append(
            {"name": "Idempotency-Key", "in": "header", "required": True, "schema": dict(KEY)}
        )
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": parameters,
        "responses": _responses(operation),
    }
    if operation.description:
        made["description"] = operation.description
    if operation.body is not None:
        content = {"application/json": {"schema": operation.body.schema()}}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _responses(operation: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for status, (description, schema) in operation.answers.items():
        made[str(status)] = {"description": description}
        if schema is not None:
            files: dict[str, Any] = {media.partition(";")[0]: {} for media in operation.files}
            made[str(status)]["content"] = {"application/json": {"schema": dict(schema)}, **files}
    if operation.keyed:
        made["200"]["headers"] = {
            "Idempotency-Replayed": {"required": True, "schema": {"type": "string"}}
        }
    for status in sorted({*operation.refusals, *_ALWAYS}):
        made[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return made


def _problem(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": dict(ref("Problem"))}}
    made: dict[str, Any] = {"description": _REFUSED[status], "content": content}
    header: dict[str, Any] = {"required": True, "schema": {"type": "string"}}
    if status == 401:
        made["headers"] = {"WWW-Authenticate": header}
    if status in (429, 503):
        made["headers"] = {"Retry-After": header}
    return made
