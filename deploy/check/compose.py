"""compose.yaml is what the Compose specification says, its files are there, and a typo is found."""

import importlib.resources
import json

import jsonschema
import yaml

from common import DEPLOY, TOOLS, Wrong, environment, misspelt, output, unknown_settings

# Names that the file chooses; below `x-` anything goes, and it is checked where it is merged in.
SKIPPED = ("x-", "name")


def run():
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    schema = json.loads(
        importlib.resources.files("check_jsonschema")
        .joinpath("builtin_schemas/vendor/compose-spec.json")
        .read_text()
    )
    validator = jsonschema.validators.validator_for(schema)(schema)
    for error in validator.iter_errors(document):
        raise Wrong(f"compose.yaml: {error.json_path}: {error.message}")
    typos = 0
    for path, wrong in misspelt(document):
        if path.startswith(SKIPPED):
            continue
        if validator.is_valid(wrong):
            raise Wrong(f"compose.yaml: {path} may be misspelt without anybody noticing")
        typos += 1
    files = files_are_there(document)
    names_are_known(document)
    output(TOOLS / "hadolint", DEPLOY / "Dockerfile")
    return [
        f"compose.yaml is as the Compose specification says, with its {files} files, and each of "
        f"{typos} misspelt fields was refused",
        "the Dockerfile gives hadolint no cause for complaint",
    ]


def files_are_there(document):
    named = [config["file"] for config in document["configs"].values()]
    for service in document["services"].values():
        named += service.get("env_file", [])
    for file in named:
        if not (DEPLOY / file).is_file():
            raise Wrong(f"compose.yaml names {file}, which is not there")
        if file.endswith(".env"):
            for unknown in unknown_settings(environment(file)):
                raise Wrong(f"{file}: {unknown} is no setting")
    return len(set(named))


def names_are_known(document):
    """What a service refers to is defined: the schema cannot see that."""
    for name, service in document["services"].items():
        wanted = {
            "services": service.get("depends_on", {}),
            "networks": service.get("networks", []),
            "configs": [config["source"] for config in service.get("configs", [])],
            "volumes": [volume.split(":")[0] for volume in service.get("volumes", [])],
        }
        for kind, names in wanted.items():
            for unknown in set(names) - set(document[kind]):
                raise Wrong(
                    f"compose.yaml: {name} refers to {unknown}, which is none of its {kind}"
                )
