"""A target precision through the assets: where band apply begins, what the run says of it, what the report measures."""

import polars as pl
import yaml

from tagflow_tests.conftest import Demo
from tagflow_tests.pipeline.runs import materialize, metadata_of


def test_band_apply_begins_at_the_fitted_threshold_or_nowhere(demo_copy: Demo) -> None:
    store, file = demo_copy.store, demo_copy.data / "recipes" / "dataset.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))

    def run(target: float, select: str) -> dict[str, object]:
        asked = {**settings, "tagging": {"target_precision": target, "apply_at": 0.95}}
        file.write_text(yaml.safe_dump(asked), encoding="utf-8")
        return metadata_of(materialize(demo_copy.data, "recipes", select), "tagged_output")

    said = run(0.73, "confidence_model,tagged_output")
    thresholds = store.read("recipes", "confidence_model", "thresholds")
    (threshold,) = thresholds.filter(pl.col("target") == 0.73)["threshold"]
    assert said["applied_from"] == round(threshold, 3) != 0.95
    tagged = store.read("recipes", "tagged_output")
    assert (tagged.filter(pl.col("band") == "apply")["confidence"] >= threshold).all()
    assert (tagged.filter(pl.col("band") != "apply")["confidence"] < threshold).all()
    fit = store.read("recipes", "raw_clues").filter(pl.col("split") == "fit")["content_id"]

    def count_unfitted(threshold: float) -> int:
        sure = store.read("recipes", "tagged_output").filter(pl.col("confidence") >= threshold)["content_id"]
        return int((~fit.is_in(sure.implode())).sum())

    def look_for_tags() -> object:
        return metadata_of(materialize(demo_copy.data, "recipes", "emerging_tags"), "emerging_tags")["unfitted"]

    assert look_for_tags() == count_unfitted(threshold) != count_unfitted(0.95)
    assert run(0.999, "tagged_output")["applied_from"] == "never"
    assert "apply" not in store.read("recipes", "tagged_output")["band"].to_list()
    assert look_for_tags() == count_unfitted(0.95)


def test_the_report_of_the_demo_has_the_curve_and_the_precision_at_its_thresholds(demo: Demo) -> None:
    curve = demo.store.read("recipes", "evaluation_report", "accuracy_coverage")
    assert set(curve["k"]) == {1, 2, 3}
    assert (curve.filter(pl.col("cut") == 0.0)["coverage"] == 1.0).all()
    rows = demo.store.read("recipes", "evaluation_report").filter(pl.col("metric").str.contains("from the threshold"))
    assert "precision from the threshold for 0.90" in rows["metric"].to_list()
    page = demo.store.path("recipes", "evaluation_report").with_name("report.html").read_text(encoding="utf-8")
    assert "Where should it be cut?" in page
    assert "first 2 tags" in page
