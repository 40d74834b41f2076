"""The human baseline on the kitchen: hashtags by name, by alias, by the encoder, or not at all."""

from tagflow.taggers import find_obstacle
from tagflow.taggers.hashtags import tag
from tagflow_tests.worlds import kitchen, raw_clues, said

NEW = raw_clues(said("n", title="a day") | {"hashtags": ["Broth", "stew", "gossip"]}, said("m", title="a night"))


def test_a_hashtag_is_a_tag_by_alias_or_by_cosine() -> None:
    """Broth is an alias of soup; stew (0.8, 0.6) is nearest to soup at 0.8; gossip lies near nothing."""
    (row,) = tag(NEW, kitchen(NEW)).to_dicts()
    assert (row["content_id"], row["tag"], row["confidence"]) == ("n", "soup", 1.0)
    assert row["evidence"] == 'its own hashtag "Broth" is its name or alias'


def test_the_least_cosine_is_a_setting() -> None:
    near = raw_clues(said("n", title="a day") | {"hashtags": ["stew"]})
    (row,) = tag(near, kitchen(near), match=0.7).to_dicts()
    assert (row["tag"], round(row["confidence"], 6)) == ("soup", 0.8)
    assert row["evidence"] == 'its own hashtag "stew" lies near it: cosine 0.8'
    assert tag(near, kitchen(near), match=0.9).is_empty()


def test_without_hashtags_it_is_not_run_and_says_why() -> None:
    assert find_obstacle("hashtags", NEW, kitchen(NEW)) is None
    assert "no content has hashtags" in str(find_obstacle("hashtags", NEW[1:], kitchen(NEW)))
