"""The counters of sessions and apps with labels, for Prometheus.

    from rekindle import metrics

    text = metrics.text({"billing": billing_session, "crm": crm_app})   # what GET /metrics answers

Each counter is there once, with a line for each name that you give: `rekindle_logins_required_total{app="billing",..} 3`.
`rekindle_refresh_outcomes_total` counts the same by what came of a refresh: `granted`, `adopted` from another process,
`failed`, `login_required` (`invalid_grant` and the like), or `limited`. `examples/prometheus/alerts.yml` alerts on them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ._app import AppBase
from ._errors import InvalidConfig
from ._session import SessionBase

__all__ = ["text"]

_OUTCOMES = {
    "granted": "refreshes",
    "adopted": "adoptions",
    "failed": "refresh_failures",
    "login_required": "logins_required",
    "limited": "refresh_limited",
}
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def text(counted: Mapping[str, SessionBase | AppBase], *, labels: Mapping[str, str] | None = None) -> str:
    """The counters of all of them in the Prometheus text format, `app` being the name that you give. `labels`: further ones
    for every line.

    >>> print(rekindle.metrics.text({"billing": session}).splitlines()[2])
    rekindle_sign_ins_total{app="billing",dialect="oauth2"} 0
    """
    if not isinstance(counted, Mapping) or not all(isinstance(one, (SessionBase, AppBase)) for one in counted.values()):
        raise InvalidConfig("counted must be a mapping of names to sessions and apps")
    more = dict(labels or {})
    for name in more:
        if not isinstance(name, str) or not _LABEL.fullmatch(name) or name in ("app", "dialect", "outcome"):
            raise InvalidConfig("labels must have names of letters, digits and _, and not app, dialect or outcome")
    told = [({"app": app, "dialect": one._native.dialect(), **more}, one) for app, one in counted.items()]
    if not told:
        return ""
    lines: list[str] = []
    for family, help in _families(told):
        name = family.removeprefix("rekindle_").removesuffix("_total")
        lines += [f"# HELP {family} {help}", f"# TYPE {family} counter"]
        lines += [f"{family}{_labels(mine)} {one.stats()[name]}" for mine, one in told]
    family = "rekindle_refresh_outcomes_total"
    lines += [f"# HELP {family} Refreshes by what came of them.", f"# TYPE {family} counter"]
    for mine, one in told:
        stats = one.stats()
        lines += [f"{family}{_labels({**mine, 'outcome': outcome})} {stats[name]}" for outcome, name in _OUTCOMES.items()]
    return "".join(line + "\n" for line in lines)


def _families(told: list[tuple[dict[str, str], Any]]) -> list[tuple[str, str]]:
    """Name and help of each counter, in the core's order and words."""
    lines = told[0][1].prometheus().splitlines() if told else []
    helps = (line.split(" ", 3) for line in lines if line.startswith("# HELP "))
    return [(name, help) for _, _, name, help in helps]


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
