"""Which of a user's sessions end, and with them their kernels."""

from imgurer_kernel.apps.server.account import EVERYWHERE, sessions_ended
from imgurer_kernel.store.session_cookies import LoginSession
from imgurer_kernel.store.sessions import session_id

HERE, THERE = LoginSession("ann", "5f1d", "1"), LoginSession("ann", "5f1d", "2")
OF_BEN = LoginSession("ben", "5f1d", "3")
OWNERS = [HERE, None, THERE, OF_BEN, HERE]


def test_one_session_ends_and_nobody_elses_ever():
    assert sessions_ended(OWNERS, "ann", session_id(THERE)) == {THERE}
    assert sessions_ended(OWNERS, "ann", EVERYWHERE) == {HERE, THERE}
    assert sessions_ended(OWNERS, "ann", session_id(OF_BEN)) == set()
    assert sessions_ended(OWNERS, "cleo", EVERYWHERE) == set()
