"""Settings, folders and faults of the system: checked once, one sentence each."""

import ctypes
import shutil
import signal
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from packaging.specifiers import SpecifierSet

from real_files import real_file
from taxi_pipeline import seeds
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.seeds import read_yaml
from taxi_pipeline.settings import load_settings
from warehouse import REPOSITORY, Warehouse, copy_project

STRANGE = "it's a [test] $x *ü {y} %z"


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ("", REPOSITORY / "data"),
        ("  ", REPOSITORY / "data"),
        ("elsewhere", REPOSITORY / "elsewhere"),
        ("~/taxi", Path.home() / "taxi"),
        ("/a/../b", Path("/b")),
        (f"/{STRANGE}", Path(f"/{STRANGE}")),
    ],
)
def test_the_data_folder_is_where_the_variable_says(
    monkeypatch: pytest.MonkeyPatch, given: str, folder: Path
) -> None:
    monkeypatch.setenv("TAXI_DATA_DIR", given)
    assert load_settings().data_dir == folder


@pytest.mark.parametrize(
    "given", ["/a?b", "/a#b", "/a\\b", "/a\nb", "/etc/hostname", "~nobody-x/y"]
)
def test_a_data_folder_that_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("TAXI_DATA_DIR", given)
    with pytest.raises(TaxiError, match="TAXI_DATA_DIR="):
        load_settings()


