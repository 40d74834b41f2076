"""The verbs; each imports what it needs when it is called, so that ``--help`` answers at once."""

import os
import sys
from pathlib import Path

import click

from tagflow import __version__
from tagflow.cli.plain_stream import PlainStream
from tagflow.cli.vocabulary import vocabulary
from tagflow.errors import TagflowError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Build a tag vocabulary from content and tag every content with it."""


@cli.command()
def demo() -> None:
    """Tag the shipped recipe videos and show what came out."""
    from tagflow.cli.demo import run_demo

    run_demo()


@cli.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--language", default=None, help="Language code of the contents (default: guessed from the script).")
@click.option(
    "--column", "columns", multiple=True, metavar="FIELD=COLUMN", help="Read a field from a column of another name."
)
def init(name: str, file: Path, language: str | None, columns: tuple[str, ...]) -> None:
    """Make the dataset NAME of the content file FILE (JSONL, CSV, TSV, also .gz, or Parquet)."""
    from tagflow.cli.initialisation import run_init

    run_init(name, file, language, columns)


@cli.command()
@click.argument("name")
@click.option(
    "--select", default=None, metavar="ASSETS", help="Only these assets, e.g. 'tagged_output+' or 'raw_clues'."
)
@click.option("--failed-only", is_flag=True, help="Only ask a language model again where it had no answer.")
def run(name: str, select: str | None, failed_only: bool) -> None:
    """Materialize the assets of the dataset NAME."""
    if failed_only and select:
        raise click.UsageError("One at a time: --select or --failed-only.")
    from tagflow.cli.retries import run_failed
    from tagflow.cli.runs import run_dataset, show_outcome

    if run_failed(name) if failed_only else run_dataset(name, select):
        show_outcome(name)


@cli.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def leaderboard(names: tuple[str, ...], as_json: bool) -> None:
    """Compare the methods over the datasets NAMES, or all that were evaluated; runs nothing."""
    from tagflow.cli.leaderboard import run_leaderboard

    run_leaderboard(names, as_json=as_json)


@cli.command()
@click.argument("name")
@click.option("--select", default=None, metavar="ASSETS", help="Only these assets, as of tagflow run --select.")
@click.option("--failed-only", is_flag=True, help="Only what tagflow run --failed-only would ask again.")
@click.option("--json", "as_json", is_flag=True, help="Print the same facts as one JSON object.")
def plan(name: str, select: str | None, failed_only: bool, as_json: bool) -> None:
    """Say what a run of the dataset NAME would ask a language model and cost; sends nothing."""
    if failed_only and select:
        raise click.UsageError("One at a time: --select or --failed-only.")
    from tagflow.cli.plans import run_plan

    run_plan(name, select, failed=failed_only, as_json=as_json)


@cli.command()
@click.argument("name")
@click.option("--run", default=None, metavar="RUN", help="Only this run, by the beginning of its id.")
@click.option("--egress", is_flag=True, help="Also say what left the machine: where to, of how many records.")
@click.option("--json", "as_json", is_flag=True, help="Print the same facts as one JSON object.")
def costs(name: str, run: str | None, egress: bool, as_json: bool) -> None:
    """Say what the runs of the dataset NAME asked a language model, and what that cost."""
    from tagflow.cli.costs import run_costs

    run_costs(name, run, egress=egress, as_json=as_json)


@cli.command()
@click.argument("name")
@click.argument("text")
def tag(name: str, text: str) -> None:
    """Tag one TEXT with the tag set of the dataset NAME; prints JSON."""
    from tagflow.cli.one_text import run_tag

    run_tag(name, text)


@cli.command()
@click.argument("name")
@click.argument("content_id")
@click.option("--tag", default=None, help="Answer for this tag, assigned or not.")
@click.option("--json", "as_json", is_flag=True, help="Print the same facts as one JSON object.")
def explain(name: str, content_id: str, tag: str | None, as_json: bool) -> None:
    """Say why the content CONTENT_ID of the dataset NAME has its tags, and why not others."""
    from tagflow.cli.explanations import run_explain

    run_explain(name, content_id, tag, as_json=as_json)


@cli.command()
@click.argument("name")
@click.argument("tag", required=False)
@click.option("--search", default=None, metavar="TEXT", help="Only tags with this text in their name or an alias.")
def browse(name: str, tag: str | None, search: str | None) -> None:
    """Show the tag set of the dataset NAME, or all about one TAG of it."""
    from tagflow.cli.browsing import run_browse

    run_browse(name, tag, search)


@cli.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--count", default=50, show_default=True, type=click.IntRange(min=1), help="Cases at most.")
@click.option("--import", "imported", type=click.Path(path_type=Path), help="Take the decisions of this file.")
@click.option("--by", default=None, metavar="WHO", help="Who decided; goes with --import.")
@click.option("--status", is_flag=True, help="Say what was decided so far.")
@click.option("--emerging", is_flag=True, help="Show the tags that contents without a fitting tag suggest.")
@click.option("--accept", default=None, metavar="TAG", help="Put an emerging TAG into the tag set.")
def review(
    name: str,
    file: Path | None,
    count: int,
    imported: Path | None,
    by: str | None,
    status: bool,
    emerging: bool,
    accept: str | None,
) -> None:
    """Write the cases of the dataset NAME that are most worth a decision to FILE (.csv or .jsonl), or show them."""
    verbs = [verb for verb in (file, imported, status, emerging, accept) if verb]
    if len(verbs) > 1 or (by and not imported):
        raise click.UsageError("One at a time: FILE, --import (with --by), --status, --emerging or --accept.")
    if emerging or accept:
        from tagflow.cli.emerging import run_accept, run_emerging

        return run_accept(name, accept) if accept else run_emerging(name)
    from tagflow.cli.review import run_import, run_review, run_status

    if imported:
        return run_import(name, imported, by)
    return run_status(name) if status else run_review(name, file, count)


@cli.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--methods", default=None, metavar="A,B", help="Compare these methods with the one in use.")
@click.option("--ablations", is_flag=True, help="Also measure the method in use without each of its parts.")
def evaluate(names: tuple[str, ...], methods: str | None, ablations: bool) -> None:
    """Measure tagging methods on the held-out contents of the datasets NAMES and print the leaderboards."""
    from tagflow.cli.evaluation import run_evaluate

    run_evaluate(names, methods, ablations=ablations)


@cli.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--count", default=100, show_default=True, type=click.IntRange(min=1), help="Contents at most.")
@click.option("--depth", default=5, show_default=True, type=click.IntRange(min=1), help="Tags of a method a content.")
@click.option("--methods", default=None, metavar="A,B", help="These methods (default: those the report compares).")
@click.option("--draw", default=None, metavar="NAME", help="Name of the draw, which is also its seed (default: first).")
@click.option("--import", "imported", type=click.Path(path_type=Path), help="Take the verdicts of this file.")
@click.option("--by", default=None, metavar="WHO", help="Who judged; goes with --import.")
def judge(
    name: str,
    file: Path | None,
    count: int,
    depth: int,
    methods: str | None,
    draw: str | None,
    imported: Path | None,
    by: str | None,
) -> None:
    """Write a blind sample of all methods' tags of the dataset NAME to FILE for people to judge; or the figures."""
    if (file and imported) or (by and not imported):
        raise click.UsageError("One at a time: FILE or --import (with --by); without either the figures are shown.")
    from tagflow.cli.judging import run_import, run_judge, show_judgement

    if imported:
        return run_import(name, imported, by)
    return run_judge(name, file, count, depth, methods, draw or "first") if file else show_judgement(name, draw)


