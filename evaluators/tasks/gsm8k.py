"""GSM8K: grade school mathematics in words, with integer answers."""

from pathlib import Path

from evaluators.tasks.records import (
    Record,
    make_problem,
    read_records,
    refuse_duplicates,
    share,
    split_by_content,
)
from evaluators.types import Problem, Split, TaskError

HUB_ID = "openai/gsm8k"
HUB_SECONDS = 5.0
VALIDATION_PARTS = 20
"""One part in so many of the published train problems is the validation split."""

PROMPT = """\
Solve the problem step by step. End with one line "#### <answer>", where <answer> is a single number.

Problem: {question}
Solution:"""


def build(split: Split, *, data: Path | None, prompt: str = PROMPT) -> list[Problem]:
    """The problems of ``split``, in the published order.

    Args:
        data: where ``gsm8k_train.jsonl`` and ``gsm8k_test.jsonl`` are (fields ``question`` and ``answer``): a
            folder, or a pattern such as ``data/gsm8k_*.jsonl``; without it, they come from the Hugging Face
            hub. Validation is a fixed 5 % of train, by a hash of the question. A single file is split on
            its own, by the same hash, 80 % train, 10 % validation, 10 % test.
        prompt: a text with ``{question}`` in it.
    """
    if "{question}" not in prompt:
        raise TaskError("the prompt of the task gsm8k has no {question}; put it where the question goes")
    if data is None:
        records = _from_hub(_published(split))
    elif data.is_file():
        records = read_records(data)
    else:
        records = read_records(_locate(data, f"gsm8k_{_published(split)}.jsonl"))
    refuse_duplicates(records, "question")
    alone = data is not None and data.is_file()
    problems = [_problem(record, prompt, split, alone=alone) for record in records]
    chosen = [problem for problem in problems if problem.split is split]
    if not chosen:
        raise TaskError(f"{data} has no problem of the {split} split among {len(problems)}; add lines")
    return chosen


def _published(split: Split) -> str:
    """The published file that a split is taken from."""
    return "test" if split is Split.TEST else "train"


def _problem(record: Record, prompt: str, wanted: Split, *, alone: bool) -> Problem:
    question = record.text("question")
    answer = record.text("answer").rpartition("####")
    if not answer[1] or not answer[2].strip():
        raise TaskError(f"{record.place}: 'answer' has no \"#### <answer>\" at its end; mend the line")
    if alone:
        split = split_by_content(question)
    elif wanted is Split.TEST:
        split = Split.TEST
    else:
        split = Split.TRAIN if share(question, VALIDATION_PARTS) else Split.VALIDATION
    return make_problem(
        record,
        prompt=prompt.replace("{question}", question),
        content=question,
        answer=answer[2].strip().replace(",", ""),
        split=split,
    )


def _locate(data: Path, name: str) -> Path:
    """The file called ``name`` in the folder ``data``, or among what the pattern ``data`` matches."""
    if "*" in str(data):
        root = Path(data.anchor)
        for path in sorted(root.glob(str(data.relative_to(root)))):
            if path.name == name:
                return path
        raise TaskError(f"{data} matches no file {name}; mend the pattern")
    if not data.is_dir():
        raise TaskError(f"there is no {data}; give a folder with {name}, or a file of JSON lines")
    return data / name


def _from_hub(published: str) -> list[Record]:
    try:
        import datasets
        import huggingface_hub

        if not huggingface_hub.constants.HF_HUB_OFFLINE:
            # Fails at once where the hub is out of reach; load_dataset would first retry for 23 seconds.
            huggingface_hub.HfApi().dataset_info(HUB_ID, timeout=HUB_SECONDS)
        rows = datasets.load_dataset(HUB_ID, "main", split=published)
    except Exception as error:  # of several libraries and their versions: no network, no access, not cached
        raise TaskError(
            f"the task gsm8k cannot be loaded from the hub id {HUB_ID} ({type(error).__name__}); pass --data "
            "with a folder that holds gsm8k_train.jsonl and gsm8k_test.jsonl, or set HF_HUB_OFFLINE=1 to "
            "use a cached copy"
        ) from error
    return [Record(place=f"{HUB_ID}:{published}:{n}", fields=dict(row)) for n, row in enumerate(rows, 1)]
