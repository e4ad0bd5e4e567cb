"""Every overlay renders, every manifest is what its kind's schema says, and a typo is found.

That the schemas are strict is not believed but tried: each field of each manifest is misspelt in
turn, and each time the manifest must be refused.
"""

import functools
import pathlib
import re
import tempfile
import tomllib

import kubernetes_validate
import pydantic
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject
from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor
from kubernetes_validate import utils

from common import DEPLOY, ROOT, TOOLS, Wrong, misspelt, output, unknown_settings

# The oldest Kubernetes that has all that is used (`preStop.sleep`), and the newest with schemas.
VERSIONS = ("1.30", "1.37")
# What Kubernetes itself has no schema for: read into types, which must give back all that they
# took.
TYPES = {
    ("keda.sh/v1alpha1", "ScaledObject"): ScaledObject,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): ServiceMonitor,
}
# What KEDA's Prometheus scaler reads; KEDA's type takes any name there.
TRIGGER = {
    "serverAddress",
    "query",
    "threshold",
    "activationThreshold",
    "namespace",
    "timeout",
    "ignoreNullValues",
    "unsafeSsl",
    "authModes",
    "customHeaders",
    "queryParameters",
}

# A schema is read from disk each time otherwise.
utils.schema_contents = functools.cache(utils.schema_contents)


def run():
    kinds, typos, overlays = set(), 0, sorted((DEPLOY / "kubernetes/overlays").iterdir())
    for overlay in overlays:
        documents = render(overlay)
        for document in documents:
            name = f"{overlay.name}: {document['kind']} {document['metadata']['name']}"
            if complaint := complaint_about(document):
                raise Wrong(f"{name}: {complaint}")
            typos += find_typos(name, document)
            kinds.add(document["kind"])
        agree(overlay.name, documents)
    missing_schema_is_found()
    typo_in_kustomization_is_found(overlays[0])
    return [
        f"{len(overlays)} overlays render, and their manifests are strictly what Kubernetes "
        f"{' and '.join(VERSIONS)}, KEDA and the Prometheus operator say: "
        f"{', '.join(sorted(kinds))}",
        f"each of {typos} misspelt fields was refused, and a kind without a schema",
    ]


def render(overlay):
    return list(yaml.safe_load_all(output(TOOLS / "kubectl", "kustomize", overlay)))


def complaint_about(document):
    """What is wrong with a manifest, or None."""
    typed = TYPES.get((document.get("apiVersion"), document.get("kind")))
    try:
        if typed:
            return lost_by(typed, document) or unread_by_scaler(document)
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
    except (utils.SchemaNotFoundError, pydantic.ValidationError, KeyError) as error:
        return f"no schema takes it: {getattr(error, 'message', error)}"
    return None


def lost_by(typed, document):
    """A field that a type does not have is either refused or not given back."""
    back = typed.model_validate(document).model_dump(by_alias=True, exclude_unset=True, mode="json")
    return None if back == document else f"came back as {back}"


def unread_by_scaler(document):
    triggers = document["spec"].get("triggers", [])
    unread = {name for trigger in triggers for name in trigger["metadata"]} - TRIGGER
    return f"the scaler does not read {unread}" if unread else None


def find_typos(name, document):
    found = 0
    for path, wrong in misspelt(document):
        # A Service selects by whatever names pods have; `agree` looks at them.
        if document["kind"] == "Service" and path.startswith("spec.selector."):
            continue
        if not complaint_about(wrong):
            raise Wrong(f"{name}: {path} may be misspelt without anybody noticing")
        found += 1
    return found


def missing_schema_is_found():
    nobody = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObjects", "metadata": {"name": "x"}}
    if not complaint_about(nobody):
        raise Wrong("a kind without a schema is let through")


def typo_in_kustomization_is_found(overlay):
    """kubectl says so itself: tried on a copy beside nothing else."""
    text = (overlay / "kustomization.yaml").read_text()
    with tempfile.TemporaryDirectory() as directory:
        (pathlib.Path(directory) / "kustomization.yaml").write_text(
            text.replace("resources:", "resourcess:")
        )
        try:
            output(TOOLS / "kubectl", "kustomize", directory)
        except Wrong as wrong:
            if "resourcess" in str(wrong):
                return
            raise
    raise Wrong("kubectl does not notice a misspelt field of a kustomization")


def agree(overlay, documents):
    """What is said in two places is the same in both, and what is named exists."""
    by_kind = {}
    for document in documents:
        by_kind.setdefault(document["kind"], {})[document["metadata"]["name"]] = document
    deployment = by_kind["Deployment"]["earmark"]["spec"]
    pod = deployment["template"]
    container = pod["spec"]["containers"][0]

    told = [variable["name"] for variable in container["env"]]
    for unknown in unknown_settings([*told, *by_kind["ConfigMap"]["earmark"]["data"]]):
        raise Wrong(f"{overlay}: {unknown} is no setting")

    leaving = 10 + container["lifecycle"]["preStop"]["sleep"]["seconds"]
    if pod["spec"]["terminationGracePeriodSeconds"] <= leaving:
        raise Wrong(f"{overlay}: a pod needs {leaving} s to leave")

    for kind in ("Service", "ServiceMonitor", "PodDisruptionBudget"):
        for one in by_kind.get(kind, {}).values():
            selector = one["spec"]["selector"]
            labels = selector.get("matchLabels", selector)
            of_ours = one["metadata"]["name"] == "earmark"
            if of_ours and not labels.items() <= pod["metadata"]["labels"].items():
                raise Wrong(f"{overlay}: {kind} selects {labels}, which no pod has")

    scalers = {"ScaledObject": "maxReplicaCount", "HorizontalPodAutoscaler": "maxReplicas"}
    for kind, most in scalers.items():
        for one in by_kind.get(kind, {}).values():
            if one["spec"][most] != partitions():
                raise Wrong(f"{overlay}: {kind}: {most} is not the number of partitions")
            if "replicas" in deployment:
                raise Wrong(
                    f"{overlay}: the number of pods is said by {kind} and by the Deployment"
                )
            metrics_are_ours(overlay, one["spec"].get("triggers", []))


def metrics_are_ours(overlay, triggers):
    catalogue = (ROOT / "src/telemetry/catalogue.rs").read_text()
    for trigger in triggers:
        for metric in re.findall(r"earmark_\w+", trigger["metadata"]["query"]):
            if f'"{metric}"' not in catalogue:
                raise Wrong(f"{overlay}: KEDA asks for {metric}, which no pod has")


def partitions():
    defaults = tomllib.loads((ROOT / "config/default.toml").read_text())
    return defaults["streams"]["partitions"]
