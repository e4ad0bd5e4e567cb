"""What the parts share: where things are, how one fails, and how fields are misspelt."""

import copy
import os
import pathlib
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TOOLS = pathlib.Path(sys.executable).parent
WORK = ROOT / "target/deploy-check"
# The binary that is looked at.
BUILT = pathlib.Path(os.environ.get("EARMARK", ROOT / "target/debug/earmark")).resolve()

# Below these, whoever writes a file chooses the names: no schema can know them.
FREE = {
    "labels",
    "annotations",
    "matchLabels",
    "data",
    "stringData",
    "limits",
    "requests",
    "environment",
    "services",
    "configs",
    "networks",
    "volumes",
    "depends_on",
}


def environment(file) -> dict:
    """The variables of a file that compose reads."""
    lines = (DEPLOY / file).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def unknown_settings(environment):
    """Variables that are no setting: a pod would refuse to start."""
    sections = tomllib.loads((ROOT / "config/default.toml").read_text())
    short = {"EARMARK_NATS_URL", "EARMARK_REDIS_URL"}
    for name in sorted(set(environment) - short):
        match name.lower().split("__"):
            case ["earmark", section, key] if key in sections.get(section, {}):
                continue
        yield name


class Wrong(Exception):
    """Something is not as it should be."""


def output(*command, **options) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, **options
    )
    if done.returncode != 0:
        raise Wrong(f"{' '.join(map(str, command))}: {done.stderr or done.stdout}")
    return done.stdout


def misspelt(document, free=FREE):
    """The document with one field misspelt, and which: once for each field with a given name."""
    for path in _fields(document, (), free):
        copied = copy.deepcopy(document)
        at = copied
        for step in path[:-1]:
            at = at[step]
        at[f"{path[-1]}x"] = at.pop(path[-1])
        yield ".".join(map(str, path)), copied


def _fields(node, path, free):
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _fields(item, (*path, index), free)
    elif isinstance(node, dict):
        for key, value in node.items():
            own_names = path and path[-1] in free
            if not own_names:
                yield (*path, key)
            yield from _fields(value, (*path, key), free)
