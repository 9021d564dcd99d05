"""What a project needs, and what that needs, as it is installed here: names and licences."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(requirements: Iterable[str]) -> dict[str, Distribution]:
    """Return all that these bring along, by canonical name; what is not installed here is left out."""
    found: dict[str, Distribution] = {}
    waiting = list(map(Requirement, requirements))
    while waiting:
        each = waiting.pop()
        name = canonicalize_name(each.name)
        if name in found or (each.marker is not None and not each.marker.evaluate({"extra": ""})):
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        waiting += map(Requirement, found[name].requires or ())
    return dict(sorted(found.items()))


def needed_for_tests(project: dict[str, Any]) -> dict[str, Distribution]:
    """Return what the table `project` of a pyproject.toml needs with all of its extras, less the project itself."""
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    return needed(each for each in wanted if Requirement(each).name != project["name"])


def licence_of(found: Distribution) -> str:
    """Return what a distribution says of its licence: its expression, else its classifiers, else its first line."""
    metadata = found.metadata
    if expressions := metadata.get_all("License-Expression"):
        return str(expressions[0])
    classifiers = [each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier") or () if "License ::" in each]
    told = metadata.get_all("License") or ["unknown"]
    return "; ".join(classifiers) or str(told[0]).strip().partition("\n")[0]
