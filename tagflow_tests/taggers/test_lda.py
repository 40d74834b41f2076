"""LDA on two subjects that share no word: the topics are the subjects, and the tags follow."""

import pytest

from tagflow.taggers import lda
from tagflow.taggers.lda import tag
from tagflow_tests.worlds import kitchen, raw_clues, said

COOKING, ROAMING = "broth onions carrots ladle simmer", "train harbour luggage ticket island"
KNOWN = raw_clues(
    *(said(f"c{number}", title=COOKING, labels=["soup", "vegan"] if number < 2 else ["soup"]) for number in range(6)),
    *(said(f"r{number}", title=ROAMING, labels=["travel"]) for number in range(6)),
)
NEW = raw_clues(said("n", title=COOKING), said("m", title=ROAMING), said("short", title="broth"))
WORLD = kitchen(NEW, more=KNOWN)


@pytest.mark.parametrize("together", [lda.SCORES, 1])
def test_the_tags_of_a_topic_share_its_probability_by_use(together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five words of one subject, with a prior of 1/2 a topic, put h = (5 + 1/2) / (5 + 1) of a content into its topic.

    Six cooking contents have the tag soup, two of them vegan, six others travel: h of each counts here, 1 - h there.
    The kitchen's own contents say words that no other says, so they are of no topic. It is the same however many
    scores are held together.
    """
    monkeypatch.setattr(lda, "SCORES", together)
    scored = tag(NEW, WORLD, topics=2, passes=50)
    found = {(row["content_id"], row["tag"]): row["confidence"] for row in scored.to_dicts()}
    h = 5.5 / 6
    uses = {"soup": (6 * h, 6 * (1 - h)), "vegan": (2 * h, 2 * (1 - h)), "travel": (6 * (1 - h), 6 * h)}
    all_here, all_there = (sum(side) for side in zip(*uses.values(), strict=True))
    for name, (here, there) in uses.items():
        assert found["n", name] == pytest.approx(h * here / all_here + (1 - h) * there / all_there, abs=3e-3)
        assert found["m", name] == pytest.approx((1 - h) * here / all_here + h * there / all_there, abs=3e-3)


def test_a_content_of_few_words_has_no_topic_and_so_no_tag() -> None:
    assert "short" not in tag(NEW, WORLD, topics=2)["content_id"]
    assert "short" in tag(NEW, WORLD, topics=2, min_words=1)["content_id"]


def test_it_says_when_not_all_contents_are_read() -> None:
    lines: list[str] = []
    tag(NEW, kitchen(NEW, more=KNOWN, say=lines.append), topics=2, most_contents=10)
    assert lines == ["lda: topics are fitted on 10 of 15 contents"]


def test_the_number_of_topics_is_the_one_that_makes_tags_held_back_likeliest(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one topic the first cooking content's tags have their shares of all; with two, those of its own subject."""
    monkeypatch.setattr(lda, "TRIED", (1, 2))
    lines: list[str] = []
    chosen = tag(NEW, kitchen(NEW, more=KNOWN, say=lines.append), topics="fitted", passes=50)
    assert lines == ["lda: 2 topics, as contents held back suggest; tried 1, 2"]
    assert chosen.equals(tag(NEW, WORLD, topics=2, passes=50))


def test_of_numbers_of_topics_that_are_as_good_the_fewest_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """No annotated content here says a word that another says, so that no topic has a tag under any number."""
    monkeypatch.setattr(lda, "TRIED", (1, 2))
    alone = raw_clues(*(said(f"n{number}", title=COOKING) for number in range(4)))
    lines: list[str] = []
    tag(NEW, kitchen(NEW, more=alone, say=lines.append), topics="fitted")
    assert lines == ["lda: 1 topics, as contents held back suggest; tried 1, 2"]
