"""Which answer format ``auto`` stands for, where examples come from, and what the model then reads."""

from pathlib import Path

import pytest

from evaluators.formats import FORMATS
from evaluators.types import Framing, Problem, Split
from harness.config.settings import ModelSettings, TaskSettings
from harness.errors import HarnessError
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.rollout.asking import asking_of, format_of, posed
from harness.rollout.problems import fingerprint
from tests.support.command_line import refused

TRAIN = [Problem(id=f"t{n}", prompt=f"{n}+1=", answer=str(n + 1), split=Split.TRAIN) for n in range(6)]
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{{ m.content + '<eos>' }}{% else %}{{ m.content }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ mark | default('+') }}{% endif %}"
)


def asked(chats: bool = True, **settings: object) -> str:
    return format_of(TaskSettings.model_validate({"name": "gsm8k"} | settings), chats=chats).name


def test_auto_is_the_models_and_the_tasks_to_decide() -> None:
    assert (asked(chats=True), asked(chats=False)) == ("boxed", "hash")
    assert (asked(name="arithmetic", chats=True), asked(name="arithmetic", chats=False)) == ("boxed", "own")
    assert asked(name="reasoning_gym:gcd", options={"prompt": "{question}"}) == "own"
    assert asked(name="jsonl", options={"prompt": "question"}) == "boxed"  # the name of a column, not a text
    assert all(asked(format=name) == name for name in FORMATS)


def test_two_ways_to_ask_are_one_too_many() -> None:
    with pytest.raises(ValueError, match=r"format=hash and options\.prompt both"):
        asked(format="hash", options={"prompt": "{question}"})


def test_examples_are_the_first_training_problems_which_are_not_trained_on() -> None:
    task = TaskSettings(name="arithmetic", few_shot=2)
    asking = asking_of(task, chats=False, train=lambda: TRAIN)
    assert [problem.id for problem in posed(TRAIN, asking)] == ["t2", "t3", "t4", "t5"]
    assert posed(TRAIN[3:], asking)[0].prompt == "0+1= #### 1\n\n1+1= #### 2\n\n3+1="
    assert len(asking_of(TaskSettings(name="gsm8k", format="few_shot"), chats=True, train=lambda: TRAIN).examples) == 4


def test_examples_leave_something_to_ask() -> None:
    asking = asking_of(TaskSettings(name="arithmetic", few_shot=6), chats=False, train=lambda: TRAIN)
    with pytest.raises(HarnessError, match=r"task\.few_shot=6 shows all 6 problems"):
        posed(TRAIN, asking)


def test_without_examples_nothing_is_asked_of_the_training_problems() -> None:
    def train() -> list[Problem]:
        raise AssertionError("a task may have none")

    assert asking_of(TaskSettings(name="math500"), chats=True, train=train).examples == ()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"few_shot": 2, "few_shot_as": "turns"}, "needs a chat template"), ({"few_shot": 7}, "than the 6 training")],
)
def test_what_is_not_there_is_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        asking_of(TaskSettings.model_validate({"name": "gsm8k"} | settings), chats=False, train=lambda: TRAIN)


def tiny(**settings: object) -> Policy:
    given = {"path": "embedded:tiny-arithmetic", "device": "cpu", "dtype": "float32"} | settings
    return load_policy(ModelSettings.model_validate(given), temperature=1.0)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "chat.jinja"
    path.write_text(TEMPLATE)
    return path


def test_a_template_from_a_file_is_applied_with_its_arguments(template: Path) -> None:
    policy = tiny(chat_template=str(template), chat_template_args={"mark": "="})
    assert policy.chats and policy.reference().chats

    def read(prompt: str, framing: Framing) -> str:
        return str(policy.tokenizer.decode(policy.encode(prompt, framing)))

    assert read("1+1", Framing()) == "1+1="
    assert policy.reference().encode("1+1") == policy.encode("1+1")
    assert read("1+1", Framing(chat=False)) == "1+1"
    assert read("1+1", Framing(system="9", examples=(("2+2", "4"),), prefill="7;")) == "92+24<eos>1+1=7;"
    assert tiny(chat_template=str(template)).encode("1+1") != policy.encode("1+1")


def test_without_a_template_system_and_prefill_are_text() -> None:
    policy = tiny(chat_template="off")
    assert not policy.chats
    assert policy.tokenizer.decode(policy.encode("1+1=", Framing(prefill="7;"))) == "1+1=7;"
    with pytest.raises(HarnessError, match="need a chat template"):
        policy.encode("1+1=", Framing(examples=(("1", "2"),)))


def test_a_template_that_is_not_there_is_refused() -> None:
    command = ["doctor", "--suite", "tiny-arithmetic", "--set", "model.chat_template=missing.jinja"]
    refused(command, "model.chat_template: missing.jinja is not a text file")


def test_what_stands_around_a_prompt_is_part_of_what_a_run_began_with() -> None:
    def hash_of(**settings: object) -> str:
        task = TaskSettings.model_validate({"name": "gsm8k"} | settings)
        return fingerprint(posed(TRAIN, asking_of(task, chats=True, train=lambda: TRAIN)))

    ways: list[dict[str, object]] = [{}, {"system": "Be kind."}, {"prefill": "So"}, {"few_shot": 1}, {"format": "hash"}]
    assert len({hash_of(**way) for way in ways}) == len(ways)
    own = asking_of(TaskSettings(name="arithmetic"), chats=False, train=lambda: TRAIN)
    assert fingerprint(posed(TRAIN, own)) == fingerprint(TRAIN)  # as before there were formats
