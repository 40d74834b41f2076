"""The asset that reads contents: from files, a database, or assets of the deployment that tagflow is mounted in."""

from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from tagflow.adapters.content_folder import look_at_dataset
from tagflow.adapters.content_sources import read_source
from tagflow.clues.changes import bury_contents, count_changes_of_contents
from tagflow.clues.conversion import convert_contents
from tagflow.confidence.ranking import check_conservation
from tagflow.errors import ConfigError
from tagflow.pipeline.pages import Result, describe_asset, make_result
from tagflow.pipeline.resources import Workbench
from tagflow.schemas import RAW_CLUES

WORKBENCH = "workbench"


def make_raw_clues(upstream: Mapping[str, str]) -> dg.AssetsDefinition:
    """Return the asset ``raw_clues``.

    Args:
        upstream: keys of assets that datasets may name as their source, and the IO manager's resource key of each.
    """

    @dg.asset(
        **describe_asset("raw_clues", "tag_set"),
        deps=[dg.AssetKey.from_user_string(key) for key in upstream],
        required_resource_keys={WORKBENCH, *upstream.values()},  # Dagster allows no mixture with typed parameters
    )
    def raw_clues(context: dg.AssetExecutionContext) -> Result:
        workbench: Workbench = getattr(context.resources, WORKBENCH)
        dataset = workbench.open_for(context)
        files = look_at_dataset(dataset.folder)  # before they are read: what changes from now on is seen as a change
        read = read_source(dataset.folder, dataset.settings, lambda key: _load_upstream(context, key, upstream))
        clues = convert_contents(read.contents, dataset.settings)
        check_conservation(read.records, clues, read.quarantine)
        previous = dataset.read_previous(RAW_CLUES)
        tables = {
            "raw_clues": clues,
            "quarantine": read.quarantine,
            "source_files": files.files,
            "tombstones": bury_contents(previous["raw_clues"], previous["tombstones"], clues, datetime.now(UTC)),
        }
        return make_result(
            context,
            dataset,
            tables,
            files=len(files.files),
            **count_changes_of_contents(previous["raw_clues"], clues),
            tombstones=len(tables["tombstones"]),
            records=read.records,
            quarantined=len(read.quarantine),
            labelled=clues.filter(pl.col("labels").list.len() > 0).height,
            held_out=clues.filter(pl.col("split") == "test").height,
            shortened=clues.filter(pl.col("cuts").list.len() > 0).height,
        )

    made: dg.AssetsDefinition = raw_clues
    return made


def _load_upstream(context: dg.AssetExecutionContext, key: str, upstream: Mapping[str, str]) -> object:
    """The dataset that names the asset loads it, and no other: an input would be loaded for every dataset."""
    if key not in upstream:
        raise ConfigError(
            f"{context.partition_key}: source.asset {key} is not among the upstream assets that build_defs was given "
            f"({', '.join(upstream) or 'none'}); add it there, with the resource key of its IO manager."
        )
    asset = dg.AssetKey.from_user_string(key)
    manager: dg.IOManager = getattr(context.resources, upstream[key])
    with dg.build_input_context(
        asset_key=asset, instance=context.instance, upstream_output=dg.build_output_context(asset_key=asset)
    ) as asked:
        return manager.load_input(asked)
