"""Compiles plain integer functions for arrays of 64 bits; their source stays the only one.

A method's step loops over indexed integers and nothing else. The module globals that it calls are
compiled with it, so that production and simulation run the same lines. Nothing is compiled whose
integers might pass 63 bits: such a method runs in CPython, on integers without bound.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, Final, Literal

import numba

from core.randomization.method import Method

INTEGER_RANGE: Final = 2**63
DESIGNS_KEPT: Final = 32

_Inline = Literal["never", "always"]

_made: dict[tuple[FunctionType, _Inline], Any] = {}
_making = threading.RLock()


def is_compilable(method: Method, n: int) -> bool:
    """Whether trials of n subjects fit 64 bits and the step functions stand on their own."""
    steps = [method.shares, method.after, method.respond or method.after]
    return (
        method.bound is not None
        and method.bound(n) < INTEGER_RANGE
        and all(isinstance(step, FunctionType) and step.__closure__ is None for step in steps)
    )


def compiled(function: Callable[..., Any]) -> Any:
    """The function for arrays of 64-bit integers, made once for each source in this process.

    It releases the interpreter's lock while it runs. TypeError for anything but a plain function
    without a closure. numba's own errors come at the first call, for a source it cannot type.
    """
    return _compiled(function, "never")


def compiled_for(function: Callable[..., Any], design: tuple[int, ...]) -> Any:
    """A step function for this one design, whose numbers become constants of the machine code.

    Twice as fast to run as `compiled` and seconds dearer to make: for long runs. The design that
    it is called with is ignored. Errors as for `compiled`.
    """
    with _making:
        return _for_design(function, design)


@lru_cache(maxsize=DESIGNS_KEPT)
def _for_design(function: Callable[..., Any], design: tuple[int, ...]) -> Any:
    inner = _compiled(function, "always")

    def step(_: Any, state: Any, levels: Any, last: Any) -> None:
        inner(design, state, levels, last)

    return numba.njit(nogil=True)(step)


def _compiled(function: Callable[..., Any], inline: _Inline) -> Any:
    if not isinstance(function, FunctionType) or function.__closure__ is not None:
        raise TypeError(f"not a plain function: {function!r}")
    with _making:
        if (function, inline) not in _made:
            made = numba.njit(nogil=True, inline=inline)(_linked(function, inline))
            _made[function, inline] = made
        return _made[function, inline]


def _linked(function: FunctionType, inline: _Inline) -> FunctionType:
    """A copy whose module globals that are plain functions are the compiled ones."""
    known = function.__globals__
    linked = dict(known)
    for name in set(_names(function.__code__)):
        other = known.get(name)
        if isinstance(other, FunctionType) and other is not function:
            linked[name] = _compiled(other, inline)
    copy = FunctionType(function.__code__, linked, function.__name__, function.__defaults__)
    copy.__module__ = function.__module__
    return copy


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
