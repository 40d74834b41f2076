"""The check that no held-out content had a part in anything fitted: it passes, and it can fail."""

import dagster as dg
import polars as pl

from tagflow.pipeline.checks import held_out_untouched
from tagflow.pipeline.resources import Workbench
from tagflow_tests.conftest import Demo


def check(demo: Demo) -> dg.AssetCheckResult:
    """Return what the check says of the recipes."""
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("datasets", ["recipes"])
        context = dg.build_asset_context(partition_key="recipes", instance=instance)
        result = held_out_untouched.node_def.compute_fn.decorated_fn(context, Workbench(data=str(demo.data)))
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_the_demo_learned_nothing_from_its_held_out_contents(demo: Demo) -> None:
    result = check(demo)
    assert (result.passed, result.severity) == (True, dg.AssetCheckSeverity.ERROR), result.description
    assert result.metadata["held_out"].value == 38


def test_a_held_out_content_that_becomes_a_sample_fails_the_check(demo_copy: Demo) -> None:
    tables = demo_copy.store.read_all("recipes", "knowledge_base")
    test = demo_copy.store.read("recipes", "raw_clues").filter(pl.col("split") == "test")["content_id"].min()
    taught = tables["knowledge_base"].head(1).with_columns(content_id=pl.lit(test))
    tables["knowledge_base"] = pl.concat([tables["knowledge_base"], taught])
    demo_copy.store.write("recipes", "knowledge_base", tables)
    result = check(demo_copy)
    assert not result.passed
    assert result.description is not None
    assert result.description.startswith("knowledge_base: 1 ")
    assert str(test) in result.description
