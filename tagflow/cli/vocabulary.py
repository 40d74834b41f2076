"""The verbs of ``tagflow vocabulary``; each imports what it needs when it is called."""

from pathlib import Path

import click


class NameFirst(click.Group):
    """A group whose options may also stand behind its name: ``tagflow vocabulary NAME --search TEXT``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name behind the options, where click looks for it."""
        if len(args) > 1 and not args[0].startswith("-") and args[1].startswith("-"):
            args = [*args[1:], args[0]]
        return super().parse_args(ctx, args)


@click.group(cls=NameFirst, invoke_without_command=True, subcommand_metavar="[VERB] ...")
@click.argument("name")
@click.option("--search", default=None, metavar="TEXT", help="Only tags with this text in their name or an alias.")
@click.pass_context
def vocabulary(context: click.Context, name: str, search: str | None) -> None:
    """Look at the tag set of the dataset NAME, and decide about it; without a verb, list its tags.

    Decisions stand in data/NAME/vocabulary.yaml, win over the machine, and take effect with the next run.
    """
    context.obj = name
    if context.invoked_subcommand is None:
        from tagflow.cli.vocabulary_views import run_list

        run_list(name, search)
    elif search is not None:
        raise click.UsageError("--search goes without a verb, or behind log.")


@vocabulary.command()
@click.argument("tag")
@click.pass_obj
def show(name: str, tag: str) -> None:
    """Show one TAG: its aliases and why they are, what was kept apart from it, and what people decided."""
    from tagflow.cli.vocabulary_views import run_show

    run_show(name, tag)


@vocabulary.command()
@click.argument("leader")
@click.argument("aliases", nargs=-1, required=True, metavar="ALIAS...")
@click.pass_obj
def merge(name: str, leader: str, aliases: tuple[str, ...]) -> None:
    """Make every ALIAS mean the tag LEADER."""
    from tagflow.cli.deciding import run_merge

    run_merge(name, leader, aliases)


@vocabulary.command()
@click.argument("tag")
@click.argument("other")
@click.pass_obj
def split(name: str, tag: str, other: str) -> None:
    """Keep TAG and OTHER two tags for good."""
    from tagflow.cli.deciding import run_split

    run_split(name, tag, other)


@vocabulary.command()
@click.argument("old")
@click.argument("new")
@click.pass_obj
def rename(name: str, old: str, new: str) -> None:
    """Call the tag OLD by the name NEW; its id stays, and OLD becomes an alias."""
    from tagflow.cli.deciding import run_rename

    run_rename(name, old, new)


@vocabulary.command()
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@click.pass_obj
def ban(name: str, tags: tuple[str, ...]) -> None:
    """Never use a TAG, nor as an alias."""
    from tagflow.cli.deciding import run_ban

    run_ban(name, tags)


@vocabulary.command()
@click.argument("tag", required=False)
@click.argument("text", required=False)
@click.option("--all", "everything", is_flag=True, help="Let the language model define the tags without a definition.")
@click.option("--most", type=click.IntRange(1), default=100, show_default=True, help="With --all: the commonest only.")
@click.option("--plan", is_flag=True, help="With --all: only say what that would cost.")
@click.pass_obj
def describe(name: str, tag: str | None, text: str | None, everything: bool, most: int, plan: bool) -> None:
    """Give TAG the definition TEXT, or let a language model write definitions (--all)."""
    if everything != (tag is None) or (tag is None) != (text is None) or (plan and not everything):
        raise click.UsageError("Give TAG and TEXT, or --all, with --plan or without.")
    if tag is not None and text is not None:
        from tagflow.cli.deciding import run_describe

        return run_describe(name, tag, text)
    from tagflow.cli.describing import run_describe_all, run_describe_plan

    (run_describe_plan if plan else run_describe_all)(name, most)


@vocabulary.command()
@click.pass_obj
def apply(name: str) -> None:
    """Carry renames and merges over to what is stored, at once: nothing is rebuilt, no tag model is asked."""
    from tagflow.cli.carrying import run_apply

    run_apply(name)


@vocabulary.command()
@click.pass_obj
def undo(name: str) -> None:
    """Take the last decision back that was made here; again for the one before."""
    from tagflow.cli.deciding import run_undo

    run_undo(name)


@vocabulary.command()
@click.option("--search", default=None, metavar="TEXT", help="Only pairs with this text in one of the two names.")
@click.option(
    "--decision", default=None, type=click.Choice(["merged", "refused", "reported"]), help="Only these decisions."
)
@click.pass_obj
def log(name: str, search: str | None, decision: str | None) -> None:
    """List what was merged and what was not, people's decisions first, each with the reason."""
    from tagflow.cli.vocabulary_views import run_log

    run_log(name, search, decision)


@vocabulary.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def diff(name: str, file: Path) -> None:
    """Say what changed since FILE, an earlier 'tagflow export NAME fused_tagset FILE' (.jsonl or .parquet)."""
    from tagflow.cli.vocabulary_views import run_diff

    run_diff(name, file)
