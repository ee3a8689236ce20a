"""The events of a run as dataclasses, and their encoding as lines of a journal."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from pydantic import TypeAdapter

from evaluators.tasks.overlap import Overlap
from evaluators.types import Split
from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.records.graders import grader_of
from harness.records.ledger import TIMED, Ledger

FORMAT = 3
"""The format of new journals. Older formats can be read, too: format 2 has no ``Resumed``, and format 1 is the same
without the number."""
Outcome = Literal["finished", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRuns:
    """The runs of an invocation: all combinations of these."""

    algos: tuple[str, ...]
    regimes: tuple[str, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedLooks:
    """The looks of ``--until decided``. They are planned before there are results, and recorded with every run."""

    seeds: tuple[int, ...]
    """The number of seeds at each look."""
    level: float
    """The error rate over all looks together."""
    spending: Literal["O'Brien-Fleming"]
    """The spending function of Lan and DeMets, with Bonferroni's correction over the looks. See
    :mod:`evaluators.statistics.sequential`."""
    baseline: str
    margin: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """A command of a user. The same command is the same invocation, even if it resumes runs."""

    id: str
    name: str
    command: str
    plan: PlannedRuns
    """The planned runs. With ``looks``, the invocation may stop before all of them."""
    looks: PlannedLooks | None = None
    """None if the invocation trains all planned runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The origin of a run, which may differ between two executions of one config."""

    invocation: Invocation
    versions: dict[str, str]
    matrix_rate: float
    """FLOP/s of matrix products on the machine."""

    @property
    def grader(self) -> str:
        """The name of the grader that judged the run."""
        return grader_of(self.versions)


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Hashes of the model, the problems and the prompts that a run starts from."""

    weights: str
    problems: dict[str, str]
    """Hashes of the problems, by split."""
    prompts: dict[str, str] = field(default_factory=dict)
    """Hashes of the prompt tokens after the chat template, by split. Early versions did not record them."""

    def agrees(self, other: "Identity") -> bool:
        """Whether both are equal in everything that both have recorded."""
        both = self.prompts and other.prompts
        same = (self.weights, self.problems) == (other.weights, other.problems)
        return same and (not both or self.prompts == other.prompts)


@dataclass(frozen=True, kw_only=True, slots=True)
class OfflineSet:
    """The fixed set that a run is trained on."""

    completions: int
    content: str
    """A hash of the completions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """The inputs that must be unchanged when a run is resumed."""

    identity: Identity
    data: OfflineSet | None
    source: str | None
    """A hash of the file of a user's objective; None for a built-in objective."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """The first event of a run."""

    run_id: str
    config: RunConfig
    identity: Identity
    data: OfflineSet | None
    source: str | None
    size: dict[str, int]
    """The policy's parameters, trained parameters, layers and width."""
    sizes: dict[str, int]
    """The number of problems by split."""
    overlap: dict[str, Overlap]
    """The overlap of each held-out split with the training problems."""
    time: float
    """The time in seconds since 1970, as in all events."""
    origin: Origin
    answer_format: str = "own"
    """The answer format of the prompts. Early versions only had the task's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumed:
    """The run was resumed with other code or other libraries than before."""

    step: int
    ledger: Ledger
    versions: dict[str, str]
    time: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of the training loop."""

    step: int
    ledger: Ledger
    """Everything spent so far, as in all later events."""
    metrics: Mapping[str, float | None]
    """Values that are not finite are None."""
    problems: tuple[str, ...]
    """The ids of the problems, in the order of the batch."""
    completions: str
    """A hash of all completions, which proves that two runs saw the same."""
    time: float
    mfu: float | None = None
    """The share of the machine's matrix rate that the step reached. Early versions did not record it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The results of an evaluation: shares over all completions, and the verdict on each."""

    accuracy: float
    completion_tokens: float
    """Mean length."""
    truncated: float
    unparsed: float
    grader_timeouts: float
    grader_errors: float
    audit_paid: float
    """Accepted by the grader, rejected by the audit rule."""
    audit_missed: float
    """Rejected by the grader, accepted by the audit rule."""
    verdicts: dict[str, str]
    """The first letters of the verdicts on all completions, by problem."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Accuracy on a held-out split."""

    step: int
    ledger: Ledger
    split: Split
    kl: float | None
    """KL from the reference in nats per sequence, estimated with k1; None if it is not finite."""
    kl_k3: float | None
    summary: Summary
    time: float


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """The last event of a run that has ended. A run that was only interrupted has none."""

    step: int
    ledger: Ledger
    status: Outcome
    reason: str
    """Why it failed."""
    time: float


Event: TypeAlias = Start | Resumed | Step | Evaluation | End
NAMES: dict[type[Event], str] = {kind: kind.__name__.lower() for kind in get_args(Event)}
LEDGER = TypeAdapter(Ledger)
ADAPTERS: dict[str, TypeAdapter[Event]] = {name: TypeAdapter(kind) for kind, name in NAMES.items()}


def encode(event: Event) -> dict[str, Any]:
    """The event as a JSON object. Values that may differ between two executions are under ``clock`` and ``origin``."""
    content = asdict(event)
    clock: dict[str, Any] = {"time": content.pop("time")}
    if isinstance(event, Start):
        content["config"] = event.config.model_dump(mode="json")
        origin = content.pop("origin")
        if event.origin.invocation.looks is None:  # as in journals from before looks existed
            del origin["invocation"]["looks"]
        return {"event": "start", "format": FORMAT, **content, "clock": clock, "origin": origin}
    del content["ledger"]
    clock |= event.ledger.timings()
    if isinstance(event, Step):
        clock["mfu"] = content.pop("mfu")
    if isinstance(event, Evaluation):
        content |= content.pop("summary")
    stands = {"step": content.pop("step"), "spent": event.ledger.counts()}
    return {"event": NAMES[type(event)], **stands, **_finite(content), "clock": clock}


def lasting(event: Event) -> dict[str, Any]:
    """Like :func:`encode`, without values that may differ between two executions of one config."""
    return {key: value for key, value in encode(event).items() if key not in ("clock", "origin")}


def decode(record: Mapping[str, Any], where: str) -> Event:
    """The event in a JSON object of any known format.

    Raises:
        HarnessError: the format is newer than this version.
        KeyError, ValidationError: the object has no known format.
    """
    kind, clock = record["event"], record["clock"]
    if kind == "start":
        if (found := record.get("format", 1)) > FORMAT:
            raise HarnessError(
                f"{where} is a journal of format {found}, but this version reads formats up to {FORMAT}; "
                "install the version of the harness that wrote it"
            )
        return ADAPTERS[kind].validate_python({**record, "time": clock["time"]})
    timings = {key: value for key, value in clock.items() if key.startswith(TIMED)}
    ledger = LEDGER.validate_python({**record["spent"], **timings})
    content = {**record, "ledger": ledger, "time": clock["time"], "mfu": clock.get("mfu")}
    if kind == "evaluation":
        content["summary"] = record
    return ADAPTERS[kind].validate_python(content)


def _finite(content: dict[str, Any]) -> dict[str, Any]:
    """Replace numbers that are not finite by null. JSON has no infinity, and MLflow would store it as 1.8e308."""
    return {
        key: _finite(value)
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for key, value in content.items()
    }
