"""docker-compose.yml follows the Compose specification and the house's rules for a deployment.

The schema is the one of compose-spec (Apache-2.0) that the package check-jsonschema carries. Each rule is seen to fail
on a broken copy of the file. Where a Compose command is installed, it reads the file too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from ingest.settings import PARALLEL_LOADS
from orchestration.names import WRITER_POOL

PROJECT = Path(__file__).resolve().parents[2]
ROLES = {"postgres", "airflow-init", "scheduler", "dag-processor", "api-server", "triggerer", "exports-server"}
EXPORTS = "/var/lib/gmw/exports"
REQUIRED = re.compile(r"\$\{([A-Z_]+):\?[^}]+\}")
# Secrets that one may do without: they come from the environment, too, or are empty.
OPTIONAL = {"OPENLINEAGE_API_KEY": "${OPENLINEAGE_API_KEY:-}"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)")


def read_compose() -> dict:
    return yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))


def environment(holder: dict, key: str = "environment") -> dict[str, str]:
    """The variables of a service or the arguments of a build: a mapping, or a list of NAME=value."""
    declared = holder.get(key) or {}
    if isinstance(declared, list):
        declared = dict(item.partition("=")[::2] for item in declared)
    return {name: str(value) for name, value in declared.items()}


def texts(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    elif isinstance(node, str):
        yield node


@cache
def specification() -> Draft202012Validator:
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    return Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))


def against_the_specification(compose: dict) -> Iterator[str]:
    for error in specification().iter_errors(compose):
        cause = best_match([error])
        yield f"specification: {'/'.join(map(str, cause.absolute_path))}: {cause.message}"


def missing_roles(compose: dict) -> Iterator[str]:
    for role in sorted(ROLES - set(compose["services"])):
        yield f"role missing: {role}"


def literal_secrets(compose: dict) -> Iterator[str]:
    for service, declared in compose["services"].items():
        build = declared.get("build")
        arguments = environment(build, "args") if isinstance(build, dict) else {}
        for name, value in {**environment(declared), **arguments}.items():
            if value != OPTIONAL.get(name) and re.search("PASSWORD|SECRET|KEY|TOKEN", name.upper()) and not REQUIRED.fullmatch(value):
                yield f"literal secret: {service}: {name}"
    for text in texts(compose):
        for password in re.findall(r"://[^/@:\s]+:(.+?)@", text):
            if not REQUIRED.fullmatch(password):
                yield "literal secret: password in an address"


def secrets_beyond_who_needs_them(compose: dict) -> Iterator[str]:
    holders = {"GMW_PERSON_KEY_SECRET": {"scheduler"}, "AIRFLOW_ADMIN_PASSWORD": {"airflow-init"}}
    for service, declared in compose["services"].items():
        for text in texts(declared):
            for name in VARIABLE.findall(text):
                if service not in holders.get(name, ROLES):
                    yield f"secret in the wrong service: {service}: {name}"


def mounts(declared: dict) -> Iterator[tuple[str, str, bool]]:
    """(source, target, read-only) of each volume of a service; `source` may be a variable with a message."""
    for volume in declared.get("volumes") or []:
        if isinstance(volume, dict):
            yield volume.get("source", ""), volume["target"], bool(volume.get("read_only"))
        else:
            source, target, *mode = re.sub(r":[?-][^}]*\}", "}", volume).split(":")
            yield source, target, "ro" in mode


def wrong_mounts(compose: dict) -> Iterator[str]:
    by_service = {name: list(mounts(service)) for name, service in compose["services"].items()}
    if by_service.get("exports-server") != [("exports", EXPORTS, True)]:
        yield "mount: exports-server sees the exports, read-only, and nothing else"
    if f"{EXPORTS}/current" not in compose["services"].get("exports-server", {}).get("command", []):
        yield "mount: exports-server serves the current exports"
    drop = [read_only for _, target, read_only in by_service.get("scheduler", []) if target == "/var/lib/gmw-drop"]
    if drop != [True]:
        yield "mount: the scheduler reads the drop folder and never writes it"
    backups = {service for service, found in by_service.items() if any(target == "/var/lib/gmw-backups" for _, target, _ in found)}
    if backups != {"scheduler"}:
        yield f"mount: the backups belong to the scheduler, found {sorted(backups)}"
    holders = {service for service, found in by_service.items() if any(source == "state" for source, *_ in found)}
    if holders != {"scheduler", "airflow-init"}:
        yield f"mount: the state belongs to the scheduler and airflow-init, found {sorted(holders)}"


def wrong_rights(compose: dict) -> Iterator[str]:
    for service, declared in compose["services"].items():
        if declared.get("privileged") or declared.get("cap_drop") != ["ALL"]:
            yield f"rights: {service} is privileged or keeps capabilities"
        if "no-new-privileges:true" not in declared.get("security_opt", []):
            yield f"rights: {service} may gain privileges"
        if str(declared.get("user", "root")).split(":")[0] in {"root", "0"}:
            yield f"rights: {service} runs as root"
        if declared.get("read_only") is not True:
            yield f"rights: {service} can write its own image"
        for port in declared.get("ports") or []:
            if not str(port).startswith("${GMW_BIND_ADDRESS:-127.0.0.1}:"):
                yield f"rights: {service} listens beyond this machine by default: {port}"


def unattended_services(compose: dict) -> Iterator[str]:
    for service, declared in compose["services"].items():
        ends = service == "airflow-init"
        if declared.get("restart") != ("no" if ends else "unless-stopped"):
            yield f"unattended: {service} has the wrong restart policy"
        if not ends and not declared.get("healthcheck", {}).get("test"):
            yield f"unattended: {service} has no health check"
        if not {"max-size", "max-file"} <= set(declared.get("logging", {}).get("options", {})):
            yield f"unattended: the log of {service} grows without end"
        if not declared.get("mem_limit"):
            yield f"unattended: {service} may take all memory"
        awaited = declared.get("depends_on", {})
        needs = {"postgres": set(), "airflow-init": {"postgres"}, "scheduler": {"airflow-init", "api-server"}}
        if not isinstance(awaited, dict) or not needs.get(service, {"airflow-init"}) <= set(awaited):
            yield f"unattended: {service} does not wait until what it needs is ready"


def complaints(compose: dict) -> list[str]:
    """Everything that is wrong with a Compose file. Of a file that breaks the specification, only that."""
    found = list(against_the_specification(compose))
    return found or [complaint for rule in RULES for complaint in rule(compose)]


RULES = (missing_roles, literal_secrets, secrets_beyond_who_needs_them, wrong_mounts, wrong_rights, unattended_services)


def test_the_compose_file_follows_the_specification_and_the_rules():
    assert complaints(read_compose()) == []


def within(compose: dict, *way: str | int) -> dict:
    node = compose["services"]
    for step in way:
        node = node[step]
    return node


def put(*path: str | int, to: object) -> Callable[[dict], None]:
    return lambda compose: within(compose, *path[:-1]).__setitem__(path[-1], to)


def without(*path: str | int) -> Callable[[dict], None]:
    return lambda compose: within(compose, *path[:-1]).__delitem__(path[-1])


API, SCHEDULER, POSTGRES, EXPORTS_SERVER, TRIGGERER = "api-server", "scheduler", "postgres", "exports-server", "triggerer"
PASSWORD = (POSTGRES, "environment", "POSTGRES_PASSWORD")
ADDRESS = (SCHEDULER, "environment", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
PERSON_KEY = (API, "environment", "GMW_PERSON_KEY_SECRET")

BROKEN = {
    "unknown_key": (put(SCHEDULER, "helthcheck", to={}), "specification: services/scheduler"),
    "unknown_section": (lambda compose: compose.update(service={}), "specification: "),
    "unknown_condition": (put(API, "depends_on", POSTGRES, "condition", to="ready"), "specification: services/api"),
    "ports_as_a_mapping": (put(API, "ports", to={"8080": 8080}), "specification: services/api-server/ports"),
    "image_as_a_list": (put(POSTGRES, "image", to=["postgres"]), "specification: services/postgres/image"),
    "literal_password": (put(*PASSWORD, to="hunter2"), "literal secret: postgres"),
    "default_password": (put(*PASSWORD, to="${POSTGRES_PASSWORD:-hunter2}"), "literal secret: postgres"),
    "password_may_be_empty": (put(*PASSWORD, to="${POSTGRES_PASSWORD:-}"), "literal secret: postgres"),
    "password_may_be_missing": (put(*PASSWORD, to="${POSTGRES_PASSWORD}"), "literal secret: postgres"),
    "password_in_a_list": (put(*PASSWORD[:2], to=["POSTGRES_PASSWORD=hunter2"]), "literal secret: postgres"),
    "password_in_an_address": (put(*ADDRESS, to="postgresql://a:hunter2@postgres/a"), "literal secret: password"),
    "token_for_the_build": (put(SCHEDULER, "build", "args", "PIP_TOKEN", to="x"), "literal secret: scheduler"),
    "leak": (put(*PERSON_KEY, to="${GMW_PERSON_KEY_SECRET:?set it}"), "secret in the wrong service: api-server"),
    **{f"no_{role}": (without(role), f"role missing: {role}") for role in sorted(ROLES)},
    "exports_writable": (put(EXPORTS_SERVER, "volumes", 0, to=f"exports:{EXPORTS}"), "mount: exports-server"),
    "raw_data_served": (put(EXPORTS_SERVER, "volumes", 0, to="state:/srv:ro"), "mount: exports-server"),
    "old_exports_served": (put(EXPORTS_SERVER, "command", 3, to=EXPORTS), "mount: exports-server serves"),
    "drop_folder_writable": (put(SCHEDULER, "volumes", 3, to="/drop:/var/lib/gmw-drop"), "mount: the scheduler"),
    "backups_elsewhere": (put(TRIGGERER, "volumes", 0, to="backups:/var/lib/gmw-backups"), "mount: the backups"),
    "state_elsewhere": (put(TRIGGERER, "volumes", 0, to="state:/var/lib/gmw"), "mount: the state"),
    "privileged": (put(SCHEDULER, "privileged", to=True), "rights: scheduler is privileged"),
    "capabilities": (put(EXPORTS_SERVER, "cap_drop", to=[]), "rights: exports-server is privileged"),
    "new_privileges": (put(POSTGRES, "security_opt", to=[]), "rights: postgres may gain"),
    "root": (put(SCHEDULER, "user", to="0:0"), "rights: scheduler runs as root"),
    "user_of_the_image": (without(EXPORTS_SERVER, "user"), "rights: exports-server runs as root"),
    "writable_image": (put(TRIGGERER, "read_only", to=False), "rights: triggerer can write"),
    "open_port": (put(API, "ports", to=["8080:8080"]), "rights: api-server listens"),
    "no_restart": (put(SCHEDULER, "restart", to="no"), "unattended: scheduler has the wrong restart"),
    "no_health_check": (without(POSTGRES, "healthcheck"), "unattended: postgres has no health check"),
    "no_log_rotation": (put(API, "logging", to={"driver": "json-file"}), "unattended: the log of api-server"),
    "no_memory_limit": (without(EXPORTS_SERVER, "mem_limit"), "unattended: exports-server may take"),
    "starts_at_once": (without(EXPORTS_SERVER, "depends_on"), "unattended: exports-server does not wait"),
    "starts_too_early": (put(TRIGGERER, "depends_on", to=["airflow-init"]), "unattended: triggerer does not wait"),
    "tasks_before_the_api": (without(SCHEDULER, "depends_on", API), "unattended: scheduler does not wait"),
}


@pytest.mark.parametrize(("damage", "complaint"), BROKEN.values(), ids=BROKEN)
def test_a_broken_compose_file_is_refused(damage: Callable[[dict], None], complaint: str):
    compose = json.loads(json.dumps(read_compose()))  # a copy in which services share no anchor
    damage(compose)
    assert any(found.startswith(complaint) for found in complaints(compose)), complaints(compose)


def test_the_example_environment_names_every_variable_and_no_value():
    compose = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^([A-Z_]+)=$", example, re.M)) == set(REQUIRED.findall(compose))
    assert not re.findall(r"^[A-Z_]+=.+$", example, re.M)
    with_default = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", compose))
    assert dict(re.findall(r"^# ([A-Z_]+)=(.*)$", example, re.M)) == with_default


def test_init_makes_the_pool_as_large_as_the_tasks_that_take_all_of_it_believe():
    """A task that takes more slots than its pool has would never run."""
    services = read_compose()["services"]
    assert f'airflow pools set {WRITER_POOL} "$$GMW_PARALLEL_LOADS" ' in services["airflow-init"]["command"][-1]
    told = {services[name]["environment"]["GMW_PARALLEL_LOADS"] for name in ("airflow-init", "dag-processor", "scheduler")}
    assert told == {f"${{GMW_PARALLEL_LOADS:-{PARALLEL_LOADS}}}"}


def test_the_metadata_store_holds_chinese_text():
    assert "--encoding=UTF8" in read_compose()["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]


def test_no_command_gets_a_password_as_an_argument():
    for service, declared in read_compose()["services"].items():
        assert "--password" not in " ".join(texts(declared.get("command"))), service


def test_the_image_runs_as_another_user_and_installs_what_the_lock_says():
    lines = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (\S+)", lines, re.M)[-1] == read_compose()["services"]["scheduler"]["user"]
    assert "--require-hashes" in lines
    assert not re.search(r"https?://|--index-url|--extra-index-url", lines), "a package index comes from outside"


def test_the_build_context_admits_only_what_is_listed():
    entries = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert entries[0] == "*"
    admitted = {entry[1:] for entry in entries if entry.startswith("!")}
    assert admitted <= {
        "pyproject.toml", "requirements.in", "requirements.lock",
        "dags", "dbt_project", "distributed", "expectations", "exports", "ingest", "orchestration",
    }  # fmt: skip


def compose_command() -> list[str] | None:
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    return None


needs_compose = pytest.mark.skipif(compose_command() is None, reason="no Compose command is installed here")


def run_compose(tmp_path: Path, missing: str | None = None) -> subprocess.CompletedProcess:
    required = REQUIRED.findall((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    given = {name: "/somewhere" if name.endswith("FOLDER") else "0a1b2c" for name in required if name != missing}
    outside = {name: value for name, value in os.environ.items() if name not in required}
    (tmp_path / "docker-compose.yml").write_bytes((PROJECT / "docker-compose.yml").read_bytes())  # away from a real .env
    return subprocess.run(
        [*compose_command(), "--file", str(tmp_path / "docker-compose.yml"), "config", "--quiet"],
        cwd=tmp_path, env={**outside, **given}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@needs_compose
def test_compose_itself_accepts_the_file(tmp_path: Path):
    result = run_compose(tmp_path)
    assert result.returncode == 0, result.stderr


@needs_compose
@pytest.mark.parametrize("missing", ["POSTGRES_PASSWORD", "GMW_PERSON_KEY_SECRET", "GMW_HOST_DROP_FOLDER"])
def test_compose_stops_without_a_secret_and_names_it(tmp_path: Path, missing: str):
    result = run_compose(tmp_path, missing)
    assert result.returncode != 0
    assert missing in result.stderr
