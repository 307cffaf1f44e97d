"""Times of packets in, numbers out. Ten units a second."""

from itertools import permutations

from pipeline.domain.copy_points import ENTRY_FRAMES, CopyPoints, find_copy_points

DRAWN = [0, 3, 1, 2, 4, 6, 5, 8, 7]  # the docstring's


def test_the_drawn_example():
    assert find_copy_points(DRAWN, [0, 4], 10.0) == CopyPoints((0, 4), (1, 4, 5, 7, 9), 1)


def test_without_reordering_every_picture_is_an_exit():
    assert find_copy_points([5, 6, 7], [0], 10.0) == CopyPoints((0,), (1, 2, 3), 0)


def test_an_intra_picture_that_a_later_packet_is_shown_before_is_no_entry():
    assert find_copy_points([0, 2, 1, 3], [0, 1, 3], 10.0).entry_frames == (0, 3)


def test_all_orders_of_five_packets():
    for times in permutations(range(5)):
        points = find_copy_points(times, range(5), 10.0)
        assert points.exit_frames == tuple(n for n in range(1, 6) if set(times[:n]) == set(range(n)))
        assert points.entry_frames == tuple(n for n in range(5) if times[n] == n and set(times[n:]) == set(range(n, 5)))
        assert points.reorder_frames == max(number - shown for number, shown in enumerate(times))


def test_points_are_kept_near_the_ends_and_one_beyond():
    points = find_copy_points(range(200), range(0, 200, 7), 10.0)
    assert points.entry_frames == (*range(0, 61, 7), 63)
    assert points.exit_frames == tuple(range(138, 201))


def test_no_more_are_kept_at_a_higher_rate():
    points = find_copy_points(range(100_000), range(100_000), 1000.0)
    assert points.entry_frames == tuple(range(ENTRY_FRAMES + 2))
    assert points.exit_frames == tuple(range(100_000 - ENTRY_FRAMES - 1, 100_001))
