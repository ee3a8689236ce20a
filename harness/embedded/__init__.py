"""The models that ship with the package, and the recipes that make them."""
