"""The image's file system, assembled by the Dockerfile's last stage, and the binary at work in it.

There is no container engine here. The stage's own instructions are followed in a directory; for the
base image stand the libraries that the binary asks for, which must be among those that the base
has, taken from this machine. A process is started in it as an engine would: another root,
read-only, the stage's user, no capabilities, no way to new ones. That takes root, and says so
without.
"""

import json
import os
import pathlib
import re
import shlex
import shutil

from common import BUILT, DEPLOY, ROOT, WORK, Wrong, output

DIRECTORY = WORK / "image"
# What distroless/cc has that a Rust binary links with (libc6, libgcc-s1), by soname.
BASE = re.compile(r"ld-linux-[\w-]+\.so|lib(c|m|dl|rt|pthread|gcc_s)\.so")


def run():
    if os.geteuid() != 0:
        raise Wrong("start it as root: another root file system takes it")
    sent = context_is_complete()
    libraries = assemble()
    version = output(*command("--version")).strip()
    examples = output(*command("contracts", "--json"))
    if not json.loads(examples):
        raise Wrong("`earmark contracts` says nothing in the image")
    return [
        f"the {sent} sources that the Dockerfile copies are there, reach the builder, and are all "
        "that the binary includes",
        f"`{version}` runs in the image's file system, which holds it and {', '.join(libraries)}",
    ]


def stages():
    """The Dockerfile's stages, each a list of (instruction, argument)."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.M)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    found = []
    for word, _, rest in (line.strip().partition(" ") for line in lines if line.strip()):
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest.strip()))
    return found


def context_is_complete():
    build = stages()[0]
    copied = [source for word, rest in build if word == "COPY" for source in rest.split()[:-1]]
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    if let_in != set(copied):
        raise Wrong(f".dockerignore lets in {let_in}, the Dockerfile copies {copied}")
    context = WORK / "context"
    shutil.rmtree(context, ignore_errors=True)
    for source in copied:
        (context / source).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, context / source)
    # Reads the manifest, and finds what it names.
    output(
        "cargo", "metadata", "--offline", "--locked", "--no-deps", "--format-version=1", cwd=context
    )
    for file in (context / "src").rglob("*.rs"):
        for name in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', file.read_text()):
            if not (file.parent / name).is_file():
                raise Wrong(
                    f"{file.relative_to(context)} includes {name}, which the image's build lacks"
                )
    return len(copied)


def assemble():
    """Follows the last stage, in a directory; returns the names of the libraries."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    copies = [rest for word, rest in stages()[-1] if word == "COPY"]
    if copies != ["--from=build /image/ /"]:
        raise Wrong(f"the last stage copies {copies}, which is not what is assembled here")
    if "/image/usr/local/bin/earmark" not in str(stages()[0]):
        raise Wrong("the build stage puts the binary somewhere else")
    binary = DIRECTORY / "usr/local/bin/earmark"
    binary.parent.mkdir(parents=True)
    shutil.copy(BUILT, binary)
    binary.chmod(0o555)
    libraries = [pathlib.Path(path) for path in re.findall(r"(/\S+) \(0x", output("ldd", BUILT))]
    for library in libraries:
        if not BASE.match(library.name):
            raise Wrong(f"the base image has no {library.name}")
        place = DIRECTORY / str(library)[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library.resolve(), place)
    return sorted(library.name for library in libraries)


def settings():
    """The environment that the last stage sets, and nothing else."""
    return dict(rest.split("=", 1) for word, rest in stages()[-1] if word == "ENV")


def command(*arguments):
    """How to start the image; without arguments, what it does by itself."""
    last = dict(stages()[-1])
    start = json.loads(last["ENTRYPOINT"]) + (list(arguments) or json.loads(last["CMD"]))
    root = shlex.quote(str(DIRECTORY))
    inner = (
        f"mount --bind {root} {root} && mount -o remount,bind,ro {root} && exec setpriv "
        f"--no-new-privs chroot --groups= --userspec={last['USER']} {root} {shlex.join(start)}"
    )
    return ["unshare", "--mount", "sh", "-c", inner]


def is_confined(process):
    """Whether a process that `command` started is what it should be, by the kernel's word."""
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    found = dict(re.findall(r"^(Uid|Gid|CapEff|CapPrm|NoNewPrivs):\s*(\S+)", status, flags=re.M))
    user, group = dict(stages()[-1])["USER"].split(":")
    wanted = {"Uid": user, "Gid": group, "CapEff": "0" * 16, "CapPrm": "0" * 16, "NoNewPrivs": "1"}
    if found != wanted:
        raise Wrong(f"the pod runs as {found}, and not as {wanted}")
    if not os.statvfs(f"/proc/{process}/root").f_flag & os.ST_RDONLY:
        raise Wrong("the pod can write to its root file system")
