"""Every alert can be evaluated, asks for what pods tell, and has its section in the runbook.

That a misspelt metric or label is found is not believed but tried: each is misspelt in turn.
"""

import re
import shutil
import tempfile

import yaml
from cloudcoil.models.prometheus_operator.v1 import PrometheusRule

from common import DEPLOY, ROOT, WORK, Wrong, output
from manifests import lost_by

RULES = DEPLOY / "prometheus/alerts.yaml"
TESTS = DEPLOY / "prometheus/alerts_test.yaml"
PROMTOOL = WORK / "promtool"
# Where pods say how much of a bound is in use.
BOUNDED = [
    ROOT / "src" / file
    for file in ("partition/held.rs", "partition/pace.rs", "http/door.rs", "telemetry/watch.rs")
]
SEVERITIES = {"page", "high", "medium"}
# Labels that are put on by whoever scrapes.
ATTACHED = {"namespace", "pod", "instance", "job"}
METRIC = re.compile(r"\bearmark_\w+")
MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
ANSWERS = ("**Means**", "**Look**", "**Do**", "**Undo**")


def run():
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    metrics = catalogue()
    for rule in rules:
        if complaint := complaint_about(rule, metrics):
            raise Wrong(f"{rule.get('alert')}: {complaint}")
    typos = sum(find_typos(rule, metrics) for rule in rules)
    sections_agree([rule["alert"] for rule in rules])
    told = prometheus_takes_them()
    return [
        f"{len(rules)} alerts ask for metrics and labels that pods have, and each has its section "
        f"in the runbook; each of {typos} misspelt names was found",
        f"Prometheus and its operator take the rules and local/prometheus.yml, and the rules do "
        f"what {told} tests of theirs say",
    ]


def catalogue():
    """The labels of each metric that a pod tells, by the name that Prometheus has it under."""
    text = (ROOT / "src/telemetry/catalogue.rs").read_text()
    found = re.findall(r'Kind::(\w+)[^"\n]*"(earmark_\w+)"\s*\[([^\]]*)\]', text)
    if len(found) < 50 or len(found) != len(set(re.findall(r'"(earmark_\w+)"', text))):
        raise Wrong("the catalogue of metrics cannot be read")
    metrics = {}
    for kind, name, labels in found:
        labels = set(re.findall(r'"(\w+)"', labels))
        if kind == "Histogram":
            metrics[f"{name}_bucket"] = labels | {"le"}
            metrics |= {f"{name}_{of}": labels for of in ("count", "sum")}
        else:
            metrics[name] = labels
    return metrics


def complaint_about(rule, metrics):
    """What is wrong with an alert, or None."""
    if set(rule) - {"for"} != {"alert", "expr", "labels", "annotations"}:
        return f"it has {sorted(rule)}"
    if set(rule["labels"]) != {"severity", "owner"} or rule["labels"]["severity"] not in SEVERITIES:
        return f"its labels are {rule['labels']}"
    if set(rule["annotations"]) != {"summary", "runbook"}:
        return f"its annotations are {sorted(rule['annotations'])}"
    if rule["annotations"]["runbook"] != f"deploy/runbook.md#{rule['alert'].lower()}":
        return "its section in the runbook is not named after it"
    return complaint_about_query(rule, metrics)


def complaint_about_query(rule, metrics):
    query = rule["expr"]
    asked = METRIC.findall(query)
    if not asked:
        return "it asks for no metric"
    for name in asked:
        if name not in metrics:
            return f"no pod has {name}"
    for name, matchers in re.findall(r"\b(earmark_\w+)\{([^}]*)\}", query):
        for label, _, value in MATCHER.findall(matchers):
            if label not in metrics[name] | ATTACHED:
                return f"{name} has no label {label}"
            for unknown in unknown_values(label, value):
                return f"{label} is never {unknown}"
    known = set().union(*(metrics[name] for name in asked)) | ATTACHED
    for label in re.findall(r"\w+", " ".join(GROUPING.findall(query))):
        if label not in known:
            return f"none of its metrics has a label {label}"
    texts = " ".join([rule["annotations"]["summary"], rule["labels"]["owner"]])
    for label in re.findall(r"\$labels\.(\w+)", texts):
        if label not in known:
            return f"none of its metrics has a label {label}"
    return None


