"""Tasks of lm-evaluation-harness, run by lm-eval itself, with texts from a script."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import datasets
import pytest

from evaluators.lm_eval.evaluation import LmEvalResult, run_tasks
from evaluators.lm_eval.generation import Generate, Generated, GenerationArgs
from evaluators.lm_eval.tasks import local_names
from evaluators.types import TaskError
from tests.support.paths import ROOT

pytest.importorskip("lm_eval", reason="lm-eval is not installed: pip install '.[lm-eval]'")

from lm_eval.tasks._yaml_loader import load_yaml

from evaluators.lm_eval.adapter import generation_args

STOCK = Path(str(files("lm_eval.tasks")))
OURS = Path(str(files("evaluators.lm_eval.tasks")))
FOUR = [(f"How many legs have {n} cats?", 4 * n) for n in (1, 2, 300, 4)]
BOXES = [("What is $1/4$?", r"\frac{1}{4}"), ("Which numbers are they?", "[2,5]")]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Small files in the published form. One answer contains ``1,200``."""
    train = [{"question": f"What is {n} plus 1?", "answer": f"It is {n + 1}.\n#### {n + 1}"} for n in range(40)]
    test = [{"question": question, "answer": f"Four each.\n#### {answer:,}"} for question, answer in FOUR]
    boxes = [{"problem": problem, "answer": answer, "solution": "Look."} for problem, answer in BOXES]
    for name, rows in (("gsm8k_train", train), ("gsm8k_test", test), ("math500_test", boxes)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def answering(answers: Callable[[str], str], seen: list[GenerationArgs] | None = None) -> Generate:
    """A model that answers with a text. ``answers`` maps the question at the end of a prompt to this text."""

    def generate(prompts: Sequence[str], args: GenerationArgs) -> list[Generated]:
        if seen is not None:
            seen.append(args)
        questions = [prompt.rpartition("Question: ")[2].removesuffix("\nAnswer:") for prompt in prompts]
        return [Generated(text=answers(q), tokens=3, truncated="cut" in answers(q)) for q in questions]

    return generate


def gsm8k(data: Path, answers: Callable[[str], str], limit: int | None = None, seed: int = 1234) -> LmEvalResult:
    (result,) = run_tasks(["gsm8k_local"], answering(answers), data=data, limit=limit, seed=seed)
    return result


@pytest.mark.parametrize(("right", "value", "stderr"), [(4, 1.0, 0.0), (0, 0.0, 0.0), (2, 0.5, (1 / 12) ** 0.5)])
def test_exact_match_counts_the_right_answers(folder: Path, right: int, value: float, stderr: float) -> None:
    answers = {q: f" So\n#### {answer if n < right else 5}" for n, (q, answer) in enumerate(FOUR)}
    result = gsm8k(folder, answers.__getitem__)
    assert [(score.metric, score.filter) for score in result.scores] == [
        ("exact_match", "strict-match"),
        ("exact_match", "flexible-extract"),
        ("strict", "none"),
        ("lenient", "none"),
    ]
    for score in result.scores:
        assert score.value == value and score.stderr == pytest.approx(stderr)
    assert (result.task, result.version, result.problems, result.available) == ("gsm8k_local", "3.0", 4, 4)
    assert (result.fewshot, result.seed, result.lm_eval.split(".")[:2]) == (5, 1234, ["0", "4"])


def test_records_say_what_was_asked_answered_and_counted(folder: Path) -> None:
    result = gsm8k(folder, lambda q: " It is 8" if "2 cats" in q else " cut", limit=2)
    cut, right = result.records
    assert (result.problems, result.available) == (2, 4)
    assert (right.doc, right.responses, right.tokens, right.truncated, cut.truncated) == (1, (" It is 8",), 3, 0, 1)
    assert right.prompt.count("Question: ") == 6 and right.prompt.endswith(f"\n\nQuestion: {FOUR[1][0]}\nAnswer:")
    assert right.target == "Four each.\n#### 8"
    theirs = {"exact_match,strict-match": 0.0, "exact_match,flexible-extract": 1.0}
    assert right.metrics == theirs | {"strict,none": 0.0, "lenient,none": 1.0}
    assert json.dumps(right.metrics)


def test_the_seed_alone_draws_the_examples(folder: Path) -> None:
    prompts = [[r.prompt for r in gsm8k(folder, str, seed=seed).records] for seed in (1, 1, 2)]
    assert prompts[0] == prompts[1] != prompts[2]


def test_one_problem_has_no_standard_error(folder: Path) -> None:
    assert [score.stderr for score in gsm8k(folder, str, limit=1).scores] == [None] * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" So\n#### {}", (1, 1, 1, 1)),
        (r" It is $\boxed{{{}}}$.", (0, 0, 1, 1)),  # the last match of flexible-extract is `$.`
        (" It is {}.00 dollars.", (0, 0, 0, 1)),
        ("\n#### {} million", (1, 1, 0, 0)),
        ("\n#### {}\n#### 5", (1, 0, 0, 0)),
        (" It is 9, or {}, so", (0, 1, 0, 0)),
        (" So cut it.\n#### {}", (1, 1, 0, 0)),  # the limit may have cut the number
    ],
)
def test_our_readings_stand_beside_theirs(folder: Path, text: str, expected: tuple[int, ...]) -> None:
    """They differ in forms that filters miss, and in what filters find in a text that says something else."""
    answers = {question: text.format(answer) for question, answer in FOUR}
    result = gsm8k(folder, answers.__getitem__)
    assert tuple(score.value for score in result.scores) == expected


