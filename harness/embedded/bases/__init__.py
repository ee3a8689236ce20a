"""The embedded models: what each is made from. ``harness make-base`` makes them again, bit for bit."""

from harness.embedded.bases.arithmetic import ARITHMETIC
from harness.embedded.bases.gcd import GCD
from harness.embedded.bases.recipe import Recipe

BASES: dict[str, Recipe] = {"tiny-arithmetic": ARITHMETIC, "tiny-gcd": GCD}
