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


def test_a_lowered_limit_takes_back_what_was_set_aside_under_the_higher_one():
    own, other = Share(0, 1, 250, LIMIT), Share(1, 0, 10, LIMIT)
    assert grants_for(1, 50, own, [Share(BASE), other], 2) == {0: 50, 1: 0}
    assert grants_for(1, 50, own, [Share(BASE)], 2) == {0: 50}


def test_what_was_set_aside_under_a_limit_does_not_count_again_when_that_limit_comes_back():
    under_first = [Share(BASE), Share(0, 50, 50, 100), Share(1, 0, 50, 100), Share(2, -5, 0, 100)]
    grants = grants_for(300, 1000, Share(3), under_first, 4)
    assert grants == {0: 50, 1: 0, 2: -5, 3: 300}
    assert not Share(1, 0, grants[1], 1000).has_room(1, 100)


@given(
    limits=st.lists(st.sampled_from([50, 100, 500]), min_size=1, max_size=4),
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 6), st.integers(1, 120), st.integers(0, 100), st.integers(0, 5)),
        max_size=60,
    ),
)
def test_the_limit_is_exact_however_many_shares_there_are_from_job_to_job(limits, steps):
    """Each step: a job's number, how many shares there are now, its estimate, what share of it comes back, and where:
    it may have been admitted under another number of shares. Once in a while the limit is another one, too.
    """
    shares = {place: Share(place) for place in range(BASE, 6)}
    for number, (job, count, amount, back, settled) in enumerate(steps):
        limit = limits[number * len(limits) // len(steps)]
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
        for at, more in ((place, amount), (BASE if settled == 0 else settled, -amount * back // 100)):
            own = shares[at]
            shares[at] = Share(at, own.committed + more, own.granted, own.granted_of)
        assert total + amount <= limit
