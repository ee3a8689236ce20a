"""The first look: rewards of the start policy before training, and whether it can learn from them."""

from dataclasses import dataclass

from evaluators.grading.grader import Grader
from evaluators.tasks import load_problems
from evaluators.types import Split, Verdict
from harness.config.run_config import RunConfig
from harness.models.loading import load_policy
from harness.rollout.asking import asking_of, posed
from harness.rollout.engines import make_engine
from harness.rollout.engines.engine import sample_groups, sampling_of
from harness.rollout.grading import grade_groups, share_of, verdict
from harness.rollout.problems import ended, fit
from harness.seeds import ProblemOrder, Purpose, derive_seed
from harness.training.evaluation import summary_of

COMPLETIONS = 64
FEWEST_PROMPTS = 8
SEED = 0
"""The seed is the same for all runs, because the first look is a property of model and task."""
MANY = 0.5
"""If a larger share of completions has no answer or is cut, that is the reason for low rewards."""
NEARLY_ALL = 0.9
"""If a larger share of groups is tied, there is hardly anything to learn from."""
SHOWN = 240
"""The number of characters, from its end, of a completion in a message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Shares of the sampled completions, and one of them as an example."""

    completions: int
    answer_format: str
    grading: str
    rewarded: float
    unanswered: float
    cut: float
    lenient: float
    """The share that lenient grading would reward."""
    audited: float | None
    """The share that the audit rule would reward; None if a scorer grades, because the rule does not apply then."""
    groups: int
    tied: int
    """Groups whose completions all have the same reward; 0 if groups have one completion."""
    text: str
    """A completion without reward, if there is one."""
    expected: str
    warning: str | None = None
    """A warning about the prompts."""

    def __str__(self) -> str:
        audit = "" if self.audited is None else f", the audit rule {self.audited:.0%}"
        return (
            f"the start policy on {self.completions} completions of training problems, with answer format "
            f"{self.answer_format}: {self.rewarded:.0%} rewarded, {self.unanswered:.0%} without an answer, "
            f"{self.cut:.0%} cut; lenient grading would reward {self.lenient:.0%}{audit}; "
            f"{self.tied} of {self.groups} groups tied" + (f"; warning: {self.warning}" if self.warning else "")
        )

    def why_not(self) -> str | None:
        """Why training would hardly learn anything, with advice on what to change. None if it can learn."""
        if self.unanswered > MANY:
            what = f"{self.unanswered:.0%} of the start policy's completions have no answer"
        elif self.rewarded == 0:
            what = f"none of the start policy's {self.completions} completions is rewarded"
        elif self.groups and self.tied >= NEARLY_ALL * self.groups:
            what = f"{self.tied} of {self.groups} groups of the start policy's completions are tied"
        else:
            return None
        end = self.text[-SHOWN:]
        shown = f"; one ends with {end!r}, but {self.expected!r} was expected" if self.rewarded < 1 else ""
        return f"{what}, so there is hardly anything to learn from{shown}; {self._remedy()}, or train with --anyway"

    def _remedy(self) -> str:
        if self.cut > MANY:
            return f"{self.cut:.0%} are cut: raise rollout.max_tokens"
        if self.grading == "strict" and self.lenient > 2 * self.rewarded:
            return (
                f"lenient grading would reward {self.lenient:.0%}: set another task.format than {self.answer_format} "
                "(harness eval --formats compares them), or task.grading=lenient"
            )
        if self.unanswered > MANY or self.rewarded == 0:
            return (
                f"set another task.format than {self.answer_format} (harness eval --formats compares them), or "
                "choose an easier task or a better model"
            )
        if self.rewarded > MANY:
            return "choose a harder task"
        return "raise rollout.group_size, or choose an easier task"


def look(config: RunConfig) -> Seen:
    """Sample a few dozen completions of the start policy on training problems. They are not charged to any run.

    Raises:
        HarnessError: model or problems cannot be loaded, or do not fit each other.
    """
    task, size = config.task, config.rollout.group_size
    train = load_problems(task.name, Split.TRAIN, data=task.data, **task.options)
    policy = load_policy(config.model, config.rollout.temperature, config.policy)
    asking = asking_of(task, chats=policy.chats, train=lambda: train)
    order = ProblemOrder(posed(train, asking), SEED)
    problems = order.take(0, max(FEWEST_PROMPTS, COMPLETIONS // size))
    engine = make_engine(policy, config.compute, fit(config, policy, {Split.TRAIN: problems}).context)
    seed = derive_seed(SEED, Purpose.LOOK, 0)
    groups = sample_groups(engine, policy, problems, size, sampling_of(config, asking), seed)
    with Grader() as grader:
        groups = grade_groups(grader, groups, task.grading, asking.form.marker)
    engine.release()
    judged = [
        (group.problem, c, grade) for group in groups for c, grade in zip(group.completions, group.grades, strict=True)
    ]
    poor = next((one for one in judged if verdict(one[2], task.grading) is not Verdict.CORRECT), judged[0])
    found = summary_of(groups, task.grading)
    scored = any(problem.rubric for problem in problems)
    return Seen(
        completions=len(judged),
        answer_format=asking.form.name,
        grading=task.grading,
        rewarded=found.accuracy,
        unanswered=found.unparsed,
        cut=found.truncated,
        lenient=share_of(groups, "lenient", Verdict.CORRECT),
        audited=None if scored else found.accuracy - found.audit_paid + found.audit_missed,
        groups=len(groups),
        tied=sum(len(set(group.rewards)) == 1 for group in groups) if size > 1 else 0,
        text=poor[1].text,
        expected=poor[0].answer,
        warning=ended(policy, problems),
    )
