"""Names for the labels of pods, as kube-state-metrics gives them, so that queries carry over.

https://github.com/kubernetes/kube-state-metrics, ``kube_pod_labels``: ``label_`` stands before the
key in snake_case, and keys that come out alike are told apart by ``_conflict1``, ``_conflict2``, ….
"""

import re
from collections import Counter
from collections.abc import Mapping

PREFIX = "label_"

_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9_]", re.ASCII)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def pod_label_pairs(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return names and values, in the order of the keys; every name is valid, and none comes twice."""
    names = {key: _name(key) for key in sorted(labels)}
    count = Counter(names.values())
    taken = {name for name, n in count.items() if n == 1}
    pairs = []
    for key, name in names.items():
        unique, number = name, 0
        while count[name] > 1 and (number == 0 or unique in taken):
            number += 1
            unique = f"{name}_conflict{number}"
        taken.add(unique)
        pairs.append((unique, labels[key]))
    return pairs


def _name(key: str) -> str:
    return PREFIX + _HUMP.sub("_", _NOT_OF_A_NAME.sub("_", key)).lower()