def unknown_values(label, value):
    """Values that a label never has, of those labels whose values stand somewhere."""
    values = set(value.split("|"))
    known = {
        "bound": {of for file in BOUNDED for of in re.findall(r'"(\w+\.\w+)"', file.read_text())},
        "severity": SEVERITIES | {"low"},
        "source": {"commands", "settlement", "demand", "fulfilment", "reporting"},
        "lane": {"settlement", "demand", "fulfilment", "reporting"},
        "server": {"nats", "redis"},
        "class": {"2xx", "3xx", "4xx", "5xx"},
        "state": set(
            re.findall(r'\("(\w+)", self', (ROOT / "src/partition/books.rs").read_text())
        ),
        "stream": set(re.findall(r'"(EARMARK_\w+)"', (ROOT / "src/nats/names.rs").read_text())),
    }
    return values - known.get(label, values)


def find_typos(rule, metrics):
    """Each metric, each label and each value that is asked for, misspelt in turn, is found."""
    query, found = rule["expr"], 0
    for begin, end in sorted(names_in(query)):
        wrong = dict(rule, expr=f"{query[:end]}x{query[end:]}")
        if not complaint_about(wrong, metrics):
            raise Wrong(f"{rule['alert']}: {query[begin:end]} may be misspelt and nobody notices")
        found += 1
    return found


def names_in(query):
    """Where the names stand that somebody else has given."""
    for metric in METRIC.finditer(query):
        yield metric.span()
    for selector in re.finditer(r"\{[^}]*\}", query):
        for matcher in MATCHER.finditer(query, *selector.span()):
            yield matcher.span(1)
            for value in re.compile(r"[^|]+").finditer(query, *matcher.span(3)):
                yield value.span()
    for group in GROUPING.finditer(query):
        for label in re.compile(r"\w+").finditer(query, *group.span(1)):
            yield label.span()


def sections_agree(alerts):
    page = (DEPLOY / "runbook.md").read_text()
    sections = dict(of.split("\n", 1) for of in re.split(r"^## ", page, flags=re.M)[1:])
    for alert in alerts:
        if alert not in sections:
            raise Wrong(f"runbook.md has no section {alert}")
        for answer in ANSWERS:
            if answer not in sections[alert]:
                raise Wrong(f"runbook.md: {alert}: no {answer}")
    for section in sections:
        if section.startswith("Earmark") and section not in alerts:
            raise Wrong(f"runbook.md speaks of {section}, which is no alert")
    if len(alerts) != len(set(alerts)):
        raise Wrong("two alerts have one name")


def as_resource():
    """What the command of deploy/README.md sends to a cluster."""
    command = re.search(r"^\{ printf .*?(?= \|$)", (DEPLOY / "README.md").read_text(), re.M | re.S)
    return output("bash", "-c", command[0], cwd=ROOT)


def prometheus_takes_them():
    """Its own tool says so, and plays the tests; so does the type of its operator."""
    if lost := lost_by(PrometheusRule, yaml.safe_load(as_resource())):
        raise Wrong(f"as a PrometheusRule the alerts {lost}")
    output(PROMTOOL, "check", "rules", RULES)
    output(PROMTOOL, "test", "rules", TESTS)
    with tempfile.TemporaryDirectory() as directory:
        for file in (RULES, DEPLOY / "local/prometheus.yml"):
            shutil.copy(file, directory)
        output(PROMTOOL, "check", "config", f"{directory}/prometheus.yml")
    return len(yaml.safe_load(TESTS.read_text())["tests"])
