"""The UI and the report in a real browser, as a person sees them; TAGFLOW_PICTURES=folder keeps the pictures."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.schemas import ARTIFACTS
from tagflow_tests.cli.test_webserver import Server, _wait_for, open_ui
from tagflow_tests.conftest import CHECKOUT, Demo, call_tagflow
from tagflow_tests.pipeline.runs import make_dataset, read_recipes

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
GROUPS = ("tag_set", "tagging", "knowledge", "evaluation")
ADDED = "few"
"""The dataset that a person adds while the UI is open."""

EXPANDED = ",".join(f"global@global:{group}" for group in GROUPS)


@pytest.fixture(scope="module")
def server(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Both shipped datasets, tagged, under ``tagflow ui``."""
    data = tmp_path_factory.mktemp("browser") / "data"
    shutil.copytree(demo.data, data, symlinks=True)
    shutil.copytree(CHECKOUT / "data" / "shorts", data / "shorts")
    said = call_tagflow("run", "shorts", data=data, cwd=data)
    assert said.code == 0, said.err
    with open_ui(data) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def keep_picture(page, name: str, **options: object) -> None:
    """Take a picture, and keep it if somebody wants to look."""
    folder = os.environ.get("TAGFLOW_PICTURES")
    taken = page.screenshot(**options)
    assert len(taken) > 10_000
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.png").write_bytes(taken)


def test_the_lineage_shows_every_asset_in_its_group(server: Server, browser) -> None:
    page = browser.new_page(viewport={"width": 2400, "height": 1700})
    page.goto(f"{server.url}/asset-groups?expanded={EXPANDED}")
    for name in (*ARTIFACTS, "leaderboard"):
        page.get_by_text(name, exact=True).locator("visible=true").first.wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    assert not page.get_by_text("Join the Dagster community").is_visible()
    keep_picture(page, "ui_lineage")
    page.close()


def test_both_datasets_are_partitions(server: Server, browser) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(f"{server.url}/assets/tagged_output?view=partitions&partition=recipes")
    for name in ("recipes", "shorts"):
        page.get_by_text(name, exact=True).first.wait_for(timeout=60_000)
    page.get_by_text("apply").first.wait_for(timeout=30_000)
    keep_picture(page, "ui_partitions")
    page.close()


def test_the_reports_page_shows_its_plots_without_a_click(server: Server, browser) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(f"{server.url}/assets/evaluation_report")
    images = page.locator('img[src^="data:image/svg+xml"]')
    images.nth(3).wait_for(timeout=60_000)
    assert images.count() >= 4
    for number in range(4):
        assert images.nth(number).evaluate("image => image.complete && image.naturalWidth > 0")
    page.get_by_text("taggpt_selective").locator("visible=true").first.wait_for(timeout=30_000)
    images.nth(2).scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    keep_picture(page, "ui_report")
    page.close()


@pytest.mark.parametrize("name", ["recipes", "shorts"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_report_is_readable_at_desk_and_phone_by_day_and_night(
    server: Server, browser, name: str, scheme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    report = server.data / "warehouse" / f"dataset={name}" / "report.html"
    page.goto(report.as_uri())
    assert asked == [report.as_uri()], "one page, nothing fetched"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("svg[role=img]").count() >= 5
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) / 3
    assert (brightness > 128) == (scheme == "light")
    keep_picture(page, f"report_{name}_{width}_{scheme}", full_page=width > 400)
    context.close()


def launch_by_click(page, url: str, partition: str) -> None:
    """Materialize every asset of one partition from the lineage, as a person does."""
    page.goto(f"{url}/asset-groups?expanded={EXPANDED}")
    page.get_by_text("tagged_output", exact=True).locator("visible=true").first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Materialize all").first.click()
    page.get_by_text("Select a partition or create one").click()
    page.get_by_text(partition, exact=True).locator("visible=true").last.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Launch runs to materialize").first.click()  # closes the list of partitions
    page.wait_for_timeout(1000)  # it fades
    keep_picture(page, "ui_launch")
    page.get_by_role("button", name="Launch 1 run").click()
    page.get_by_text("Launched run").first.wait_for(timeout=60_000)


def wait_for_runs(page, url: str, launched_by: str, partition: str) -> None:
    """Watch the list of runs until one of the partition that was launched so has succeeded."""
    page.goto(f"{url}/runs")
    row = page.locator("[data-index]").filter(has_text=launched_by).filter(has_text=f"partition: {partition}")
    row.filter(has_text="Success").first.wait_for(timeout=240_000)


def drop_file(server: Server, folder: Path) -> None:
    """Drop a content into the dataset: it is tagged within a minute, and nothing else is made anew."""
    store, artifacts = DuckDBStore(server.data / "warehouse"), server.data / "warehouse" / f"dataset={ADDED}"
    old = store.read(ADDED, "tagged_output")
    before = {path.name: path.stat().st_ino for path in artifacts.glob("*.duckdb")}
    record = {"id": "new-1", "title": "Lentil soup with lemon", "caption": "Red lentils and garlic in one pot."}
    started = time.monotonic()
    (folder / "contents" / "later.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")

    def is_tagged() -> bool:
        status = store.read(ADDED, "tagged_output", "content_status")
        return status.filter((pl.col("content_id") == "new-1") & (pl.col("status") == "tagged")).height == 1

    _wait_for(is_tagged, 120, lambda: server.log.read_text(encoding="utf-8")[-3000:])
    taken = time.monotonic() - started
    after = {path.name: path.stat().st_ino for path in artifacts.glob("*.duckdb")}
    changed = {name for name, file in after.items() if before[name] != file}
    assert changed == {"raw_clues.duckdb", "content_tag_graph.duckdb", "tagged_output.duckdb"}
    assert store.read(ADDED, "tagged_output").filter(pl.col("content_id") != "new-1").equals(old)
    assert taken < 60, f"{taken:.0f} s"


def test_a_person_adds_a_dataset_materializes_it_by_click_drops_a_file_and_reads_the_report(
    server: Server, browser
) -> None:
    """A folder becomes a partition, a click tags it, a file dropped into it is tagged by the sensor."""
    folder = make_dataset(
        server.data, ADDED, read_recipes(30), vocabulary={"source": "labels"}, evaluation={"methods": []}
    )
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.goto(f"{server.url}/assets/tagged_output?view=partitions")
    page.get_by_text(ADDED, exact=True).first.wait_for(timeout=120_000)
    launch_by_click(page, server.url, ADDED)
    wait_for_runs(page, server.url, "Manually launched", ADDED)
    store = DuckDBStore(server.data / "warehouse")
    assert store.read(ADDED, "tagged_output", "content_status").height == 30

    drop_file(server, folder)
    wait_for_runs(page, server.url, "content_sensor", ADDED)
    keep_picture(page, "ui_runs")
    new = store.read(ADDED, "tagged_output").filter(pl.col("content_id") == "new-1")
    assert "soup" in set(new["tag"])
    page.goto(f"{server.url}/assets/tagged_output?view=partitions&partition={ADDED}")
    page.get_by_text("tagged_anew").first.wait_for(timeout=60_000)
    page.get_by_text("no answer yet").first.wait_for(timeout=60_000)
    keep_picture(page, "ui_tagged")

    page.goto(f"{server.url}/assets/evaluation_report?view=partitions&partition={ADDED}")
    report = page.get_by_text("report.html").first
    report.wait_for(timeout=60_000)
    path = Path(report.inner_text())
    page.goto(path.as_uri())
    assert page.locator("svg[role=img]").count() >= 3
    assert ADDED in page.locator("h1").first.inner_text()
    page.close()
