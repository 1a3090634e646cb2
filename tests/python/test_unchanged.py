"""A build of what has not changed: dbt is not started, and everything that it would read is looked at."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taxi_pipeline import workflow
from taxi_pipeline.settings import Settings
from taxi_pipeline.site import current
from taxi_pipeline.site.current import current_page, remember_pages
from taxi_pipeline.transform import unchanged
from taxi_pipeline.transform.runner import (
    NODES_FAILED,
    SUCCESS,
    BuildListener,
    BuildOptions,
    BuildReport,
    NodeOutcome,
)
from taxi_pipeline.transform.unchanged import READS_THE_LAKE, reads_more
from trip_files import YELLOW_NAME, Workplace, yellow_rows, yellow_text
from warehouse import copy_project

WARNING = "2 rows, which is a matter of taste"
PLAIN = BuildOptions()
RECORD = "last_build.json"


def node(name: str, kind: str, status: str, message: str = "") -> NodeOutcome:
    return NodeOutcome(name, kind, status, message, "", 0.1)


PASSED = BuildReport(
    SUCCESS,
    (
        node("fact_trips", "model", "success"),
        node("taste", "test", "warn", WARNING),
        node("edges", "unit_test", "pass"),
    ),
)


@dataclass
class Dbt:
    """Stands for dbt: counts how often it is started, and leaves what dbt leaves.

    Attributes:
        report: how it ends.
        manifest: what it leaves of the project.
        commands: what it was asked for, without its options.
        selected: what was to be built; empty for everything.
        dies: before it ends, when everything has been written.
    """

    report: BuildReport = PASSED
    manifest: dict[str, Any] = field(
        default_factory=lambda: {"sources": {}, "macros": {}, "nodes": {}}
    )
    commands: list[str] = field(default_factory=list)
    selected: Sequence[str] = ()
    dies: bool = False

    def run(
        self, command: Sequence[str], settings: Settings, _listener: BuildListener
    ) -> BuildReport:
        """Write the warehouse and the artifacts."""
        self.commands.append(command[0])
        self.selected = [word for word in command if word.startswith("source:")]
        os.environ["TAXI_DATA_DIR"] = str(settings.data_dir)  # as `run_dbt` does
        assert not (settings.data_dir / RECORD).exists(), "who dies from here on leaves no record"
        with duckdb.connect(str(settings.warehouse_path)) as connection:
            connection.execute("create table if not exists runs as select 0 as run")
            connection.execute(f"insert into runs values ({len(self.commands)})")
        settings.target_dir.mkdir(exist_ok=True)
        (settings.target_dir / "manifest.json").write_text(json.dumps(self.manifest))
        (settings.target_dir / "run_results.json").write_text('{"args": {"which": "build"}}')
        if self.dies:
            raise SystemExit
        return self.report


@dataclass(frozen=True)
class Place(Workplace):
    """A project, its data folder, and what stands for dbt there."""

    dbt: Dbt

    @property
    def settings(self) -> Settings:
        """Settings with a project."""
        return Settings(self.folder / "project", self.folder / "data", "1GB")

    @property
    def record(self) -> Path:
        """The record of the last build."""
        return self.settings.data_dir / RECORD

    def builds(
        self, options: BuildOptions = PLAIN, *, retry: bool = False, again: bool = False
    ) -> bool:
        """Whether a build starts dbt."""
        before = len(self.dbt.commands)
        workflow.build(self.settings, options, retry=retry, again=again)
        return len(self.dbt.commands) > before

    def path(self, name: str) -> Path:
        """A file of the project."""
        return self.settings.project_dir / name

    def edit(self, name: str) -> None:
        """Change a file of the project."""
        path = self.path(name)
        path.write_text(path.read_text() + "\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt reads of the project, with some that it does not, and a lake of one month."""
    folder = tmp_path_factory.mktemp("place")
    whole = copy_project(tmp_path_factory.mktemp("whole"))
    project = folder / "project"
    shutil.copytree(whole / "vendor" / "dbt_utils", project / "dbt_packages" / "dbt_utils")
    for name in ("analyses", "macros", "models", "seeds", "snapshots"):
        shutil.copytree(whole / name, project / name)
    for name in ("dbt_project.yml", "packages.yml", "profiles.yml.example", "README.md"):
        shutil.copyfile(whole / name, project / name)
    shutil.copyfile(whole / "profiles.yml.example", project / "profiles.yml")
    (project / "tests" / "python").mkdir(parents=True)
    (project / "tests" / "python" / "test_x.py").touch()
    Place(folder, Dbt()).ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(3)))
    return folder


