"""stub"""

from dataclasses import dataclass


@dataclass
class Overlap:
    same: int
    near: int
    held_out: int


def overlap(train, held_out):
    return Overlap(0, 0, len(held_out))
