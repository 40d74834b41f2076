"""The facts about a content's tags, as aligned plain text."""

import math
import shlex
from typing import Any

import click

from tagflow.cli.layout import align, count, cut, fill, find_width, pad

Facts = dict[str, Any]

INDENT = 16
WIDE = 0.3  # ours: from this width on, a bin says little about one confidence in it
CLOSE = 0.02  # borders of a bin that two digits would not tell apart
SMALL = 0.005  # a contribution that prints as 0.00

PARTS = {
    "bias": "where every candidate starts",
    "rivals": "the other candidates, of which one at most is right",
    "human": "similar contents that people gave it",
    "human_log": "whether similar contents have it at all",
    "lexical": "contents with its words that people gave it",
    "lexical_log": "whether contents with its words have it at all",
    "term_centroid": "words of the contents that people gave it",
    "keyness": "how often its name, where said, is its tag",
    "named_prior": "a frequent tag whose name is said",
    "learned": "what contents with this tag have in common",
    "learned_log": "whether anything of that is here at all",
    "learned_lead": "its distance from the best candidate",
    "learned_rank": "its rank among the candidates",
    "named_learned": "its name said, and those contents alike",
    "overlap": "rare words of tag and text",
    "mentions": "how often its name is said",
    "centroid": "closeness to the contents that people gave it",
    "prior": "how often people give it",
    "cosine": "closeness of meaning, text to tag",
    "machine": "similar contents it is proposed for",
    "machine_prior": "how often it is proposed",
    "named": "its name stands in the text",
    "headlined": "its name stands in the first line",
}
"""A recall feature in words; an absent name counts against a tag, so both signs occur."""

ABSENT = {
    "named": "its name is not in the text",
    "headlined": "its name is not in the first line",
    "human": "no similar content that people gave it",
    "machine": "no similar content it is proposed for",
    "lexical": "no content with its words that people gave it",
    "overlap": "no rare word of the tag is in the text",
    "mentions": "its name is never said",
    "keyness": "its name is not in the text to be judged by",
    "named_prior": "its name is not said, however frequent",
    "named_learned": "its name is not said, whatever is alike",
}

PATHS = {
    "C2T": "near the tag in meaning",
    "C2C2T": "through similar contents",
    "lexical": "through contents that share its words",
    "name": "by its name",
    "grown": "through tagflow's own earlier tags",
}


def write_facts(facts: Facts) -> list[str]:
    """Return the lines to print."""
    if facts["status"] == "quarantined":
        return [
            fill(f"{facts['content_id']} is no content of {facts['dataset']}: {facts['reason']}.", "", 0),
            *fill(f"The record begins: {cut(facts['raw'], 200)}", "", 2).splitlines(),
        ]
    lines = _write_content(facts)
    if "asked" in facts:
        return [*lines, "", *_write_asked(facts)]
    lines += ["", "Why these tags"] if facts["assigned"] else []
    for number, tag in enumerate(facts["assigned"]):
        lines += [""] * bool(number) + _write_tag(tag, facts)
    return [*lines, *_write_next(facts)]


def _write_content(facts: Facts) -> list[str]:
    first = f'{facts["first_field"]}: "{facts["first_line"]}"' if facts["first_field"] else "no clue"
    rows = {
        "text": cut(first, find_width() - INDENT),
        "status": facts["status"].replace("_", " ") + (f": {facts['reason']}" if facts["reason"] else ""),
        "split": _write_split(facts),
        "tagged by": _write_model(facts),
        "people's tags": _write_people(facts["people"]),
        **({"cut": _write_cuts(facts["shown_in_part"])} if facts["shown_in_part"] else {}),
    }
    notes = [fill(note, "  note", INDENT) for note in facts["notes"]]
    return [
        click.style(facts["content_id"], bold=True),
        *(fill(said, f"  {what}", INDENT) for what, said in rows.items()),
        *notes,
    ]


def _write_cuts(cuts: list[Facts]) -> str:
    """What of the content a language model was not shown, as it did not fit into the question."""
    said = [f"{one['kept']:,} of {one['total']:,} characters of {one['field']} ({one['task']})" for one in cuts]
    return f"the language model was shown {', '.join(said)}: head, middle and tail"


