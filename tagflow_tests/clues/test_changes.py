"""What is new, changed and gone among contents, and which of those gone are remembered."""

from datetime import UTC, datetime

from tagflow.clues.changes import TOMBSTONES, bury_contents, count_changes_of_contents
from tagflow_tests.worlds import raw_clues, said

BEFORE = raw_clues(said("a", title="soup"), said("b", title="stew"), said("c", title="pie"))
NOON, EVENING = datetime(2026, 11, 28, 12, tzinfo=UTC), datetime(2026, 11, 28, 18, tzinfo=UTC)


def test_new_changed_and_gone_contents_are_counted() -> None:
    now = raw_clues(said("a", title="soup"), said("b", title="stews", content_hash="other"), said("d", title="cake"))
    assert count_changes_of_contents(BEFORE, now) == {"new": 1, "changed": 1, "gone": 1}
    assert count_changes_of_contents(BEFORE, BEFORE) == {"new": 0, "changed": 0, "gone": 0}


def test_a_content_that_is_gone_leaves_a_tombstone_until_it_comes_back() -> None:
    first = bury_contents(BEFORE, TOMBSTONES.empty(), BEFORE.head(2), NOON)
    assert first.rows() == [("c", "hash of c", "made.jsonl", "2026-11-28T12:00:00+00:00")]
    second = bury_contents(BEFORE.head(2), first, BEFORE.head(1), EVENING)
    assert second["content_id"].to_list() == ["c", "b"]
    third = bury_contents(BEFORE.head(1), second, BEFORE, EVENING)
    assert third.is_empty()
