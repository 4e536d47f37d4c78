from __future__ import annotations

import pickle
from typing import Any

import rekindle
from rekindle import _errors, _native, _native_errors


def test_every_kind_of_the_core_has_a_class_of_that_name() -> None:
    assert {one.kind for one in _errors._ALL} == set(_native.KINDS)
    assert all(getattr(rekindle, one.kind) is one for one in _errors._ALL)


def test_a_kind_that_is_not_known_here_is_one_of_the_machine() -> None:
    facts: dict[str, Any] = {"kind": "Newer", "message": "update rekindle"}
    facts |= {"response": None, "causes": [], "cause": None, "graphql_errors": []}
    assert type(_native_errors.make(facts)) is rekindle.System


def test_all_have_one_root() -> None:
    assert all(issubclass(one, rekindle.RekindleError) for one in _errors._ALL)


def test_errors_cross_processes() -> None:
    for one in _errors._ALL:
        assert str(pickle.loads(pickle.dumps(one("what to do")))) == str(one("what to do"))
        assert "what to do" in str(one("what to do"))