def _write_split(facts: Facts) -> str:
    if facts["held_out"]:
        return "held out: nothing was learned from it"
    return "not held out: the judge learned from it" if facts["people"] and facts["calibrated"] else "not held out"


def _write_people(people: list[Facts]) -> str:
    groups = {
        "assigned": [tag["tag"] for tag in people if tag["assigned"]],
        "not assigned": [tag["tag"] for tag in people if tag["tag_id"] and not tag["assigned"]],
        "not in the tag set": [tag["tag"] for tag in people if not tag["tag_id"]],
    }
    return "; ".join(f"{what}: {', '.join(tags)}" for what, tags in groups.items() if tags) or "none"


def _write_model(facts: Facts) -> str:
    model = facts["model"].split(",")[0]
    if not facts["judged_by_confidence_model"] and facts["calibrated"]:
        return f"{model}: its confidence is what the language model says, calibrated on people's tags"
    if not facts["judged_by_confidence_model"]:
        return f"{model}: its confidence is a score of its own, not calibrated, and has no sum to show"
    if not facts["calibrated"]:
        return f"{model}, uncalibrated: too few annotated contents, so a documented prior model judges"
    return f"{model}, calibrated on people's tags"


def _write_tag(tag: Facts, facts: Facts, *, whole: bool = False) -> list[str]:
    lines = []
    if tag["rank"] is not None:
        people = "given by people too" if tag["given_by_people"] else ""
        said = f"{tag['rank']:>2}. {pad(tag['tag'], 24)} {tag['confidence']:.2f} {tag['band']:<7} {people}".rstrip()
        lines.append(click.style(said, bold=True))
    lines.append(fill(_write_clue(tag), "    clue", INDENT))
    if "judge" not in tag:
        said = f"{tag['evidence'] or 'no candidate'} (whole text to tag: cosine {tag['cosine']:.2f})"
        return [*lines, fill(said, "    reason", INDENT)]
    path = _write_path(tag["path"])
    carry = "carries" if tag["carriers"] == 1 else "carry"
    carried = (
        f"{count(tag['carriers'], 'similar content')} {carry} it" if tag["carriers"] else "no similar content has it"
    )
    votes = "" if tag["votes"] is None else f", votes {tag['votes']:.2f} of 1"
    said = f"{path}; cosine {tag['cosine']:.2f}; {carried}{votes}"
    lines.append(fill(said, "    recall", INDENT))
    lines += _write_neighbours(tag)
    lines += _write_table(tag["judge"]) if whole else [fill(_write_sum(tag["judge"]), "    judge", INDENT)]
    return [*lines, fill(_write_record(tag, facts), "    record", INDENT)]


def _write_path(path: str | None) -> str:
    if path is None:
        return "not recalled"
    ways = path.split("+")
    return f"{', '.join(PATHS[way] for way in ways)} ({', '.join(ways)})"


def _write_clue(tag: Facts) -> str:
    clue = tag["clue"]
    named = any(part["feature"] == "named" and part["value"] for part in tag.get("judge", {}).get("contributions", []))
    if clue is None and named:
        return "its name stands across the border of two fields"
    if clue is None:
        return "neither its name nor an alias stands in the text"
    unseen = "" if clue["seen"] else " (beyond the characters that tagging read: clues.budget)"
    return f"{clue['field']}: {clue['before']}[{clue['said']}]{clue['after']}{unseen}"


def _write_neighbours(tag: Facts) -> list[str]:
    who = {(True, False): "from people", (False, True): "proposed", (True, True): "from people, proposed"}
    rows = [
        [
            near["neighbour"],
            f"{near['cosine']:.2f}",
            who[near["people"], near["proposal"]],
            near["first_line"] or "",
        ]
        for near in tag["neighbours"]
    ]
    more = tag["carriers"] - len(rows)
    lines = align(rows, indent=INDENT)
    return [*lines, " " * INDENT + f"and {more} more"] if more > 0 else lines


