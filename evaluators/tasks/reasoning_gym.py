"""Problems of reasoning-gym (Stojanovski et al. 2025), generated, with its own scorers: ``reasoning_gym:countdown``.

A generator is only accepted if its own answers get a full score in the form in which models give them, after ``####``
on one line. About 80 of the 105 do with their default settings; grids and other answers of several lines do not.
If a scorer runs answers as Python code, answers are limited to arithmetic (``evaluators/scorers.py``). Scorers are not
corrected: that of puzzle24 accepts any four numbers in range that make 24.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evaluators.grading.comparison import LONGEST_ANSWER
from evaluators.grading.extraction import extract, without_price
from evaluators.grading.scorers import may_see
from evaluators.names import suggestion
from evaluators.tasks.overlap import words_and_signs
from evaluators.tasks.published import QUESTION
from evaluators.tasks.records import Record, choose, make_problem, share, split_by_content
from evaluators.types import Problem, Rubric, Split, TaskError

DRAWS = 4
"""The maximum number of generated entries, as a multiple of ``count``, to find ``count`` distinct questions."""


def build(
    split: Split,
    *,
    data: Path | None = None,
    variant: str = "",
    count: int = 2048,
    seed: int = 0,
    prompt: str = QUESTION,
    **config: Any,
) -> list[Problem]:
    """The problems of ``split`` among the generator's first ``count`` distinct ones, in its order.

    Args:
        split: a hash of the question's words and numbers assigns 80 % to train, 10 % to validation and 10 % to test.
            The hash does not depend on their order, so 51 and 63 are in the same split as 63 and 51.
        data: refused; the problems are generated.
        variant: the generator, as reasoning-gym names it.
        count: how many problems in all three splits.
        seed: determines the problems. It is hashed, because in reasoning-gym seeds 0 and 1 share all problems but one.
        prompt: a text with ``{question}`` in it.
        config: the generator's own settings, such as ``min_numbers`` of countdown.

    Raises:
        TaskError: reasoning-gym is not installed; the generator or a setting is unknown; the generator's own answer
            does not get a full score, or it has none; there are fewer than ``count`` distinct problems.
    """
    name = f"reasoning_gym:{variant}"
    if data is not None:
        raise TaskError(
            f"the task {name} generates its problems and reads no data; remove --data {data}, or read it with --task "
            "jsonl"
        )
    if "{question}" not in prompt:
        raise TaskError(f"the prompt of the task {name} has no {{question}}; put it where the question goes")
    if count < 1:
        raise TaskError(f"the task {name} needs a count of at least 1, not {count}")
    dataset = _dataset(variant, config, seed=share(f"seed {seed}", 1 << 31), size=DRAWS * count)
    problems: dict[str, Problem] = {}
    for record in _records(name, dataset):
        question = record.text("question").strip()
        if question not in problems:
            problems[question] = _problem(record, name, question, prompt, config, dataset.score_answer)
        if len(problems) == count:
            return choose(list(problems.values()), split, name, "raise count")
    raise TaskError(
        f"the task {name} has {len(problems)} distinct problems among its first {DRAWS * count}, not {count}; "
        "lower count"
    )


def _dataset(generator: str, config: dict[str, Any], *, seed: int, size: int) -> Any:
    try:
        from reasoning_gym.factory import DATASETS, create_dataset
    except ImportError:
        raise TaskError(
            "the task reasoning_gym needs the package reasoning-gym; pip install 'agro-harness[reasoning-gym]'"
        ) from None
    known = sorted(set(DATASETS) - {"composite"})
    if generator not in known:
        raise TaskError(
            f"reasoning_gym has no generator {generator!r}{suggestion(generator, known)}; "
            f"name one after a colon, such as reasoning_gym:countdown; it has {', '.join(known)}"
        )
    settings = sorted({field.name for field in dataclasses.fields(DATASETS[generator][1])} - {"seed", "size"})
    for key in config:
        if key not in settings:
            raise TaskError(
                f"the task reasoning_gym:{generator} has no option {key!r}{suggestion(key, settings)}; "
                f"its options: count, seed, prompt, {', '.join(settings)}"
            )
    try:
        return create_dataset(generator, seed=seed, size=size, **config)
    except Exception as error:  # generators check their settings with assertions and other exceptions
        raise TaskError(f"reasoning_gym:{generator} refuses its settings ({error}); change them") from error


def _records(name: str, dataset: Any) -> Iterator[Record]:
    for index in range(len(dataset)):
        try:
            fields = dataset[index]
        except Exception as error:  # some settings pass the generator's check but do not work
            raise TaskError(f"{name} fails at its problem {index} ({error}); use other settings") from error
        yield Record(place=f"{name}:{index}", fields=fields)


def _problem(
    record: Record,
    name: str,
    question: str,
    prompt: str,
    config: dict[str, Any],
    score: Callable[[str | None, Any], float],
) -> Problem:
    """A problem whose rubric gives the generator's own answer a full score, in the form that a model would write."""
    entry = json.dumps(record.fields, default=str)
    own = record.fields["answer"]
    if not isinstance(own, str) or not own.strip():
        raise TaskError(f"{record.place} has no answer with which its scorer could be checked; use another generator")
    answer = extract(f"#### {own}").answer
    found = without_price(answer) if answer is not None else None
    shown = found is not None and len(found) <= LONGEST_ANSWER and may_see(name, found)
    if not shown or score(found, json.loads(entry)) != 1:
        raise TaskError(
            f"{record.place}: its own answer {own[:40]!r} does not get a full score after #### on one line of at most "
            f"{LONGEST_ANSWER} characters without code; use another generator or other settings"
        )
    return make_problem(
        record,
        prompt=prompt.replace("{question}", question),
        content=question,
        answer=own,
        split=split_by_content(" ".join(sorted(words_and_signs(question)))),
        rubric=Rubric(scorer=name, entry=json.dumps({"config": config, "entry": json.loads(entry)})),
    )
