"""The infrastructure as code: formatted, declared, known to the provider, without secrets; nothing is applied."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from linters import format_terraform, linter, npm_package, parse_terraform
from provider_schema import faults_of
from taxi_pipeline.seeds import read_yaml
from warehouse import REPOSITORY

pytestmark = pytest.mark.full  # installs linters and fetches the provider's types

FOLDER = REPOSITORY / "infra" / "terraform"
REFERENCE = re.compile(r"\b(var|local)\.(\w+)|\b(google_\w+)\.(\w+)")


@pytest.fixture(scope="module")
def files() -> dict[str, dict[str, Any]]:
    return parse_terraform(FOLDER)


@pytest.fixture(scope="module")
def library() -> Path:
    return npm_package("@cdktf/provider-google", "16.12.1", "terraform") / "lib"


def resources(files: dict[str, dict[str, Any]]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (kind, name, body)
        for parsed in files.values()
        for block in parsed.get("resource", [])
        for kind, named in block.items()
        for name, body in named.items()
    ]


def faults(files: dict[str, dict[str, Any]], library: Path) -> list[str]:
    return [
        fault
        for kind, _, body in resources(files)
        for fault in faults_of(kind, plain(body), library)
    ]


def plain(value: Any) -> Any:
    """Without the lists that the parser puts around each value of an argument."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        inner = [plain(one) for one in value]
        return inner[0] if len(inner) == 1 and not isinstance(inner[0], dict) else inner
    return value


def undeclared(folder: Path) -> set[str]:
    """References to variables, locals and resources that no file declares."""
    parsed = parse_terraform(folder)
    declared = {f"{kind}.{name}" for kind, name, _ in resources(parsed)}
    for content in parsed.values():
        declared |= {f"var.{name}" for block in content.get("variable", []) for name in block}
        declared |= {f"local.{name}" for block in content.get("locals", []) for name in block}
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.tf"))
    text = re.sub(r"#.*|roles/\S+", "", text)
    named = {
        f"{kind or resource}.{name or label}"
        for kind, name, resource, label in REFERENCE.findall(text)
    }
    return named - declared


def copy_with(tmp_path: Path, name: str, old: str, new: str) -> Path:
    """The folder with one edit."""
    folder = tmp_path / "terraform"
    shutil.copytree(FOLDER, folder)
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    return folder


def test_terraform_would_format_nothing_anew(tmp_path: Path) -> None:
    assert format_terraform(FOLDER)[0] == 0, format_terraform(FOLDER)[1]
    edited = copy_with(tmp_path, "storage.tf", "    age = 7", "  age   =    7")
    assert format_terraform(edited)[0] != 0


def test_every_reference_is_declared(tmp_path: Path) -> None:
    assert undeclared(FOLDER) == set()
    edited = copy_with(tmp_path, "storage.tf", "var.lake_bucket", "var.lake_buckets")
    assert undeclared(edited) == {"var.lake_buckets"}


def test_every_variable_and_output_is_described_and_used(files: dict[str, Any]) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.tf"))
    for kind in ("variable", "output"):
        blocks = [block for parsed in files.values() for block in parsed.get(kind, [])]
        assert blocks
        for block in blocks:
            for name, body in block.items():
                assert len(str(body["description"])) > 20, name
                assert kind == "output" or re.search(rf"\bvar\.{name}\b", text), name


def test_every_argument_is_one_of_the_provider(files: dict[str, Any], library: Path) -> None:
    assert len(resources(files)) > 12
    assert faults(files, library) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        ("storage.tf", "force_destroy ", "force_destroyed", "no argument force_destroyed"),
        ("storage.tf", "age = 7", "ages = 7", "condition: the provider has no argument ages"),
        (
            "job.tf",
            "max_retries ",
            "retries     ",
            "template: the provider has no argument retries",
        ),
        ("bigquery.tf", "dataset_id                 =", "dataset_ids =", "dataset_id is missing"),
        (
            "alerts.tf",
            "threshold_percent = threshold",
            "percent = threshold",
            "no argument percent",
        ),
    ],
)
def test_a_fault_against_the_schema_is_found(
    tmp_path: Path, library: Path, name: str, old: str, new: str, fault: str
) -> None:
    found = faults(parse_terraform(copy_with(tmp_path, name, old, new)), library)
    assert any(fault in one for one in found), found


def test_checkov_finds_nothing_and_each_skip_has_a_reason() -> None:
    done = subprocess.run(
        [
            *(str(linter("checkov", "terraform")), "--directory", str(FOLDER)),
            *("--framework", "terraform", "--skip-download", "--output", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["results"]["failed_checks"]
    assert report["summary"]["passed"] >= 25
    skipped = report["results"]["skipped_checks"]
    assert skipped
    for check in skipped:
        assert len(check["check_result"]["suppress_comment"].split()) >= 5, check["check_id"]


def test_no_secret_is_in_the_state(files: dict[str, Any]) -> None:
    """Accounts have no keys, and nothing is made, read or given out that is a secret."""
    kinds = {kind for kind, _, _ in resources(files)}
    assert not {kind for kind in kinds if "key" in kind or "secret" in kind or "password" in kind}
    text = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.tf"))
    assert not re.findall(r"(?i)(password|private_key|secret_data|token)\s*=", text)


def test_the_outputs_feed_the_profile(files: dict[str, Any]) -> None:
    known = (REPOSITORY / "profiles.yml.example").read_text(encoding="utf-8")
    known += (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
    [environment] = [
        block["environment"]
        for parsed in files.values()
        for block in parsed.get("locals", [])
        if "environment" in block
    ]
    names = set(re.findall(r"\b(?:DBT|TAXI)_\w+", json.dumps(environment)))
    assert {"DBT_BQ_PROJECT", "DBT_BQ_LOCATION", "TAXI_LAKE_URL"} <= names
    assert not {name for name in names if name not in known}
    outputs = read_yaml(REPOSITORY / "profiles.yml.example")["nyc_taxi"]["outputs"]
    assert "prod" in outputs
