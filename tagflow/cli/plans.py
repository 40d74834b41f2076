"""Says what the next run of a dataset would ask a language model and what that would cost; sends nothing."""

import json
from typing import Any

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.deployment import Deployment
from tagflow.cli.layout import align, count, fill
from tagflow.errors import ArtifactError

PLAIN = "{name}: its brain is embedded, so a run asks no language model and nothing is paid."
VERDICTS = {"yes": "fits", "likely": "fits as expected, not at most", "no": "does not fit"}


def run_plan(name: str, select: str | None = None, *, failed: bool = False, as_json: bool = False) -> None:
    """Print the plan of the dataset's next run.

    Args:
        name: of the dataset.
        select: assets of the run in Dagster's selection syntax; None is all.
        failed: whether the run only asks again where there was no answer.
        as_json: print the facts as one JSON object.

    Raises:
        ConfigError: no such dataset, no endpoint for its brain, or the selection is not one.
        ArtifactError: what failed is asked for, and nothing was run yet.
    """
    from tagflow.pipeline.planning import plan_run
    from tagflow.pipeline.resources import Workbench

    workbench = Workbench(data=str(find_data()), progress="log" if as_json else "terminal")
    dataset = workbench.open(name, lambda line: None, remember=False)
    chosen = _choose(name, select, failed=failed)
    plan = plan_run(dataset, failed=failed) if chosen is None else plan_run(dataset, chosen, failed=failed)
    if plan is None or dataset.desk is None:
        facts: dict[str, Any] = {"dataset": name, "brain": "embedded", "paid": False, "lines": []} | _look(dataset)
        said = [PLAIN.format(name=name), *(fill(note, "  ", 2) for note in _tell_stale(facts))]
        return click.echo(json.dumps(facts, indent=2) if as_json else "\n".join(said))
    facts = _gather(name, plan, dataset.desk.deployment) | {"assets": chosen, "failed_only": failed}
    click.echo(json.dumps(facts, ensure_ascii=False, indent=2) if as_json else "\n".join(_write(facts)))


def _look(dataset: Any) -> dict[str, Any]:  # noqa: ANN401 - a Dataset, imported late
    """How many contents an embedded brain would judge anew, and why."""
    from tagflow.pipeline.upcoming import look_for_stale

    try:
        noted = look_for_stale(dataset)
    except ArtifactError as error:  # nothing stands: a run makes it anew
        return {"contents_to_tag_anew": None, "because": {str(error): None}, "contents_that_stand": 0}
    stale, standing = (noted.reasons, noted.standing) if noted else ({}, 0)
    return {"contents_to_tag_anew": sum(stale.values()), "because": stale, "contents_that_stand": standing}


def _choose(name: str, select: str | None, *, failed: bool) -> list[str] | None:
    """The run's assets; None is all."""
    if failed:
        from tagflow.cli.retries import find_asked_again

        return find_asked_again(name)
    if select is None:
        return None
    from tagflow.cli.runs import hush_dagster

    hush_dagster()
    from tagflow.pipeline.definitions import build_definitions
    from tagflow.pipeline.resources import Workbench
    from tagflow.pipeline.selection import choose_assets

    return [key.path[-1] for key in choose_assets(build_definitions(Workbench(data=str(find_data()))), select)]


def _gather(name: str, plan: Any, deployment: Deployment) -> dict[str, Any]:  # noqa: ANN401 - a Plan, imported late
    from tagflow.pipeline.estimates import CHOSEN, compare

    numbers = plan.lines.select(pl.exclude("asset", "task", "exact")).sum().row(0, named=True)
    price, history = deployment.price, plan.history
    return {
        "dataset": name,
        "brain": "llm",
        "paid": bool(numbers["calls_most"]),
        "model": deployment.model,
        "host": deployment.host,
        "currency": price.currency if price else None,
        "lines": plan.lines.to_dicts(),
        "total": numbers if price else numbers | {"money": None, "money_most": None},
        "probed": plan.probed,
        "tag_set_at_hand": plan.built,
        "tag_set_stands": plan.steady,
        "contents_to_tag_anew": sum(plan.stale.values()),
        "because": plan.stale,
        "contents_that_stand": plan.standing,
        "chosen": history.chosen if history.chosen is not None else CHOSEN,
        "chosen_from": "earlier runs" if history.chosen is not None else "tagflow",
        "budget": [{**vars(fit), "verdict": fit.verdict} for fit in compare(plan.lines, deployment.budget)],
    }


