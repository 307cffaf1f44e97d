"""Whatever is granted, in whatever order: never more than the limit, and nothing is refused that fits."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.shared_budget import BASE, Share, grants_for

LIMIT = 1000


def test_what_is_set_aside_is_a_piece_of_what_is_free():
    assert grants_for(10, LIMIT, Share(0), [Share(BASE), Share(1)], 2) == {0: 250}
    held = Share(1, committed=100, granted=400, granted_of=LIMIT)
    assert grants_for(10, LIMIT, Share(0), [Share(BASE), held], 2) == {0: 150}


def test_what_others_have_free_is_taken_back_only_when_it_is_needed():
    full, other = Share(0, 500, 500, LIMIT), Share(1, 100, 500, LIMIT)
    assert grants_for(400, LIMIT, full, [Share(BASE), other], 2) == {0: 900, 1: 100}
    assert grants_for(401, LIMIT, full, [Share(BASE), other], 2) is None
    assert grants_for(1, LIMIT, Share(BASE, 0), [full, other], 1) == {BASE: 1, 1: 100}


def test_a_grant_holds_for_the_limit_that_it_was_made_under():
    share = Share(0, committed=10, granted=100, granted_of=LIMIT)
    assert share.has_room(90, LIMIT)
    assert not share.has_room(91, LIMIT)
    assert not share.has_room(1, LIMIT // 2)


@given(
    limit=st.integers(1, 500),
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 6), st.integers(1, 120), st.integers(0, 100)), max_size=60
    ),
)
def test_the_limit_is_exact_however_many_shares_there_are_from_job_to_job(limit, steps):
    """Each step: a job's number, how many shares there are now, its estimate, and what share of it comes back."""
    shares = {place: Share(place) for place in range(BASE, 6)}
    for job, count, amount, back in steps:
        place = BASE if count == 1 else job % count
        own, total = shares[place], sum(share.committed for share in shares.values())
        if place == BASE or not own.has_room(amount, limit):
            others = [share for share in shares.values() if share.place != place]
            grants = grants_for(amount, limit, own, others, count)
            assert (grants is None) == (total + amount > limit)
            if grants is None:
                continue
            for at, granted in grants.items():
                if at != BASE:
                    shares[at] = Share(at, shares[at].committed, granted, limit)
        own = shares[place]
        shares[place] = Share(place, own.committed + amount - amount * back // 100, own.granted, own.granted_of)
        assert sum(share.committed for share in shares.values()) <= limit