def _write_sum(judge: Facts) -> str:
    parts = [part for part in judge["contributions"] if abs(part["contribution"]) >= SMALL]
    said = ", ".join(f"{part['contribution']:+.2f} {_name_part(part)}{_write_size(part)}" for part in parts)
    return f"{said}; sum {judge['logit']:+.2f}, which is {_write_confidence(judge)}"


def _write_confidence(judge: Facts) -> str:
    """The logistic of the sum, and what calibration on unseen contents makes of it."""
    if judge["calibrated"] == judge["logit"]:
        return f"confidence {judge['confidence']:.2f}"
    return f"{judge['raw']:.2f}, calibrated to confidence {judge['confidence']:.2f}"


def _write_table(judge: Facts) -> list[str]:
    rows = [["adds", "because of", "value", "against average", "weight"]]
    for part in filter(lambda part: part["coefficient"], judge["contributions"]):
        bias = part["feature"] in ("bias", "rivals")
        figures = (
            ["", "", ""]
            if bias
            else [_write_value(part), f"{part['standardised']:+.2f} sd", f"{part['coefficient']:+.2f}"]
        )
        rows.append([f"{part['contribution']:+.2f}", _name_part(part), *figures])
    rows.append([f"{judge['logit']:+.2f}", f"the sum, which is {_write_confidence(judge)}", "", "", ""])
    lines = align(rows, indent=INDENT, right=(0, 2, 3), widest=50)
    return [pad("    judge", INDENT) + lines[0][INDENT:], *lines[1:]]


def _write_size(part: Facts) -> str:
    plain = part["feature"] in ("bias", "rivals", "named", "headlined") or not part["value"]
    return "" if plain else f" ({_write_value(part)})"


def _name_part(part: Facts) -> str:
    return ABSENT.get(part["feature"], PARTS[part["feature"]]) if not part["value"] else PARTS[part["feature"]]


def _write_value(part: Facts) -> str:
    if part["feature"] in ("prior", "machine_prior"):  # the logarithm of a share of the contents
        return f"{math.exp(part['value']):.1%}"
    return f"{part['value']:.2f}"


def _write_record(tag: Facts, facts: Facts) -> str:
    if not facts["calibrated"]:
        return "uncalibrated: nobody checked how often such a confidence is right"
    cases = tag["calibration"]
    if cases is None:
        return "uncalibrated: too few annotated contents to check such a confidence"
    right = f"right in {round(100 * cases['precision'])} of 100 such cases"
    digits = 2 if cases["high"] - cases["low"] > CLOSE else 3
    span = f"{cases['low']:.{digits}f}-{cases['high']:.{digits}f}"
    where = f"confidence {span}, mean {cases['mean']:.{digits}f}, bin {cases['bin']} of {cases['bins']}"
    said = f"{right} ({where}, {count(cases['pairs'], 'pair')} judged unseen; right: people gave it)"
    if cases["high"] - cases["low"] > WIDE:
        said += f"; a wide bin, so a rough guide for {tag['judge']['confidence']:.2f}"
    if tag["judge"]["head"] == "unannotated":
        return f"on no other content from people; for known tags, judged as if so, {said}"
    return said


def _write_next(facts: Facts) -> list[str]:
    if not facts["next"]:
        return []
    rows = [[f"{row['rank']}.", row["tag"], f"{row['confidence']:.2f}", row["reason"]] for row in facts["next"]]
    ask = shlex.join(["tagflow", "explain", facts["dataset"], facts["content_id"], "--tag", facts["next"][0]["tag"]])
    return ["", "Why not the next ones", *align(rows, indent=1, right=(0,)), "", f"Why not another one: {ask}"]


def _write_asked(facts: Facts) -> list[str]:
    asked = facts["asked"]
    lines = fill(asked["sentence"] + ".", "", 0).splitlines()
    if asked.get("given_by_people"):
        lines += ["People gave it to this content."]
    if "clue" not in asked:
        return lines
    if asked["outcome"] == "not_recalled" and "judge" in asked:
        lines += fill(f"Recalled, it would have got confidence {asked['judge']['confidence']:.2f}:", "", 0).splitlines()
    return [*lines, *_write_tag(asked, facts, whole=True)]
