"""The counters of sessions and apps with labels, for Prometheus.

    from rekindle import metrics

    text = metrics.text({"billing": billing_session, "crm": crm_app})   # the body for GET /metrics

Each counter has one line for each name that you give: `rekindle_logins_required_total{app="billing",..} 3`.
`rekindle_refresh_outcomes_total` counts refreshes by their outcome: `granted`, `adopted` from another process, `failed`,
`login_required` (`invalid_grant` and the like), or `limited`. `examples/prometheus/alerts.yml` has alerts on them.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import _native
from ._app import AppBase
from ._errors import InvalidConfig
from ._session import SessionBase

__all__ = ["text"]


def text(counted: Mapping[str, SessionBase | AppBase], *, labels: Mapping[str, str] | None = None) -> str:
    """The counters of all given sessions and apps in the Prometheus text format; the label `app` is the name that you give.
    `labels`: further labels for every line.

    >>> print(rekindle.metrics.text({"billing": session}).splitlines()[2])
    rekindle_sign_ins_total{app="billing",dialect="oauth2"} 0
    """
    if not isinstance(counted, Mapping) or not all(isinstance(one, (SessionBase, AppBase)) for one in counted.values()):
        raise InvalidConfig("counted must be a mapping of names to sessions and apps")
    more = {str(name): str(value) for name, value in (labels or {}).items()}
    return _native.metrics_text([(str(app), one._native) for app, one in counted.items()], more)
