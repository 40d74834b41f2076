"""The declared artifacts: their order, their names, and that each passes without rows."""

import pytest

from tagflow.schemas import ARTIFACTS
from tagflow.tables import check_tables

WAY = "raw_clues candidate_tags filtered_tagset fused_tagset content_tag_graph tagged_output evaluation_report".split()


def test_the_artifacts_stand_in_the_order_of_the_way_of_a_content():
    assert [name for name in ARTIFACTS if name in WAY] == WAY


@pytest.mark.parametrize("artifact", ARTIFACTS.values(), ids=lambda artifact: artifact.name)
def test_every_artifact_passes_empty_and_bears_its_main_tables_name(artifact):
    assert next(iter(artifact.tables)) == artifact.name
    checked = check_tables(artifact, {name: table.empty() for name, table in artifact.tables.items()})
    assert list(checked) == list(artifact.tables)
    for name, table in artifact.tables.items():
        assert checked[name].columns == list(table.columns)
        assert set(table.key) <= set(table.columns)