@pytest.mark.parametrize("variable", ["TAXI_DATA_DIR", "TAXI_PROJECT_DIR"])
def test_a_home_that_nobody_has_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "~nobody-x/y")
    with pytest.raises(TaxiError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{variable}=~nobody-x/y: it names no folder: ")
    assert ".." not in str(caught.value)


def test_dbt_sets_nothing_anew_for_each_node() -> None:
    dev = read_yaml(REPOSITORY / "profiles.yml.example")["nyc_taxi"]["outputs"]["dev"]
    assert "settings" not in dev, "they cost a statement each for every node"
    assert {"memory_limit", "preserve_insertion_order"} < set(dev["config_options"])


@pytest.mark.parametrize("given", ["2GB", "512mb", "1.5 GiB", "10MB", "0.01gb", ""])
def test_a_memory_limit_is_a_size(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("TAXI_MEMORY_LIMIT", given)
    assert load_settings().memory_limit == (given or "2GB")


@pytest.mark.parametrize("given", ["80%", "4096", "4Gi", "much", "-2GB"])
def test_what_is_no_size_is_refused_with_examples(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("TAXI_MEMORY_LIMIT", given)
    with pytest.raises(TaxiError, match=r"TAXI_MEMORY_LIMIT=.*such as 2GB, 512MB or 1.5GiB"):
        load_settings()


@pytest.mark.parametrize("given", ["0GB", "1KB", "9.9MB", "9MiB", "999999B"])
def test_a_size_that_duckdb_can_do_nothing_with_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("TAXI_MEMORY_LIMIT", given)
    with pytest.raises(TaxiError, match=r"with less than 10MB\. Give more, such as 2GB"):
        load_settings()


def test_a_copy_without_its_project_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As `pip install .`, `uvx` and `pipx` install it: the package alone."""
    installed = tmp_path / "venv" / "lib" / "site-packages" / "taxi_pipeline" / "seeds.py"
    monkeypatch.delenv("TAXI_PROJECT_DIR", raising=False)
    monkeypatch.setattr(seeds, "__file__", str(installed))
    with pytest.raises(TaxiError, match="it was installed without its dbt project") as caught:
        load_settings()
    assert "clone the repository" in caught.value.remedy
    assert not (tmp_path / "venv").exists()


def test_a_copy_without_its_project_reads_that_of_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the image has it: the wheel in an environment, the project beside it."""
    monkeypatch.setattr(seeds, "__file__", str(tmp_path / "lib" / "taxi_pipeline" / "seeds.py"))
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "trip_flags.csv").write_text("flag\nis_other\n")
    (tmp_path / "dbt_project.yml").write_text("vars: {limit: 3}\n")
    monkeypatch.setenv("TAXI_PROJECT_DIR", str(tmp_path))
    assert load_settings().project_dir == tmp_path
    assert seeds.read_variables() == {"limit": 3}
    assert seeds.read_seed("trip_flags") == [{"flag": "is_other"}]


def test_a_project_folder_without_a_project_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TAXI_PROJECT_DIR", str(tmp_path))
    with pytest.raises(TaxiError, match=r"TAXI_PROJECT_DIR=.* there is no dbt_project\.yml in"):
        load_settings()


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (3, 15)])
def test_a_python_that_dbt_does_not_support_is_refused_in_one_sentence(
    tmp_path: Path, version: tuple[int, int]
) -> None:
    """By make, before anything is installed, and by the package's metadata."""
    text = ".".join(map(str, version))
    code = f"import sys; sys.version_info, sys.version = {(*version, 0)}, '{text}.0'; exec(sys.argv[1])"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$2"\n')
    python.chmod(0o755)
    made = subprocess.run(
        ["make", "-f", str(REPOSITORY / "Makefile"), f"PYTHON={python}", ".venv/bin/uv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 2
    [said] = [line for line in made.stderr.splitlines() if not line.startswith("make")]
    assert said.startswith(f"Python 3.11 to 3.13 is needed, this is {text}.0")
    assert not (tmp_path / ".venv").exists()
    with (REPOSITORY / "pyproject.toml").open("rb") as stream:
        supported = SpecifierSet(tomllib.load(stream)["project"]["requires-python"])
    assert text not in supported
    assert "3.11" in supported
    assert "3.13" in supported


@pytest.mark.build  # a run of its own
def test_folders_with_any_legal_name_work(tmp_path: Path) -> None:
    """A clone and a data folder whose names mean something to SQL, globs, templates and shells."""
    project = copy_project(tmp_path / STRANGE / "project")
    warehouse = Warehouse(project, tmp_path / STRANGE / "data")
    printed = warehouse.taxi("run", str(real_file("heads/green_tripdata_2020-04.csv")))
    assert str(warehouse.data / "site" / "index.html") in printed
    assert warehouse.taxi("sql", "select count(*) as n from fact_trips", "-f", "csv") == "n\n8\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A small real month that has been built."""
    folder = tmp_path_factory.mktemp("small")
    warehouse = Warehouse(copy_project(folder / "project"), folder / "data")
    warehouse.taxi("ingest", str(real_file("heads/green_tripdata_2020-04.csv")))
    warehouse.taxi("build")
    return warehouse


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_build_says_so_and_is_not_published(
    small: Warehouse, number: signal.Signals, code: int
) -> None:
    with small.start("build", "--full-refresh") as running:
        assert running.stdout is not None
        printed = ""
        for line in running.stdout:
            printed += line
            if "int_metered_twins" in line:
                running.send_signal(number)
    assert running.returncode == code, printed
    assert "Interrupted. Tables are whole; run it again." in printed
    assert "Traceback" not in printed
    assert "resource_tracker" not in printed
    assert "was interrupted" in small.taxi("site", exit_code=2)
    small.taxi("build")
    small.taxi("export", "--format", "csv", "--select", "dim_vendors")


def test_an_interrupted_ingestion_says_so_and_leaves_nothing(
    small: Warehouse, tmp_path: Path
) -> None:
    """The engine answers the signal with an error of its own, in the middle of a query."""
    large = tmp_path / "green_tripdata_2024-01.parquet"
    month = real_file(f"real/{large.name}")
    duckdb.execute(
        f"copy (select m.* from '{month}' as m, range(50)) to '{large}' (format parquet)"
    )
    with small.start("ingest", str(large)) as running:
        assert running.stdout is not None
        printed = ""
        for line in running.stdout:
            printed += line
            if line.startswith("Writing"):
                running.send_signal(signal.SIGINT)
    assert running.returncode == 130, printed
    assert printed.endswith("Interrupted. Tables are whole; run it again.\n")
    assert "1 of 1 partition is intact" in small.taxi("lake", "verify")
    assert (
        small.taxi("sql", "select count(*) as n from stg_ingested_files", "-f", "csv") == "n\n1\n"
    )


def test_a_lost_lake_is_no_empty_one(small: Warehouse) -> None:
    lake = small.data / "lake"
    lake.rename(small.data / "elsewhere")
    try:
        said = small.taxi("status", exit_code=2)
        assert not lake.exists()
    finally:
        (small.data / "elsewhere").rename(lake)
    assert "it holds 1 real month (Green 2020-04)" in said


def test_a_table_built_without_its_tests_is_not_published(small: Warehouse) -> None:
    small.dbt("run", "--select", "dim_annotations")
    said = small.taxi("export", "-f", "csv", "-s", "dim_vendors", exit_code=2)
    assert "every_annotation_has_one_row was not run since its table was built" in said
    assert "was not run since its table was built" in small.taxi("sql", "select 1 as one")
    small.taxi("build", "--select", "dim_vendors")
    assert "was not run since" in small.taxi("site", exit_code=2)
    small.taxi("build")
    small.taxi("export", "-f", "csv", "-s", "dim_vendors")


def test_too_little_memory_is_named_as_such(small: Warehouse) -> None:
    little = Warehouse(small.project, small.data, {"TAXI_MEMORY_LIMIT": "10MB"})
    said = little.taxi("build", "--again", exit_code=2)
    assert "Out of Memory" in said
    assert "Raise TAXI_MEMORY_LIMIT" in said
    assert "Exposure" not in said


def test_a_warehouse_that_an_ide_holds_is_named_before_any_work(small: Warehouse) -> None:
    holder = "import duckdb, sys, time\nheld = duckdb.connect(sys.argv[1])\nprint('open', flush=True)\ntime.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(small.data / "warehouse.duckdb")],
        stdout=subprocess.PIPE,
        text=True,
    ) as held:
        assert held.stdout is not None
        held.stdout.readline()
        for command in ("build --again", "run", "site"):
            said = small.taxi(*command.split(), exit_code=2)
            assert f"process {held.pid}" in said, said
            assert "Close" in said
            assert "success" not in said
        held.kill()
    small.taxi("build")


def test_two_data_folders_of_one_project_at_once_do_not_mix(
    small: Warehouse, tmp_path: Path
) -> None:
    """Dbt's artifacts are shared: the second run waits, and each site speaks of its own file."""
    names = ("fhv_tripdata_2020-04.csv", "green_tripdata_2020-04.csv")
    both = [Warehouse(small.project, tmp_path / name.partition("_")[0]) for name in names]
    runs = [
        warehouse.start("run", str(real_file(f"heads/{name}")))
        for warehouse, name in zip(both, names, strict=True)
    ]
    printed = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], printed
    assert any("Another taxi command is writing to" in text for text in printed)
    for warehouse, own, other in zip(both, names, names[::-1], strict=True):
        page = (warehouse.data / "site" / "index.html").read_text(encoding="utf-8")
        assert own in page
        assert other not in page


