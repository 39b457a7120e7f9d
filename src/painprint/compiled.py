"""Kernels: loops that numba compiles when they are first called, and keeps where it can."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from functools import update_wrapper
from threading import Lock
from types import FunctionType
from typing import Any

prange = range
"""``range`` whose turns are shared among threads, in a kernel with ``parallel=True``."""

log = logging.getLogger("painprint")
UNUSABLE_CACHE = (OSError, EOFError, pickle.UnpicklingError)
"""Errors of numba's own cache, whose index is a pickle that may be damaged."""
_ONE_AT_A_TIME = Lock()


class Kernel:
    """A function that numba compiles when it is first called.

    The machine code is kept beside the module, or else in the user's cache (or in
    ``NUMBA_CACHE_DIR``); where none of these can be written, every process compiles it anew. The
    function may call other kernels of its module.

    Parameters
    ----------
    function : function
        Loops over arrays and numbers, in the subset of Python that numba compiles.
    options : dict
        Of ``numba.njit``.
    """

    def __init__(self, function: FunctionType, options: dict[str, Any]) -> None:
        update_wrapper(self, function)
        self._function, self._options = function, options
        self._compiled: Any = None

    def __call__(self, *args: Any) -> Any:
        if self._compiled is None:
            with _ONE_AT_A_TIME:
                if self._compiled is None:
                    self._compiled = self._declare(cache=True)
        try:
            return self._compiled(*args)
        except UNUSABLE_CACHE as error:  # such as a full disk: a kernel itself opens no file
            log.debug("%s is compiled without a cache: %s", self._function.__name__, error)
            self._compiled = self._declare(cache=False)
            return self._compiled(*args)

    def _declare(self, *, cache: bool) -> Any:
        """The function as numba sees it: with numba's own range, and other kernels as its own."""
        import numba

        seen = {
            name: value._declare(cache=cache) if isinstance(value, Kernel) else value
            for name, value in self._function.__globals__.items()
            if name in self._function.__code__.co_names
        }
        if seen.get("prange") is prange:
            seen["prange"] = numba.prange
        code = self._function.__code__
        names = {"__name__": self._function.__module__, **seen}
        function = FunctionType(code, names, self._function.__name__)
        try:
            return numba.njit(function, cache=cache, **self._options)
        except RuntimeError:  # no folder for a cache can be written
            return numba.njit(function, **self._options)


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """Declare a kernel; the options are those of ``numba.njit``."""

    def declare(function: Any) -> Kernel:
        return Kernel(function, options)

    return declare
