"""Preference pairs that both sides train on. Both get the same tokens."""

from collections.abc import Sequence
from pathlib import Path

from evaluators.tasks.gsm8k import GSM8K
from evaluators.types import Problem, Split
from harness.models.policy import Policy
from harness.rollout.groups import GROUPS, Completion, Group


def write_pairs(path: Path, policy: Policy, data: str | None, count: int, max_tokens: int) -> None:
    """Writes pairs for GSM8K prompts: the solution, and the solution of the next problem, cut to the same length.

    The rewards are 1 and 0.
    """
    records = GSM8K.records(Split.TRAIN, Path(data) if data else None)[: count + 1]
    solutions = [tuple(policy.tokenizer.encode(r.text("answer"), add_special_tokens=False)) for r in records]
    made = []
    for record, own, other in zip(records[:count], solutions[:count], solutions[1:], strict=True):
        length = min(max_tokens, len(own), len(other))
        prompt = record.text("question")
        made.append(
            Group(
                problem=Problem(id=record.place, prompt=prompt, answer="", split=Split.TRAIN),
                prompt_ids=policy.encode(prompt),
                completions=(_given(own[:length]), _given(other[:length])),
                rewards=(1.0, 0.0),
            )
        )
    path.write_bytes(GROUPS.dump_json(made))


def read_pairs(path: str) -> list[Group]:
    """The pairs that :func:`write_pairs` wrote."""
    return GROUPS.validate_json(Path(path).read_bytes())


def trained_tokens(groups: Sequence[Group]) -> int:
    """The number of prompt and completion tokens of one step."""
    return sum(len(group.prompt_ids) + len(c.ids) for group in groups for c in group.completions)


def _given(ids: tuple[int, ...]) -> Completion:
    return Completion(ids=ids, logp=(0.0,) * len(ids), text="", truncated=False)  # no model sampled it
