"""The problems of a run: loading, hashing, and checking that they fit the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from evaluators.tasks import load_problems
from evaluators.types import Framing, Problem, Split
from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.models.policy import Policy


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """The prompts of a run's problems, as the model reads them."""

    context: int
    """The number of tokens of the longest prompt that the suite allows, with its completion."""
    prompts: dict[str, str]
    """A hash of the tokens of all prompts, in order, by split."""


def fit(config: RunConfig, policy: Policy, problems: Mapping[Split, Sequence[Problem]]) -> Fit:
    """Check that all prompts fit the suite's limit and the model's context.

    Raises:
        HarnessError: a prompt is longer than the suite allows, or the model's context is too short.
    """
    longest = config.rollout.max_prompt_tokens
    context = longest + config.rollout.max_tokens
    limit = policy.context_limit
    if limit and context > limit:
        raise HarnessError(
            f"rollout.max_prompt_tokens={longest} and rollout.max_tokens={config.rollout.max_tokens} exceed the "
            f"context of {config.model.path}, {limit} tokens; lower one of them"
        )
    hashes = {}
    for split, part in problems.items():
        total = sha256()
        for problem in part:
            prompt = policy.encode(problem.prompt, problem.framing)
            if len(prompt) > longest:
                raise HarnessError(
                    f"the prompt of problem {problem.id} has {len(prompt)} tokens, but rollout.max_prompt_tokens is "
                    f"{longest}; set it to {len(prompt)} or more"
                )
            total.update(repr(prompt).encode())
        hashes[str(split)] = total.hexdigest()[:16]
    return Fit(context=context, prompts=hashes)


def ended(policy: Policy, problems: Sequence[Problem]) -> str | None:
    """A warning if prompts end with an end-of-text token. A model has not learned to continue after it."""
    prompts = [policy.encode(problem.prompt, problem.framing) for problem in problems]
    count = sum(prompt[-1] in policy.eos_ids for prompt in prompts if prompt)
    if not count:
        return None
    token = next(policy.tokenizer.decode([prompt[-1]]) for prompt in prompts if prompt and prompt[-1] in policy.eos_ids)
    return (
        f"{count} of {len(prompts)} prompts end with {token!r}, the end of a text, so the model may start another "
        "text; check the chat template, or the tokenizer that adds this token"
    )


def load_splits(config: RunConfig) -> dict[Split, list[Problem]]:
    """The problems of all splits. Held-out splits are limited to the numbers that the suite evaluates."""
    task = config.task
    sizes = {
        Split.TRAIN: None,
        Split.VALIDATION: config.evaluation.validation_problems,
        Split.TEST: config.evaluation.test_problems,
    }
    problems = {split: load_problems(task.name, split, data=task.data, **task.options) for split in sizes}
    for split, part in problems.items():
        if not part:
            raise HarnessError(f"the task {task.name} has no {split} problems; give it more data")
    return {split: part[: sizes[split]] for split, part in problems.items()}


def fingerprint(problems: Sequence[Problem]) -> str:
    """A hash of ids, prompts, answers, rubrics and the framing of prompts, in order."""
    total = sha256()
    for problem in problems:
        total.update(f"{problem.id}\0{problem.prompt}\0{problem.answer}\0".encode())
        if problem.rubric:
            total.update(f"{problem.rubric.scorer}\0{problem.rubric.entry}\0".encode())
        if replace(problem.framing, chat=True) != Framing():
            total.update(f"{problem.framing}\0".encode())
    return total.hexdigest()[:16]