@cli.command()
@click.argument("name")
@click.argument("artifact")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--origin",
    type=click.Choice(["human", "machine", "both"]),
    default=None,
    help="Of tagged_output: the tags people gave, those tagflow gave, or both with whose each is.",
)
def export(name: str, artifact: str, file: Path, origin: str | None) -> None:
    """Write an ARTIFACT (or ARTIFACT.TABLE) of the dataset NAME to FILE.{jsonl,csv,parquet}."""
    from tagflow.cli.exports import run_export

    run_export(name, artifact, file, origin)


@cli.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def report(name: str, file: Path | None) -> None:
    """Say where the report page of the dataset NAME lies, or copy it to FILE: one HTML page, readable offline."""
    from tagflow.cli.reports import run_report

    run_report(name, file)


@cli.command()
@click.argument("name")
@click.option("--check", is_flag=True, help="Also read every file and compare it with what was published.")
def versions(name: str, check: bool) -> None:
    """Show the kept versions of the dataset NAME: when each was made, its rows, and what changed."""
    from tagflow.cli.versions import run_versions

    run_versions(name, check=check)


@cli.command()
@click.argument("name")
@click.argument("content_ids", nargs=-1, metavar="[CONTENT_ID]...")
def purge(name: str, content_ids: tuple[str, ...]) -> None:
    """Remove every trace of deleted contents of the dataset NAME, or of all of it; what is in its folder stays."""
    from tagflow.cli.purging import run_purge

    run_purge(name, content_ids)


@cli.command()
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1), required=False)
def rollback(name: str, version: int | None) -> None:
    """Make an earlier VERSION of the dataset NAME the current one (default: the last one before it)."""
    from tagflow.cli.versions import run_rollback

    run_rollback(name, version)


@cli.command()
@click.option("--port", default=3000, show_default=True, help="Port of the UI.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--behind-auth-proxy", "proxied", is_flag=True, help="Allow other addresses: a proxy asks who it is.")
@click.option("--name", "names", multiple=True, metavar="HOST", help="Host name under which the proxy shows the UI.")
@click.option("--read-only", is_flag=True, help="Only show: nothing can be started or changed.")
def ui(port: int, host: str, proxied: bool, names: tuple[str, ...], read_only: bool) -> None:
    """Open the Dagster UI on 127.0.0.1."""
    from tagflow.cli.webserver import run_ui

    run_ui(port, host, names, proxied=proxied, read_only=read_only)


cli.add_command(vocabulary)


def main() -> None:
    """Run the command line; an error a person can act on is one sentence and exit code 1."""
    code = 0
    sys.stdout = PlainStream(sys.stdout)
    try:
        cli(standalone_mode=False)
    except TagflowError as error:
        click.echo(f"tagflow: {error}", err=True)
        code = 1
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt) as stop:
        said = str(stop) or str(stop.__cause__ or "") or "stopped; every artifact is as it was before or whole."
        click.echo(f"tagflow: {said}", err=True)
        code = 130
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # DuckDB's bindings print pages about leaks when an interpreter with torch in it shuts down
