"""Every case of tests/conformance through both clients; those that must fail prove that the runner looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .run import run
from .stage import Kind

_SUITE = Path(__file__).parents[3] / "tests" / "conformance"
CASES: list[dict[str, Any]] = json.loads((_SUITE / "cases.json").read_text())["cases"]
MUST_FAIL: list[dict[str, Any]] = json.loads((_SUITE / "must-fail.json").read_text())["cases"]

SKIPPED: dict[str, str] = {}
"""Cases that are not played here, each with the reason."""

both = pytest.mark.parametrize("kind", ["Client", "AsyncClient"])


def _ids(case: dict[str, Any]) -> str:
    return str(case["id"])


@both
@pytest.mark.parametrize("case", CASES, ids=_ids)
def test_case(kind: Kind, case: dict[str, Any], tmp_path: Path) -> None:
    if case["id"] in SKIPPED:
        pytest.skip(SKIPPED[case["id"]])
    complaints = run(kind, case, tmp_path)
    assert not complaints, "\n".join(complaints)


@both
@pytest.mark.parametrize("case", MUST_FAIL, ids=_ids)
def test_must_fail(kind: Kind, case: dict[str, Any], tmp_path: Path) -> None:
    complaints = run(kind, case, tmp_path)
    wanted = case["complaint"].replace(" ", "")
    assert any(wanted in complaint.replace(" ", "") for complaint in complaints), complaints


def test_the_skip_list_names_cases_and_reasons() -> None:
    assert set(SKIPPED) <= {case["id"] for case in CASES} and all(SKIPPED.values())
