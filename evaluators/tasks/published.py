"""What tasks with a published train and test set share: files or the hub, a prompt, a validation split."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from evaluators.tasks.records import Record, choose, make_problem, read_records, share, split_by_content
from evaluators.types import Problem, Split, TaskError

HUB_SECONDS = 5.0
VALIDATION_PARTS = 20
"""One part in so many of the train problems is the validation split."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A set of records: a file, or what it holds on the Hugging Face hub."""

    file: str
    hub_id: str
    configs: tuple[str, ...]
    split: str
    """The hub's name for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A task's published train and test set; validation is a fixed part of train, by a hash of the question."""

    task: str
    question: str
    """The field that holds the question."""
    train: Part
    test: Part

    def check_prompt(self, prompt: str) -> None:
        """Refuse a prompt without ``{question}``."""
        if "{question}" not in prompt:
            raise TaskError(f"the prompt of the task {self.task} has no {{question}}; put it where the question goes")

    def records(self, split: Split, data: Path | None) -> list[Record]:
        """What ``split`` is taken from: of a folder, of a pattern, of the hub without ``data``, or the file itself."""
        part = self._part(split)
        if data is None:
            return self._from_hub(part)
        return read_records(data if stands_alone(data) else _locate(data, part))

    def problems(
        self,
        records: Iterable[Record],
        split: Split,
        *,
        data: Path | None,
        prompt: str,
        answer: Callable[[Record], str],
    ) -> list[Problem]:
        """The problems of ``split`` among ``records``, in their order. A file alone has all three splits."""
        alone = stands_alone(data)
        problems = []
        for record in records:
            question = record.text(self.question)
            problems.append(
                make_problem(
                    record,
                    prompt=prompt.replace("{question}", question),
                    content=question,
                    answer=answer(record),
                    split=split_by_content(question) if alone else _split(question, split),
                )
            )
        return choose(problems, split, str(data or self._part(split).hub_id), "add lines")

    def _part(self, split: Split) -> Part:
        return self.test if split is Split.TEST else self.train

    def _from_hub(self, part: Part) -> list[Record]:
        try:
            import datasets
            import huggingface_hub

            if not huggingface_hub.constants.HF_HUB_OFFLINE:
                # Fails at once where the hub is out of reach; load_dataset would first retry for 23 seconds.
                huggingface_hub.HfApi().dataset_info(part.hub_id, timeout=HUB_SECONDS)
            sets = {config: datasets.load_dataset(part.hub_id, config, split=part.split) for config in part.configs}
        except Exception as error:  # of several libraries and their versions: no network, no access, not cached
            raise TaskError(
                f"the task {self.task} cannot be loaded from the hub id {part.hub_id} ({type(error).__name__}); "
                f"pass --data with a folder that holds {self.train.file} and {self.test.file}, or set "
                "HF_HUB_OFFLINE=1 to use a cached copy"
            ) from error
        return [
            Record(place=f"{part.hub_id}:{config}:{part.split}:{n}", fields=dict(row))
            for config, rows in sets.items()
            for n, row in enumerate(rows, 1)
        ]


def stands_alone(data: Path | None) -> bool:
    """Whether ``data`` is one file, which is split on its own."""
    return data is not None and data.is_file()


def _split(question: str, wanted: Split) -> Split:
    if wanted is Split.TEST:
        return Split.TEST
    return Split.TRAIN if share(question, VALIDATION_PARTS) else Split.VALIDATION


def _locate(data: Path, part: Part) -> Path:
    """The file of ``part`` in the folder ``data``, or among what the pattern ``data`` matches."""
    if "*" in str(data):
        root = Path(data.anchor)
        for path in sorted(root.glob(str(data.relative_to(root)))):
            if path.name == part.file:
                return path
        raise TaskError(f"{data} matches no file {part.file}; mend the pattern")
    if not data.is_dir():
        raise TaskError(f"there is no {data}; give a folder with {part.file}, or a file of JSON lines")
    if not (data / part.file).exists():
        raise TaskError(
            f"there is no file {data / part.file}; put the rows of the hub's {part.hub_id} ({part.split}) there, "
            "as JSON lines"
        )
    return data / part.file
