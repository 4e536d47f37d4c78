from __future__ import annotations

import rekindle
from rekindle.testing import TestServer


def test_the_fixture_hands_out_a_session_that_refreshes(
    rekindle_server: TestServer, rekindle_session: rekindle.Session
) -> None:
    rekindle_server.expire_all()
    response = rekindle.Client(rekindle_session, base_url=rekindle_server.url).get("/data")
    assert response.status_code == 200
    assert rekindle_server.counters()["refreshes"] == 1
