"""Coroutines of the user's, on a loop that ends while they are handed over to it."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import Any, cast

import pytest

from rekindle._loops import Loops


class _Ends:
    """A loop that runs, as far as anybody can tell, and takes nothing any more."""

    def __init__(self, raises: bool) -> None:
        self._raises = raises

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return True

    def call_soon_threadsafe(self, *_: Any, **__: Any) -> Any:
        if self._raises:
            raise RuntimeError("Event loop is closed")


@pytest.mark.parametrize("raises", [True, False])
def test_a_coroutine_that_a_loop_no_longer_takes_is_ended(raises: bool) -> None:
    loops, loop = Loops(), cast(asyncio.AbstractEventLoop, _Ends(raises))

    async def load() -> None:
        raise AssertionError("it never begins")

    loops.see(loop)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(RuntimeError, match="closed"):
            loops.run(load())
        gc.collect()
    assert [str(one.message) for one in told if "never awaited" in str(one.message)] == []