def _write(facts: dict[str, Any]) -> list[str]:
    part = f" of {', '.join(facts['assets'])}" if facts["assets"] else ""
    part = " with --failed-only" if facts["failed_only"] else part
    head = (
        f"{facts['dataset']}: what the next run{part} would ask {facts['model']} at {facts['host']}. Nothing was sent."
    )
    table = _tabulate(facts["lines"], facts["total"], facts["currency"])
    notes = [*_tell_stale(facts), *_explain(facts), *_weigh(facts)]
    return [head, *table, *(fill(note, "  ", 2) for note in notes)]


def write_lines(lines: pl.DataFrame, currency: str | None) -> list[str]:
    """Return a plan's lines (``PLAN``) and their sum as a table."""
    total = lines.select(pl.exclude("asset", "task", "exact")).sum().row(0, named=True)
    return _tabulate(lines.to_dicts(), total, currency)


def _tabulate(lines: list[dict[str, Any]], sums: dict[str, Any], currency: str | None) -> list[str]:
    titles = ["", "", "kept", "calls", "requests", "tokens", currency or "money"]
    rows = [[line["asset"], line["task"], *_show(line, currency)] for line in lines]
    total = ["together", "", *_show(sums, currency)]
    cells = [[*row, ""] for row in ([titles, *rows, total] if rows else [])]
    return align(cells, indent=2, right=range(2, len(titles)))


def _tell_stale(facts: dict[str, Any]) -> list[str]:
    """How many contents are tagged anew and why; nothing where no tag set is at hand to tell by."""
    anew, stand = facts["contents_to_tag_anew"], facts["contents_that_stand"]
    if anew is None:
        return [f"Contents tagged anew: all. {' '.join(facts['because'])}"]
    if not anew + stand:
        return []
    why = ", ".join(f"{reason}: {number:,}" for reason, number in facts["because"].items())
    return [f"Contents tagged anew: {anew:,} of {anew + stand:,}{f' ({why})' if why else ''}."]


def _show(line: dict[str, Any], currency: str | None) -> list[str]:
    tokens = [line[f"prompt_tokens{end}"] + line[f"completion_tokens{end}"] for end in ("", "_most")]
    counts = [_range(line[name], line[f"{name}_most"]) for name in ("calls", "requests")]
    money = "-" if currency is None else _range(line["money"], line["money_most"], ".4f")
    return [f"{line['kept']:,}", *counts, _range(*tokens), money]


def _range(expected: float, most: float, form: str = ",") -> str:
    said, top = format(expected, form), format(most, form)
    return said if said == top else f"{said} to {top}"


def _explain(facts: dict[str, Any]) -> list[str]:
    if not facts["paid"]:
        return ["Every answer is there already: the run asks nothing and costs nothing."]
    notes = ["kept: answers of the journal, for nothing. Two numbers are what is expected and what it is at most."]
    if any(line["task"] == "judge" and not line["exact"] for line in facts["lines"]):
        source = {"earlier runs": "the average of its earlier runs", "tagflow": "tagflow's own guess, before a run"}
        notes.append(
            f"A tag is judged if it was selected: {facts['chosen']:.1f} of a content are expected "
            f"({source[facts['chosen_from']]}), at most all candidates."
        )
    if not facts["tag_set_at_hand"]:
        notes.append("There is no tag set yet, so selection is counted as one call a content, with tags as stand-ins.")
    elif not facts["tag_set_stands"]:
        notes.append(
            "Selection is counted with the tag set as it stands; where new contents and proposals change it, contents "
            "are asked about again, at most all of them."
        )
    if not facts["probed"]:
        notes.append(
            "What the endpoint can do is not known yet: without log-probabilities a tag is judged by five answers, and "
            "where several answers at once are not given each is a request."
        )
    notes.append(
        "Tokens are estimates, of answers at most as long as they may be. Not in it: requests repeated after faults, "
        "and second questions where an answer cannot be read."
    )
    if facts["currency"] is None:
        notes.append("Set TAGFLOW_LLM_PRICE to see money.")
    return notes


def _weigh(facts: dict[str, Any]) -> list[str]:
    if not facts["budget"]:
        return ["Budget: none; TAGFLOW_LLM_BUDGET sets one."] if facts["paid"] else []
    said = [f"{_limit(fit)}: {VERDICTS[fit['verdict']]}" for fit in facts["budget"]]
    short = any(fit["verdict"] != "yes" for fit in facts["budget"])
    rest = " What it does not cover waits; tagflow run {} --failed-only asks for it later.".format(facts["dataset"])
    return [f"Budget: {'; '.join(said)}.{rest if short else ''}"]


def _limit(fit: dict[str, Any]) -> str:
    unit = fit["limit"]
    if unit in ("requests", "tokens"):
        return count(int(fit["budget"]), unit.removesuffix("s"))
    return f"{fit['budget']:.2f} {unit}"
