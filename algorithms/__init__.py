"""Fine-tuning objectives for language models: tensors in, loss out. Needs torch alone."""

import importlib
from collections.abc import Iterable
from dataclasses import is_dataclass

from algorithms.agro import AGRO
from algorithms.agro_anchored import AGROAnchored
from algorithms.agro_proximal import AGROProximal
from algorithms.agro_tapered import AGROTapered
from algorithms.astar_po import AStarPO
from algorithms.asymre import AsymRE
from algorithms.cispo import CISPO
from algorithms.dapo import DAPO
from algorithms.dpo import DPO
from algorithms.dppo import DPPO
from algorithms.dr_grpo import DrGRPO
from algorithms.geppo import GEPPO
from algorithms.grpo import GRPO
from algorithms.gspo import GSPO
from algorithms.ipo import IPO
from algorithms.kto import KTO
from algorithms.m2po import M2PO
from algorithms.maxrl import MaxRL
from algorithms.oapl import OAPL
from algorithms.pmd import PMD
from algorithms.ppo import PPO
from algorithms.reinforce import Reinforce
from algorithms.reinforce_pp import ReinforcePP
from algorithms.rloo import RLOO
from algorithms.rloo_published import RLOOPublished
from algorithms.rpo import RPO
from algorithms.tba import TBA
from algorithms.topr import TOPR
from algorithms.types import BuiltIn, Objective

__all__ = ["OBJECTIVES", "UnknownName", "load_objective"]

OBJECTIVES: dict[str, type[BuiltIn]] = {
    "agro": AGRO,
    "agro_tapered": AGROTapered,
    "agro_proximal": AGROProximal,
    "agro_anchored": AGROAnchored,
    "rloo": RLOO,
    "reinforce": Reinforce,
    "grpo": GRPO,
    "dr_grpo": DrGRPO,
    "dapo": DAPO,
    "gspo": GSPO,
    "ppo": PPO,
    "geppo": GEPPO,
    "dpo": DPO,
    "ipo": IPO,
    "rpo": RPO,
    "topr": TOPR,
    "tba": TBA,
    "rloo_published": RLOOPublished,
    "cispo": CISPO,
    "oapl": OAPL,
    "pmd": PMD,
    "asymre": AsymRE,
    "dppo": DPPO,
    "maxrl": MaxRL,
    "reinforce_pp": ReinforcePP,
    "m2po": M2PO,
    "kto": KTO,
    "astar_po": AStarPO,
}
"""The built-in objectives by name."""


class UnknownName(ValueError):
    """No objective has this name. What may have been meant, of those that are ``known``, the caller can say."""

    def __init__(self, message: str, name: str, known: Iterable[str]) -> None:
        super().__init__(message)
        self.name = name
        self.known = tuple(known)


def load_objective(spec: str) -> type[Objective]:
    """The objective class that ``spec`` names: "grpo", or "my_pkg.my_module:MyObjective" for one's own.

    Raises ValueError, in one sentence, where there is no such objective or it is not one.
    """
    if ":" in spec:
        return _load_from_module(spec)
    if spec not in OBJECTIVES:
        message = (
            f"unknown objective {spec!r}; the built-in ones are {', '.join(OBJECTIVES)}, "
            "and one's own is written as my_pkg.my_module:MyObjective"
        )
        raise UnknownName(message, spec, OBJECTIVES)
    return OBJECTIVES[spec]


def _load_from_module(spec: str) -> type[Objective]:
    module_name, _, name = spec.partition(":")
    if module_name.endswith(".py") or "/" in module_name:
        own = module_name.removesuffix(".py").rpartition("/")[2]
        raise ValueError(f"objective {spec!r}: a module is named, not its file; write {own}:{name} in its folder.")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a foreign module can fail in any way while it is imported
        raise ValueError(
            f"objective {spec!r}: cannot import {module_name!r} ({type(error).__name__}: {error})."
        ) from error
    if not hasattr(module, name):
        raise UnknownName(f"objective {spec!r}: {module_name} has no {name!r}", name, vars(module))
    found: type[Objective] = getattr(module, name)
    if not (isinstance(found, type) and is_dataclass(found)):
        raise ValueError(f"objective {spec!r}: {name} is not a dataclass.")
    for member in ("requires", "loss"):
        if not hasattr(found, member):
            raise ValueError(f"objective {spec!r}: {name} has no {member!r}.")
    return found