@pytest.fixture
def place(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    kept = {name: os.environ[name] for name in os.environ if not name.startswith(("TAXI_", "DBT_"))}
    monkeypatch.setattr(os, "environ", kept)
    made = Place(tmp_path / "place", Dbt())
    shutil.copytree(project, made.folder)
    made.lake.ensure()  # copied partitions are looked at once
    monkeypatch.setattr(workflow, "run_dbt", made.dbt.run)
    return made


def test_the_second_build_returns_what_the_first_has_found_and_starts_no_dbt(place: Place) -> None:
    first = workflow.build(place.settings)
    second = workflow.build(place.settings)
    assert place.dbt.commands == ["build"]
    assert first.unchanged is None
    assert second.unchanged is not None
    assert (second.unchanged.files, second.unchanged.rows) == (1, 3)
    assert second.report == BuildReport(SUCCESS, place.dbt.report.nodes[:2]), "no unit tests"
    assert second.report.nodes[1].message == WARNING, "warnings are repeated"


def insert(place: Place) -> None:
    with duckdb.connect(str(place.settings.warehouse_path)) as connection:
        connection.execute("insert into runs values (-1)")


def restore(place: Place) -> None:
    copy = place.folder / "copy"
    shutil.copy2(place.settings.warehouse_path, copy)
    copy.replace(place.settings.warehouse_path)


def name_a_variable(place: Place) -> None:
    model = place.path("models/marts/core/dim_zones.sql")
    model.write_text(model.read_text() + "-- {{ env_var('CITY', '') }}")
    assert place.builds()
    os.environ["CITY"] = "NYC"


CHANGES: dict[str, Callable[[Place], Any]] = {
    "a model": lambda place: place.edit("models/marts/core/fact_trips.sql"),
    "its description": lambda place: place.edit("models/columns.md"),
    "a seed": lambda place: place.edit("seeds/vendors.csv"),
    "a macro": lambda place: place.edit("macros/trips.sql"),
    "a snapshot": lambda place: place.edit("snapshots/snap_taxi_zones.yml"),
    "a claim": lambda place: place.path("tests/assert_new.sql").write_text("select 1"),
    "an analysis": lambda place: place.path("analyses/new.sql").write_text("select 1"),
    "the project": lambda place: place.edit("dbt_project.yml"),
    "the profile": lambda place: place.edit("profiles.yml"),
    "the packages": lambda place: place.edit("packages.yml"),
    "a package": lambda place: place.edit("dbt_packages/dbt_utils/dbt_project.yml"),
    "a new month": lambda place: place.ingest_text(
        "yellow_tripdata_2019-04.csv", yellow_text(*yellow_rows(1))
    ),
    "a restated month": lambda place: place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(2))),
    "a partition that was touched": lambda place: place.part(place.lake.current()[0]).touch(),
    "a file's name in the manifest": lambda place: (place.root / "manifest.jsonl").write_text(
        (place.root / "manifest.jsonl").read_text().replace(".csv", ".CSV")
    ),
    "the record of restatements": lambda place: (place.root / "restatements.jsonl").write_text(
        "\n"
    ),
    "a row of the warehouse": insert,
    "a warehouse from a backup": restore,
    "a log of the warehouse": lambda place: place.settings.warehouse_path.with_name(
        "warehouse.duckdb.wal"
    ).write_bytes(b""),
    "a variable of the project": lambda _: os.environ.update(TAXI_BI_ROLE="analysts"),
    "a variable of dbt": lambda _: os.environ.update(DBT_STATIC_ANALYSIS="off"),
    "a variable that a model names": name_a_variable,
    "no artifacts": lambda place: (place.settings.target_dir / "manifest.json").unlink(),
    "a damaged record": lambda place: place.record.write_text("{"),
    "a record of another version": lambda place: place.record.write_text(
        place.record.read_text().replace('"version": 1', '"version": 0')
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_a_build_reads_or_has_made_starts_dbt_when_it_has_changed(
    place: Place, change: Callable[[Place], Any]
) -> None:
    assert place.builds()
    assert not place.builds()
    change(place)
    assert place.builds()
    assert not place.builds()


def test_where_only_the_lake_has_changed_what_reads_it_is_built(place: Place) -> None:
    zones = node("dim_zones", "model", "success")
    place.dbt.report = BuildReport(SUCCESS, (zones, node("fact_trips", "model", "success")))
    assert place.builds()
    assert place.dbt.selected == []
    restated = node("fact_trips", "model", "success", "of the new month")
    place.dbt.report = BuildReport(SUCCESS, (restated,))
    CHANGES["a new month"](place)
    assert workflow.build(place.settings).report.nodes == (restated,)
    assert place.dbt.selected == [READS_THE_LAKE]
    assert workflow.build(place.settings).report.nodes == (zones, restated), "what is there now"

    CHANGES["a restated month"](place)
    place.edit("seeds/vendors.csv")
    assert place.builds()
    assert place.dbt.selected == [], "the project has changed as well"
    CHANGES["a partition that was touched"](place)
    assert place.builds(again=True)
    assert place.dbt.selected == [], "somebody asks for everything"
    CHANGES["a partition that was touched"](place)
    place.dbt.report = BuildReport(NODES_FAILED, (node("fact_trips", "model", "error"),))
    assert place.builds()
    assert place.dbt.selected == [READS_THE_LAKE]
    assert place.builds()
    assert place.dbt.selected == [], "the last build has failed"


def test_a_data_folder_that_was_moved_starts_dbt(place: Place) -> None:
    assert place.builds()
    moved = replace(place.settings, data_dir=place.folder / "moved")
    place.settings.data_dir.rename(moved.data_dir)
    assert workflow.build(moved).unchanged is None, "views name the lake by its path"


def test_folders_that_the_project_does_not_name_are_those_of_dbt(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: small")
    names = [
        *("models/a.py", "seeds/a.csv", "tests/a.sql", "macros/a.sql", "snapshots/a.yml"),
        *("analyses/a.sql", "functions/a.sql", "dbt_packages/x/macros/a.sql"),
    ]
    for name in (*names, "tests/a.py", "models/a.pyc", "elsewhere/a.sql"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    read = [path.relative_to(tmp_path).as_posix() for path in unchanged._project_files(tmp_path)]
    assert sorted(read) == sorted(["dbt_project.yml", *names])


def test_what_dbt_reads_elsewhere_is_read_too(tmp_path: Path) -> None:
    """A package that is a link, as `dbt deps` makes of a local one; a folder beside the project; capitals."""
    project, package, models = (tmp_path / name for name in ("project", "package", "more"))
    for path in (package / "models" / "a.sql", models / "b.SQL", project / "dbt_packages" / "c"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (project / "dbt_packages" / "linked").symlink_to(package)
    (project / "dbt_project.yml").write_text(f"model-paths: [{models}]")
    read = {path.name for path in unchanged._project_files(project)}
    assert read == {"dbt_project.yml", "a.sql", "b.SQL"}


def test_a_model_beside_the_project_starts_dbt(place: Place) -> None:
    elsewhere = place.folder / "more"
    elsewhere.mkdir()
    config = place.path("dbt_project.yml")
    config.write_text(
        config.read_text().replace("model-paths: [models]", f"model-paths: [models, {elsewhere}]")
    )
    assert place.builds()
    assert not place.builds()
    (elsewhere / "new.sql").write_text("select 1")
    assert place.builds()


@pytest.mark.parametrize(
    "text",
    [
        'select * from "weather.csv"',
        "select * from days, 'weather.csv'",
        "select * from days using sample 10%",
        "select * from days tablesample 10%",
        "select * from st_read('zones.shp')",
        "select * from parquet_metadata('part')",
    ],
)
def test_a_model_that_may_find_something_else_is_known(text: str) -> None:
    assert unchanged._CHANCE.search(text) or unchanged._ELSEWHERE.search(text)


def test_what_the_environment_asks_for_starts_dbt(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place.builds()
    monkeypatch.setenv("DBT_FULL_REFRESH", "1")
    assert place.builds()
    assert place.builds(), "each time"


def test_a_build_without_room_for_its_record_has_passed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(unchanged, "write_text", full)
    assert place.builds()
    assert place.builds(), "without a record"


def test_another_version_of_dbt_starts_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.builds()
    monkeypatch.setattr(unchanged, "version", lambda name: f"{name} 99")
    assert place.builds()


def test_what_changes_no_table_starts_nothing(place: Place) -> None:
    assert place.builds()
    place.edit("README.md")
    place.edit("tests/python/test_x.py")
    place.path("models/marts/core/fact_trips.sql").touch()
    with duckdb.connect(str(place.settings.warehouse_path), read_only=True) as connection:
        assert connection.execute("from runs").fetchall() == [(0,), (1,)]
    assert not place.builds(BuildOptions("dev")), "the default by its name"
    assert not workflow.build(replace(place.settings, memory_limit="2GB")).seconds


@pytest.mark.parametrize(
    "options",
    [
        BuildOptions(select=["dim_zones"]),
        BuildOptions(exclude=["dim_zones"]),
        BuildOptions(variables="check: all"),
        BuildOptions(full_refresh=True),
        BuildOptions(unit_tests=True),
    ],
    ids=str,
)
def test_what_is_asked_for_by_an_option_is_done(place: Place, options: BuildOptions) -> None:
    assert place.builds()
    assert place.builds(options)
    assert place.builds(options)
    assert place.builds() != options.is_of_everything, "a build of a part is not remembered"


def test_dbt_is_started_where_somebody_asks_for_it(place: Place) -> None:
    assert place.builds()
    assert place.builds(again=True)
    assert not place.builds()
    assert place.builds(retry=True)
    assert place.builds(), "what was repeated was a part"


@pytest.mark.parametrize("end", ["failed", "died"])
def test_only_a_build_that_has_passed_is_remembered(place: Place, end: str) -> None:
    assert place.builds()
    passed = place.dbt.report
    if end == "died":
        place.dbt.dies = True
        with pytest.raises(SystemExit):
            place.builds(again=True)
    else:
        place.dbt.report = BuildReport(NODES_FAILED, (node("fact_trips", "model", "error"),))
        assert place.builds(again=True)
        assert place.builds()
    place.dbt.dies, place.dbt.report = False, passed
    assert place.builds()
    assert not place.builds()


def test_a_profile_with_other_databases_is_never_remembered(place: Place) -> None:
    profile = place.path("profiles.yml")
    own = "      type: duckdb\n"
    for more in ("      attach: [{path: other.duckdb}]\n", "      plugins: [{module: excel}]\n"):
        profile.write_text(
            place.path("profiles.yml.example").read_text().replace(own, own + more, 1)
        )
        assert place.builds()
        assert place.builds()
    profile.write_text(
        profile.read_text().replace(more, "").replace("warehouse.duckdb", "w.duckdb")
    )
    assert place.builds()
    assert place.builds(), "another file than the one that is looked at"


def test_the_record_holds_no_secret(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_ENV_SECRET_PG_PASSWORD", "s3cret-of-the-server")
    assert place.builds()
    assert "s3cret" not in place.record.read_text()


def manifest_of(raw: str, macro: str = "", **more: object) -> dict[str, Any]:
    made = {
        "resource_type": "model",
        "name": "model_of_time",
        "raw_code": raw,
        "depends_on": {"macros": ["macro.nyc_taxi.one"]},
        **more,
    }
    called = {"macros": ["macro.nyc_taxi.two", "macro.dbt.statement"]}
    return {
        "sources": {},
        "nodes": {"model.nyc_taxi.model_of_time": made},
        "macros": {
            "macro.nyc_taxi.one": {
                "macro_sql": "{{ two() }}",
                "depends_on": called,
                "package_name": "nyc_taxi",
            },
            "macro.nyc_taxi.two": {
                "macro_sql": macro,
                "depends_on": called,
                "package_name": "nyc_taxi",
            },
            "macro.dbt.statement": {
                "macro_sql": "{{ modules.datetime }}",
                "depends_on": {"macros": []},
                "package_name": "dbt",
            },
        },
    }


@pytest.mark.parametrize(
    "text",
    [
        "select current_date",
        "select * from days where day < CURRENT_TIMESTAMP",
        "select now() - interval 1 day",
        "select today ()",
        "select age(pickup_at)",
        "select * from trips order by random()",
        "select '{{ run_started_at }}'",
        "select '{{ modules.datetime.date.today() }}'",
        "select {{ dbt.current_timestamp() }}",
        "select * from read_csv('weather.csv')",
        "select * from postgres_scan('host=elsewhere', 'public', 'weather')",
        "select * from 'weather.parquet'",
    ],
)
def test_a_model_that_reads_the_clock_or_other_files_is_found(place: Place, text: str) -> None:
    assert reads_more(manifest_of(text), ()) == "model_of_time"
    assert reads_more(manifest_of("select 1", text), ()) == "model_of_time", "in a macro"
    place.dbt.manifest = manifest_of(text)
    assert place.builds()
    assert place.builds()


def test_the_clock_is_found_in_what_dbt_has_compiled_and_other_sources_are_found() -> None:
    compiled = replace(node("spine", "model", "success"), sql="select current_date")
    assert reads_more(manifest_of("select 1"), [compiled]) == "spine"
    weather = {"sources": {"source.x": {"source_name": "weather"}}}
    reading = {"macros": [], "nodes": ["source.x"]}
    assert reads_more({**manifest_of("select 1", depends_on=reading), **weather}, ()) == "source.x"
    assert reads_more({**manifest_of("select 1"), **weather}, ()) == "", "nothing reads it"
    assert reads_more(manifest_of("x", language="python"), ()) == "model_of_time"
    assert (
        reads_more(manifest_of("select nowhere, current_row, pickup_datetime, page(1)"), ()) == ""
    )


PAGES = ("index.html", "dashboard/index.html", "docs/index.html", "docs/quality/index.html")


@pytest.fixture
def shown(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place whose site shows what has been built."""
    monkeypatch.setattr(current, "commit_of", lambda _: "a commit")
    assert place.builds()
    for name in PAGES:
        page = place.settings.site_dir / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(name)
    remember_pages(place.settings, None)
    return place


def test_a_site_that_shows_what_is_there_stays(shown: Place) -> None:
    assert current_page(shown.settings, None) == shown.settings.site_dir / "index.html"
    (shown.settings.site_dir / "docs" / "quality" / "index.html").write_text("by taxi validate")
    assert current_page(shown.settings, None) is not None


def write_zones(place: Place) -> None:
    path = place.settings.data_dir / "zones" / "taxi_zones.geojson"
    path.parent.mkdir()
    path.write_text("{}")


STALE: dict[str, Callable[[Place, pytest.MonkeyPatch], Any]] = {
    "a page is gone": lambda place, _: (place.settings.site_dir / PAGES[1]).unlink(),
    "a page is another one": lambda place, _: (place.settings.site_dir / PAGES[2]).write_text(""),
    "the site is gone": lambda place, _: shutil.rmtree(place.settings.site_dir),
    "no quality pages any more": lambda place, _: shutil.rmtree(
        place.settings.site_dir / "docs" / "quality"
    ),
    "a model": lambda place, _: place.edit("models/columns.md"),
    "the warehouse": lambda place, _: insert(place),
    "the lake": lambda place, _: CHANGES["a new month"](place),
    "another build": lambda place, _: place.builds(again=True),
    "shapes of zones": lambda place, _: write_zones(place),
    "the code of the pages": lambda _, patch: patch.setattr(current, "_code", lambda: "another"),
    "the commit": lambda _, patch: patch.setattr(current, "commit_of", lambda _: "another"),
    "no record": lambda place, _: (place.settings.data_dir / "last_site.json").unlink(),
}


@pytest.mark.parametrize("change", STALE.values(), ids=STALE)
def test_a_site_whose_pages_or_inputs_have_changed_is_written(
    shown: Place,
    change: Callable[[Place, pytest.MonkeyPatch], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert current_page(shown.settings, None) is not None
    change(shown, monkeypatch)
    assert current_page(shown.settings, None) is None


def test_a_site_of_another_target_is_written(shown: Place) -> None:
    assert current_page(shown.settings, "dev") is None, "its commands name the target"
    assert current_page(shown.settings, "postgres") is None
    remember_pages(shown.settings, "postgres")
    assert current_page(shown.settings, "postgres") is None, "its tables change unseen"


def test_every_file_of_the_package_is_part_of_the_code_of_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current, "_PACKAGE", tmp_path)
    (tmp_path / "start.html").write_text("a")
    before = current._code()
    (tmp_path / "start.html").write_text("b")
    assert current._code() != before
