"""Artifacts in and out of the DuckDB store, so that an asset's signature lists just what it needs."""

from typing import Any

import dagster as dg
import polars as pl

from tagflow.pipeline.resources import Workbench
from tagflow.tables import Tables


class ArtifactIOManager(dg.ConfigurableIOManager):
    """Stores an asset's tables as one artifact of its partition's dataset.

    An input annotated ``pl.DataFrame`` gets the main table, one annotated ``Tables`` gets all.
    """

    workbench: dg.ResourceDependency[Workbench]

    def handle_output(self, context: dg.OutputContext, obj: Tables) -> None:
        """Stage the artifact; the last one of the run publishes all that it made, as one version of the dataset.

        Vectors do not compress, so a file with them is written as it is. The tables are taken over: ``obj`` is empty
        once they are stored, because a run in this process keeps every output to its end, and all artifacts together
        may not fit into the memory.
        """
        vectors = any(isinstance(dtype, pl.Array) for frame in obj.values() for dtype in frame.dtypes)
        store = self.workbench.store_for(context)
        store.write(context.partition_key, context.asset_key.path[-1], obj, uncompressed=vectors)
        obj.clear()
        run = self.workbench.run_for(context)
        if run is not None and (version := run.publish_if_complete()):
            context.add_output_metadata({"version": version.number})

    def load_input(self, context: dg.InputContext) -> Any:  # noqa: ANN401 - the annotation of the input decides
        """Read the main table or all tables."""
        store, artifact = self.workbench.store_for(context), context.asset_key.path[-1]
        if context.dagster_type.typing_type is pl.DataFrame:
            return store.read(context.partition_key, artifact)
        return store.read_all(context.partition_key, artifact)
