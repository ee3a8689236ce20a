"""The events of a run, one dataclass each, and how a journal's lines hold them."""

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
"""Of the journals that are written. Older ones are read as well: format 2 knows no ``Resumed``, and format 1 is the
same without the number."""
Outcome = Literal["finished", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRuns:
    """What an invocation runs: every combination of these."""

    algos: tuple[str, ...]
    regimes: tuple[str, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedLooks:
    """Seeds until it is decided: said before there is anything to look at, and recorded with every run."""

    seeds: tuple[int, ...]
    """How many of the planned seeds there are at each look."""
    level: float
    """Of all looks together."""
    spending: Literal["O'Brien-Fleming"]
    """As Lan and DeMets have it, Bonferroni over the looks: see :mod:`evaluators.statistics.sequential`."""
    baseline: str
    margin: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """A command that was typed. The same command is the same invocation, also when it resumes."""

    id: str
    name: str
    command: str
    plan: PlannedRuns
    """With ``looks`` these are the most that it runs."""
    looks: PlannedLooks | None = None
    """None: it runs all that it plans."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a run was made. It may differ between two executions of one config."""

    invocation: Invocation
    versions: dict[str, str]
    matrix_rate: float
    """FLOP/s of matrix products on the machine."""

    @property
    def grader(self) -> str:
        """The one that judged, as tables and refusals name it."""
        return grader_of(self.versions)


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Hashes of what a run starts from."""

    weights: str
    problems: dict[str, str]
    """By split."""
    prompts: dict[str, str] = field(default_factory=dict)
    """By split: of the tokens that the model reads, behind its chat template. Early versions did not record them."""

    def agrees(self, other: "Identity") -> bool:
        """Whether both are the same start, as far as both know it."""
        both = self.prompts and other.prompts
        same = (self.weights, self.problems) == (other.weights, other.problems)
        return same and (not both or self.prompts == other.prompts)


@dataclass(frozen=True, kw_only=True, slots=True)
class OfflineSet:
    """The fixed set that a run is trained on."""

    completions: int
    content: str
    """A hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """What must be the same whenever a run is taken up again."""

    identity: Identity
    data: OfflineSet | None
    source: str | None
    """A hash of the file of one's own objective; None for a built-in one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """The first event of a run."""

    run_id: str
    config: RunConfig
    identity: Identity
    data: OfflineSet | None
    source: str | None
    size: dict[str, int]
    """Of the policy: parameters, trained ones, layers, width."""
    sizes: dict[str, int]
    """Problems by split."""
    overlap: dict[str, Overlap]
    """By held-out split: what it shares with the training problems."""
    time: float
    """Of the clock, in seconds since 1970; so in all events."""
    origin: Origin
    answer_format: str = "own"
    """By which problems are asked; early versions knew the task's own alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumed:
    """The run was taken up by other code or other libraries than it had until then."""

    step: int
    ledger: Ledger
    versions: dict[str, str]
    time: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One turn of the training loop."""

    step: int
    ledger: Ledger
    """All that was spent until then; so in all later events."""
    metrics: Mapping[str, float | None]
    """None: not finite."""
    problems: tuple[str, ...]
    """Ids, in the order of the batch."""
    completions: str
    """A hash of all completions: what proves that two runs saw the same."""
    time: float
    mfu: float | None = None
    """Share of the machine's matrix rate that the step reached; not recorded by early versions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What an evaluation found: shares of all completions, and each one's verdict."""

    accuracy: float
    completion_tokens: float
    """Mean length."""
    truncated: float
    unparsed: float
    grader_timeouts: float
    grader_errors: float
    audit_paid: float
    """Accepted by the grader, refused by the audit rule."""
    audit_missed: float
    """The other way round."""
    verdicts: dict[str, str]
    """By problem: the first letter of each completion's verdict."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Accuracy on a held-out split."""

    step: int
    ledger: Ledger
    split: Split
    kl: float | None
    """To the reference, in nats per sequence, by k1; None: not finite."""
    kl_k3: float | None
    summary: Summary
    time: float


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """The last event of a run that was not merely left."""

    step: int
    ledger: Ledger
    status: Outcome
    reason: str
    """Why it failed."""
    time: float


Event: TypeAlias = Start | Resumed | Step | Evaluation | End
NAMES: dict[type[Event], str] = {kind: kind.__name__.lower() for kind in get_args(Event)}
ADAPTERS: dict[str, TypeAdapter[Event]] = {name: TypeAdapter(kind) for kind, name in NAMES.items()}


def encode(event: Event) -> dict[str, Any]:
    """As a JSON object. What may differ between two executions stands under ``clock`` and ``origin``."""
    content = asdict(event)
    clock: dict[str, Any] = {"time": content.pop("time")}
    if isinstance(event, Start):
        content["config"] = event.config.model_dump(mode="json")
        origin = content.pop("origin")
        if event.origin.invocation.looks is None:  # as journals were before there were looks
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
    """As :func:`encode`, without what may differ between two executions of one config."""
    return {key: value for key, value in encode(event).items() if key not in ("clock", "origin")}


def decode(record: Mapping[str, Any], where: str) -> Event:
    """The event that a JSON object of any known format holds.

    Raises:
        HarnessError: it is of a later format than this version knows.
        KeyError, ValidationError: it is of no format that this version knows.
    """
    kind, clock = record["event"], record["clock"]
    if kind == "start":
        if (found := record.get("format", 1)) > FORMAT:
            raise HarnessError(
                f"{where} is a journal of format {found}, and this version reads formats up to {FORMAT}; "
                "install the version of the harness that wrote it"
            )
        return ADAPTERS[kind].validate_python({**record, "time": clock["time"]})
    timings = {key: value for key, value in clock.items() if key.startswith(TIMED)}
    content = {**record, "ledger": Ledger(**record["spent"], **timings), "time": clock["time"], "mfu": clock.get("mfu")}
    if kind == "evaluation":
        content["summary"] = record
    return ADAPTERS[kind].validate_python(content)


def _finite(content: dict[str, Any]) -> dict[str, Any]:
    """An overflowed number is written as null: JSON has no infinity, and MLflow stores one as 1.8e308."""
    return {
        key: _finite(value)
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for key, value in content.items()
    }
