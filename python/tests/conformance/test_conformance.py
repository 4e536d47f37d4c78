"""Every case of tests/conformance through both clients, and those of adapters through each; those that must fail prove that the runner looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .run import run
from .stage import Kind
from .through import THROUGH

_SUITE = Path(__file__).parents[3] / "tests" / "conformance"
CASES: list[dict[str, Any]] = json.loads((_SUITE / "cases.json").read_text())["cases"]
MUST_FAIL: list[dict[str, Any]] = json.loads((_SUITE / "must-fail.json").read_text())["cases"]

SKIPPED: dict[str, str] = {}
"""Cases that are not played here, each with the reason."""

_BELOW = "httpx follows redirects below its auth flow: what was redirected is sent again from its beginning"
_OWN = "httpx takes the caller's own headers along, but for Authorization and Cookie"
BEYOND: dict[tuple[str, str], str] = {
    (kind, case): why
    for kind in ("httpx", "httpx-async")
    for case, why in (("only-the-last-hop-is-replayed", _BELOW), ("redirect-to-another-origin-and-back", _OWN))
}
"""Cases that the client of an adapter cannot play, each with the reason. They are played all the same, and must fail."""

_ADAPTED = [case for case in CASES if case.get("adapters")]

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


@pytest.mark.parametrize("kind", list(THROUGH))
@pytest.mark.parametrize("case", _ADAPTED, ids=_ids)
def test_case_through_an_adapter(kind: Kind, case: dict[str, Any], tmp_path: Path) -> None:
    complaints = run(kind, case, tmp_path)
    why = BEYOND.get((kind, case["id"]))
    if why is None:
        assert not complaints, "\n".join(complaints)
    else:
        assert complaints, f"it can be played, though {why}: take it off the list"


@both
@pytest.mark.parametrize("case", MUST_FAIL, ids=_ids)
def test_must_fail(kind: Kind, case: dict[str, Any], tmp_path: Path) -> None:
    complaints = run(kind, case, tmp_path)
    wanted = case["complaint"].replace(" ", "")
    assert any(wanted in complaint.replace(" ", "") for complaint in complaints), complaints


def test_the_skip_list_names_cases_and_reasons() -> None:
    assert set(SKIPPED) <= {case["id"] for case in CASES} and all(SKIPPED.values())
    adapted = {(kind, case["id"]) for kind in THROUGH for case in _ADAPTED}
    assert set(BEYOND) <= adapted and all(BEYOND.values())