def without_powers() -> None:
    """Give up the superuser's power to write everywhere, for a process that is about to start."""
    for power in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, power, 0, 0, 0)


def locked(folder: Path) -> Path:
    """Make a folder, and those in it, one in which nobody writes."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o555)
    return folder


def run_without_powers(warehouse: Warehouse, *arguments: str) -> tuple[int, str]:
    """Run a command as somebody who is not the superuser; its exit code, and what it printed."""
    done = subprocess.run(
        warehouse.taxi_command(*arguments),
        cwd="/",
        env=warehouse.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=without_powers,
    )
    return done.returncode, done.stdout


@pytest.mark.full  # commands in folders that nobody may write
def test_a_project_that_cannot_be_written_builds_elsewhere(
    small: Warehouse, tmp_path: Path
) -> None:
    """Dbt's artifacts and its log go to the data folder where the project is read only, as in a container."""
    installed = Warehouse(tmp_path / "project", tmp_path / "data")
    shutil.copytree(
        small.project, installed.project, ignore=shutil.ignore_patterns("target", "logs")
    )
    shutil.copytree(small.data, installed.data)
    locked(installed.project)
    for command in (("build",), ("site",)):
        code, printed = run_without_powers(installed, *command)
        assert code == 0, printed
    for name in ("target/manifest.json", "logs/dbt.log", "site/index.html"):
        assert (installed.data / name).exists(), name
    assert not (installed.project / "target").exists()


@pytest.mark.full  # commands in folders that nobody may write
def test_a_data_folder_that_cannot_be_written_is_one_line(small: Warehouse, tmp_path: Path) -> None:
    closed = Warehouse(small.project, tmp_path / "data")
    shutil.copytree(small.data, closed.data)
    locked(closed.data)
    source = str(real_file("heads/fhv_tripdata_2020-04.csv"))
    for command in ("build", "validate", "run", f"ingest {source}", "site"):
        code, printed = run_without_powers(closed, *command.split())
        assert code == 2, printed
        [line, *more] = [text for text in printed.splitlines() if not text.startswith("Reading")]
        assert not more, printed
        assert str(closed.data) in line, command
        assert "Permission denied" in line, command
        assert "heck" in line, command


def test_dbts_own_variables_for_its_folders_are_followed(small: Warehouse, tmp_path: Path) -> None:
    moved = Warehouse(
        small.project,
        small.data,
        {"DBT_TARGET_PATH": str(tmp_path / "t"), "DBT_LOG_PATH": str(tmp_path / "l")},
    )
    moved.taxi("site")
    assert (tmp_path / "t" / "manifest.json").exists()
    assert "Running with dbt=" in (tmp_path / "l" / "dbt.log").read_text(encoding="utf-8")


@pytest.mark.full  # an ingest and a site of its own
def test_the_site_speaks_of_the_files_that_the_tables_hold(
    small: Warehouse, tmp_path: Path
) -> None:
    """Files that came into the lake or left it since the last build are not in its numbers."""
    small = replace(small, data=shutil.copytree(small.data, tmp_path / "data"))
    small.taxi("ingest", str(real_file("heads/fhv_tripdata_2020-04.csv")))
    small.taxi("forget", "green", "2020-04", "--yes")
    small.taxi("site")
    page = (small.data / "site" / "index.html").read_text(encoding="utf-8")
    assert "green_tripdata_2020-04.csv" in page
    assert "fhv_tripdata_2020-04.csv" not in page
    small.taxi("build")
    small.taxi("site")
    page = (small.data / "site" / "index.html").read_text(encoding="utf-8")
    assert "fhv_tripdata_2020-04.csv" in page
    assert "green_tripdata_2020-04.csv" not in page
    small.taxi("forget", "fhv", "2020-04", "--yes")
    small.taxi("build")
    assert "its tables hold no file" in small.taxi("site", exit_code=2)
