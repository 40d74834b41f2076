"""Which assets a person means."""

from functools import reduce
from operator import or_

import dagster as dg

from tagflow.errors import ConfigError


def choose_assets(definitions: dg.Definitions, select: str | None) -> list[dg.AssetKey]:
    """Return the keys of the selected assets of a dataset; all of them for None.

    Args:
        definitions: where the assets are.
        select: parts in Dagster's selection syntax (``tagged_output+``, ``*fused_tagset``), separated by commas.

    Raises:
        ConfigError: the selection is not one, or names nothing.
    """
    graph = definitions.resolve_asset_graph()
    partitioned = [key for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned]
    known = ", ".join(sorted(key.to_user_string() for key in partitioned))
    refusal = ConfigError(f"The selection {select!r} names no asset (assets: {known}).")
    try:
        parts = [dg.AssetSelection.from_string(part.strip()) for part in (select or "*").split(",")]
        chosen = {key for key in reduce(or_, parts).resolve(graph) if graph.get(key).is_partitioned}
    except dg.DagsterError as error:
        raise refusal from error
    if not chosen:
        raise refusal
    return sorted(chosen)
