from __future__ import annotations

import pickle

import rekindle
from rekindle import _errors, _native


def test_every_kind_of_the_core_has_a_class_of_that_name() -> None:
    assert {one.kind for one in _errors._ALL} == set(_native.KINDS)
    assert all(getattr(rekindle, one.kind) is one for one in _errors._ALL)


def test_all_have_one_root() -> None:
    assert all(issubclass(one, rekindle.RekindleError) for one in _errors._ALL)


def test_errors_cross_processes() -> None:
    for one in _errors._ALL:
        assert str(pickle.loads(pickle.dumps(one("what to do")))) == str(one("what to do"))
        assert "what to do" in str(one("what to do"))
