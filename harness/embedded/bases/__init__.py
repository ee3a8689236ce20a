"""The recipes of the embedded models. ``harness make-base`` makes exactly the same models again."""

from harness.embedded.bases.arithmetic import ARITHMETIC
from harness.embedded.bases.gcd import GCD
from harness.embedded.bases.products import PRODUCTS
from harness.embedded.bases.recipe import Recipe

BASES: dict[str, Recipe] = {"tiny-arithmetic": ARITHMETIC, "tiny-gcd": GCD, "tiny-products": PRODUCTS}