def test_our_readings_are_those_of_each_document(folder: Path) -> None:
    right = {FOUR[1][0], FOUR[3][0]}
    result = gsm8k(folder, lambda q: f"#### {dict(FOUR)[q] if q in right else 5}")
    assert [record.metrics["strict,none"] for record in result.records] == [q in right for q, _ in FOUR]


def test_math_is_judged_by_our_grader(folder: Path) -> None:
    """An equal form in a box counts twice. An answer without a box counts only as lenient. A list stays a text."""
    texts = {BOXES[0][0]: r" Hence $\boxed{\frac{2}{8}}$.", BOXES[1][0]: " The final answer is $[2,5]$."}

    def generate(prompts: Sequence[str], args: GenerationArgs) -> list[Generated]:
        assert args == GenerationArgs(max_tokens=256, stop=("Problem:",), temperature=0.0)
        asked = [prompt.rpartition("Problem:\n")[2].removesuffix("\n\nSolution:") for prompt in prompts]
        return [Generated(text=texts[problem], tokens=9, truncated=False) for problem in asked]

    both = run_tasks(["math500_local", "gsm8k_local"], answering(str), data=folder, limit=1, seed=0)
    assert [result.task for result in both] == ["math500_local", "gsm8k_local"]
    assert both[1] == gsm8k(folder, str, limit=1, seed=0)  # whatever else is run with it
    (result,) = run_tasks(["math500_local"], generate, data=folder, limit=None, seed=0)
    assert {score.metric: score.value for score in result.scores} == {"strict": 0.5, "lenient": 1.0}
    assert [record.target for record in result.records] == [answer for _, answer in BOXES]


def test_on_the_published_files(data_dir: Path) -> None:
    golds = {row["question"]: row["answer"] for row in map(json.loads, (data_dir / "gsm8k_test.jsonl").open())}
    right = gsm8k(data_dir, lambda question: golds[question].replace("cut", "c-t"))  # none is called truncated
    assert [score.value for score in right.scores] == [1.0] * 4
    assert (right.problems, right.available) == (1319, 1319)
    (math,) = run_tasks(["math500_local"], answering(lambda _: ""), data=data_dir, limit=50, seed=0)
    assert [score.value for score in math.scores] == [0.0, 0.0]


def test_gsm8k_local_is_the_stock_task_but_for_its_data() -> None:
    stock, ours = load_yaml(STOCK / "gsm8k" / "gsm8k.yaml"), load_yaml(OURS / "gsm8k_local.yaml")
    different = {key for key in stock | ours if stock.get(key) != ours.get(key)}
    assert different == {"task", "tag", "dataset_path", "dataset_name", "dataset_kwargs", "metadata"}
    assert stock["metadata"]["version"] == ours["metadata"]["version"]


