"""Which alerts go off over entries of the log: our policies, as Cloud Monitoring would go through them.

All entries that are given lie within every condition's window. What is measured by Google is not in entries, so its
conditions are never met here. A percentile is taken for the largest value.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from operations.monitoring.definitions import Parameters, read_definitions
from tests.operations.log_filters import Entry, extracted, matches

DEFINITIONS = read_definitions(Parameters("demo-films", 20.0))
_OURS = re.compile(r'metric\.type="logging\.googleapis\.com/user/(\w+)"')
_LABEL = re.compile(r'metric\.labels\.(\w+)=(?:"(\w+)"|one_of\(([^)]*)\))')
_QUERY = re.compile(r".*logging_googleapis_com:user_(\w+?)(_sum|)\{[^}]*\}\[\d+\w\]\).* ([<>]) ([\d.]+)")


def alerts(entries: Iterable[Entry]) -> set[str]:
    """The names of the policies that these entries set off."""
    known = list(entries)
    return {name for name, policy in DEFINITIONS.policies.items() if _goes_off(policy, known)}


def counted(metric: str, entries: Iterable[Entry]) -> list[Any]:
    """What a metric takes from the entries: the values of a distribution, else 1 for each."""
    definition = DEFINITIONS.metrics[metric]
    found = [entry for entry in entries if matches(definition["filter"], entry)]
    extractor = definition.get("valueExtractor")
    return [extracted(extractor, entry) if extractor else 1 for entry in found]


def _goes_off(policy: Mapping[str, Any], entries: Sequence[Entry]) -> bool:
    met = [_is_met(condition, entries) for condition in policy["conditions"]]
    return all(met) if policy["combiner"] == "AND" else any(met)


def _is_met(condition: Mapping[str, Any], entries: Sequence[Entry]) -> bool:
    if query := condition.get("conditionPrometheusQueryLanguage", {}).get("query"):
        found = _QUERY.fullmatch(query)
        assert found, query
        metric, part, sign, limit = found.groups()
        values = counted(metric, entries)
        total = sum(values) if part == "_sum" else len(values)
        return total > float(limit) if sign == ">" else total < float(limit)
    threshold = condition["conditionThreshold"]
    metric = _OURS.search(threshold["filter"])
    if not metric:
        return False
    is_distribution = "valueExtractor" in DEFINITIONS.metrics[metric[1]]
    values = counted(metric[1], _labelled(threshold["filter"], metric[1], entries))
    value = max(values, default=0.0) if is_distribution else len(values)
    if "denominatorFilter" in threshold:
        of = _OURS.search(threshold["denominatorFilter"])
        assert of
        value = value / (len(counted(of[1], entries)) or 1)
    assert threshold["comparison"] == "COMPARISON_GT"
    return bool(value > threshold["thresholdValue"])


def _labelled(text: str, metric: str, entries: Sequence[Entry]) -> list[Entry]:
    extractors = DEFINITIONS.metrics[metric].get("labelExtractors", {})
    wanted = {
        label: {one} if one else set(re.findall(r'"(\w+)"', several)) for label, one, several in _LABEL.findall(text)
    }
    return [
        entry
        for entry in entries
        if all(extracted(extractors[label], entry) in values for label, values in wanted.items())
    ]
