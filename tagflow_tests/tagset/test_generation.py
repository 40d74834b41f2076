"""Who still has to propose, and how new proposals stand beside the known ones."""

from tagflow.schemas import CANDIDATE_TAGS
from tagflow.tables import Tables, check_tables
from tagflow.tagset.generation import find_unproposed, merge_proposals, no_proposals
from tagflow_tests.frames import make_raw_clues, make_table

Proposal = tuple[str, str, int, float]


def proposals(*rows: Proposal):
    """Return proposals (content, tag, votes, score)."""
    names = ("content_id", "tag", "votes", "score")
    return make_table("candidate_tags", [dict(zip(names, row, strict=True)) for row in rows])


def known(*accounts: tuple[str, str, str], tags: tuple[Proposal, ...] = ()) -> Tables:
    """Return the artifact as it stands: who proposed (content, hash, proposer) and what."""
    names = ("content_id", "content_hash", "proposer")
    rows = [{**dict(zip(names, account, strict=True)), "proposals": 0} for account in accounts]
    return {
        "candidate_tags": proposals(*tags),
        "proposed_contents": make_table("candidate_tags", rows, "proposed_contents"),
    }


def clues(*contents: tuple[str, str], **more: object):
    """Return raw clues of contents (id, hash)."""
    return make_raw_clues(*({"content_id": name, "content_hash": said, **more} for name, said in contents))


def asked(raw, stand: Tables, proposer: str = "p") -> list[str]:
    """Return the ids of those that must propose."""
    return find_unproposed(raw, stand, proposer)["content_id"].to_list()


def test_the_first_time_everybody_with_text_outside_the_test_split_is_asked():
    raw = make_raw_clues(
        {"content_id": "b"},
        {"content_id": "test", "split": "test", "labels": ["x"]},
        {"content_id": "blank", "text": ""},
        {"content_id": "marks", "text": "?!"},
        {"content_id": "a", "text": "7"},
    )
    assert asked(raw, no_proposals()) == ["b", "a"]


def test_only_the_new_and_the_changed_are_asked_again():
    stand = known(("same", "h1", "p"), ("changed", "h1", "p"), ("gone", "h1", "p"))
    assert asked(clues(("new", "h9"), ("same", "h1"), ("changed", "h2")), stand) == ["new", "changed"]


def test_another_proposer_asks_everybody_anew():
    stand = known(("a", "h", "p"), ("b", "h", "q"))
    raw = clues(("a", "h"), ("b", "h"))
    assert asked(raw, stand, "p") == ["b"]
    assert asked(raw, stand, "r") == ["a", "b"]


def test_a_content_that_proposed_nothing_is_not_asked_again():
    raw = clues(("a", "h"))
    tables = merge_proposals(raw, no_proposals(), raw, proposals(), "p")
    assert tables["proposed_contents"].rows() == [("a", "h", "p", 0)]
    assert asked(raw, tables) == []


def test_old_proposals_stay_new_ones_replace_and_gone_contents_leave():
    stand = known(
        ("old", "h", "p"), ("changed", "h1", "p"), ("gone", "h", "p"),
        tags=(("old", "soup", 1, 0.5), ("changed", "soup", 1, 0.9), ("gone", "soup", 1, 0.5)),
    )  # fmt: skip
    raw = clues(("changed", "h2"), ("old", "h"))
    new = proposals(("changed", "stew", 1, 0.1), ("changed", "broth", 1, 0.7))
    tables = check_tables(CANDIDATE_TAGS, merge_proposals(raw, stand, raw[:1], new, "p"))
    assert tables["candidate_tags"].rows() == [
        ("changed", "broth", 1, 0.7),
        ("changed", "stew", 1, 0.1),
        ("old", "soup", 1, 0.5),
    ]
    assert tables["proposed_contents"].rows() == [("changed", "h2", "p", 2), ("old", "h", "p", 0)]


def test_a_content_that_moved_to_the_test_split_or_lost_its_text_takes_its_proposals_along():
    stand = known(
        ("held", "h", "p"), ("blank", "h", "p"), tags=(("held", "soup", 1, 0.5), ("blank", "soup", 1, 0.5))
    )  # fmt: skip
    raw = make_raw_clues({"content_id": "held", "split": "test"}, {"content_id": "blank", "text": ""})
    tables = merge_proposals(raw, stand, raw[:0], proposals(), "p")
    assert tables["candidate_tags"].is_empty()
    assert tables["proposed_contents"].is_empty()


def test_a_tag_proposed_twice_keeps_its_votes_and_best_score():
    raw = clues(("a", "h"))
    tables = merge_proposals(raw, no_proposals(), raw, proposals(("a", "x", 2, 0.1), ("a", "x", 1, 0.9)), "p")
    assert tables["candidate_tags"].rows() == [("a", "x", 3, 0.9)]
    assert tables["proposed_contents"]["proposals"].to_list() == [1]


def test_an_increment_equals_a_rebuild():
    first, both = clues(("a", "h")), clues(("a", "h"), ("b", "h"))
    tags = proposals(("a", "x", 1, 0.5), ("b", "x", 1, 0.5))
    step = merge_proposals(first, no_proposals(), first, tags[:1], "p")
    step = merge_proposals(both, step, find_unproposed(both, step, "p"), tags[1:], "p")
    whole = merge_proposals(both, no_proposals(), both, tags, "p")
    assert all(step[name].equals(whole[name]) for name in whole)