def test_math500_local_asks_as_the_stock_task_does(folder: Path) -> None:
    """Read from the source of the stock task, which cannot be imported together with math-verify."""
    tree = ast.parse((STOCK / "minerva_math" / "utils.py").read_text())
    functions = {node.name: node.body[-1] for node in tree.body if isinstance(node, ast.FunctionDef)}
    returned = functions["list_fewshot_samples"]
    assert isinstance(returned, ast.Return) and returned.value is not None
    examples = ast.literal_eval(returned.value)
    (result,) = run_tasks(["math500_local"], answering(str), data=folder, limit=1, seed=0)
    asked = [f"Problem:\n{e['problem']}\n\nSolution: {e['solution']}\n\n" for e in examples]
    assert result.records[0].prompt == "".join(asked) + f"Problem:\n{BOXES[0][0]}\n\nSolution:"
    stock, ours = (
        load_yaml(path, resolve_func=False)
        for path in (STOCK / "minerva_math" / "minerva_math500.yaml", OURS / "math500_local.yaml")
    )
    wanted = [generation_args(config["generation_kwargs"]) for config in (stock, ours)]
    assert wanted[0] == wanted[1] and stock["num_fewshot"] == ours["num_fewshot"]


def test_stop_strings_and_limits_reach_the_generator(folder: Path) -> None:
    seen: list[GenerationArgs] = []
    run_tasks(["gsm8k_local"], answering(str, seen), data=folder, limit=2, seed=0)
    assert seen == [GenerationArgs(max_tokens=256, stop=("Question:", "</s>", "<|im_end|>"), temperature=0)]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("hellaswag", r"asks for log-likelihoods \(multiple_choice\); name tasks that complete text"),
        ("humaneval", "runs what a model writes; name tasks that complete text"),
        ("gsm9k", "there is no lm-eval task 'gsm9k'; name gsm8k_local or math500_local"),
        ("minerva_math", r"the tasks of a group one by one"),
        ("gsm8k_local", "pass --data with a folder that has gsm8k_train.jsonl and gsm8k_test.jsonl"),
        ("none.yaml", "cannot be loaded .*FileNotFoundError"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(name: str, sentence: str) -> None:
    with pytest.raises(TaskError, match=sentence) as raised:
        run_tasks([name], answering(str), data=None, limit=None, seed=0)
    assert "\n" not in str(raised.value)


def test_bad_data_and_limits_are_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TaskError, match=r"gsm8k_test.jsonl is not a folder; pass --data with a folder"):
        gsm8k(folder / "gsm8k_test.jsonl", str)
    with pytest.raises(TaskError, match="at least 1, not 0"):
        gsm8k(folder, str, limit=0)
    (folder / "gsm8k_test.jsonl").write_text('{"question": "Why?", "answer": "#### 1"}\n{"question": "How?"}\n')
    with pytest.raises(TaskError, match=r"gsm8k_test.jsonl:2 has no field 'answer'"):
        gsm8k(folder, str)
    (folder / "gsm8k_test.jsonl").unlink()
    with pytest.raises(TaskError, match=r"no file .*gsm8k_test.jsonl"):
        gsm8k(folder, str)
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(TaskError, match=r"pip install '.\[lm-eval\]'"):
        gsm8k(folder, str)


@pytest.mark.parametrize("setting", ["HF_ENDPOINT=http://127.0.0.1:9", "HF_HUB_OFFLINE=1"])
def test_without_a_hub_a_stock_task_names_the_local_one_quickly(setting: str, folder: Path) -> None:
    """This test uses a real process with an empty cache. Local tasks work without the hub."""
    code = f"""
import time
from pathlib import Path
from evaluators.lm_eval.tasks import load_task
from evaluators.lm_eval.evaluation import run_tasks
start = time.perf_counter()
assert len(load_task("gsm8k_local", Path({str(folder)!r})).eval_docs) == 4
for name in ("gsm8k", "hendrycks_math500"):
    try:
        run_tasks([name], None, data=None, limit=None, seed=0)
    except ValueError as error:
        print(type(error).__name__, time.perf_counter() - start, error)
"""
    name, value = setting.split("=")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment |= {"HF_HOME": str(folder), name: value}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    for line, local in zip(done.stdout.strip().split("\n"), local_names(), strict=True):
        kind, seconds, message = line.split(" ", 2)
        assert kind == "TaskError" and float(seconds) < 12
        assert f"; name {local} with --data instead" in message
