"""Objectives by name. Each is imported on first use, so that names can be checked without torch."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algorithms.types import BuiltIn, Objective


class Registry(Mapping[str, "type[BuiltIn]"]):
    """Classes by name, each imported on first use."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        """``module:Class``, by name."""

    def __getitem__(self, name: str) -> type[BuiltIn]:
        module, _, attribute = self._places[name].partition(":")
        found: type[BuiltIn] = getattr(importlib.import_module(module), attribute)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


OBJECTIVES = Registry(
    {
        "agro": "algorithms.agro:AGRO",
        "agro_tapered": "algorithms.agro_tapered:AGROTapered",
        "agro_proximal": "algorithms.agro_proximal:AGROProximal",
        "agro_anchored": "algorithms.agro_anchored:AGROAnchored",
        "rloo": "algorithms.rloo:RLOO",
        "reinforce": "algorithms.reinforce:Reinforce",
        "grpo": "algorithms.grpo:GRPO",
        "dr_grpo": "algorithms.dr_grpo:DrGRPO",
        "dapo": "algorithms.dapo:DAPO",
        "gspo": "algorithms.gspo:GSPO",
        "ppo": "algorithms.ppo:PPO",
        "geppo": "algorithms.geppo:GEPPO",
        "dpo": "algorithms.dpo:DPO",
        "ipo": "algorithms.ipo:IPO",
        "rpo": "algorithms.rpo:RPO",
        "topr": "algorithms.topr:TOPR",
        "tba": "algorithms.tba:TBA",
        "rloo_published": "algorithms.rloo_published:RLOOPublished",
        "cispo": "algorithms.cispo:CISPO",
        "oapl": "algorithms.oapl:OAPL",
        "pmd": "algorithms.pmd:PMD",
        "asymre": "algorithms.asymre:AsymRE",
        "dppo": "algorithms.dppo:DPPO",
        "maxrl": "algorithms.maxrl:MaxRL",
        "reinforce_pp": "algorithms.reinforce_pp:ReinforcePP",
        "m2po": "algorithms.m2po:M2PO",
        "kto": "algorithms.kto:KTO",
        "astar_po": "algorithms.astar_po:AStarPO",
    }
)
"""The built-in objectives by name."""


class UnknownName(ValueError):
    """No objective has this name. The caller can suggest one of the ``known`` names."""

    def __init__(self, message: str, name: str, known: Iterable[str]) -> None:
        super().__init__(message)
        self.name = name
        self.known = tuple(known)


def load_objective(spec: str) -> type[Objective]:
    """The objective class that ``spec`` names: "grpo", or "my_pkg.my_module:MyObjective" for your own.

    Raises ValueError with one sentence if there is no such class, or if it is not an objective.
    """
    if ":" in spec:
        return _load_from_module(spec)
    if spec not in OBJECTIVES:
        message = (
            f"unknown objective {spec!r}; the built-in ones are {', '.join(OBJECTIVES)}; "
            "name your own as my_pkg.my_module:MyObjective"
        )
        raise UnknownName(message, spec, OBJECTIVES)
    return OBJECTIVES[spec]


def _load_from_module(spec: str) -> type[Objective]:
    module_name, _, name = spec.partition(":")
    if module_name.endswith(".py") or "/" in module_name:
        own = module_name.removesuffix(".py").rpartition("/")[2]
        raise ValueError(f"objective {spec!r}: give a module, not a file; in its folder, write {own}:{name}")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a user's module can fail in any way during import
        raise ValueError(
            f"objective {spec!r}: cannot import {module_name!r} ({type(error).__name__}: {error})"
        ) from error
    if not hasattr(module, name):
        raise UnknownName(f"objective {spec!r}: {module_name} has no {name!r}", name, vars(module))
    found: type[Objective] = getattr(module, name)
    if not (isinstance(found, type) and is_dataclass(found)):
        raise ValueError(f"objective {spec!r}: {name} is not a dataclass")
    for member in ("requires", "loss"):
        if not hasattr(found, member):
            raise ValueError(f"objective {spec!r}: {name} has no {member!r}")
    return found
