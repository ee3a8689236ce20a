"""``harness eval`` with the embedded model: its numbers, its tables, its place in MLflow, and what it refuses."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from evaluators.statistics.accuracy import pass_at_k, read_records
from evaluators.types import Verdict
from harness.config.settings import ComputeSettings, ModelSettings
from harness.errors import HarnessError
from harness.records.out_dir import OutDir
from harness.report.numbers.interval import Interval
from harness.report.pages.grid import grid
from harness.studies.evals.columns import BEHAVED, SCORED, of_lm_eval
from harness.studies.evals.document import EvalResult, LmEval, OwnEval
from harness.studies.evals.models import Candidate, resolve
from harness.studies.evals.results import FORMAT, EvalStore, Examinee, encode
from harness.studies.evals.settings import eval_suite
from harness.studies.evals.tables import over_formats, over_tasks, tables
from tests.support.command_line import harness, refused
from tests.support.graders import age_evaluation
from tests.support.lm_eval_task import TASK
from tests.support.small import run_small, small_config
from tests.support.written import in_markdown, in_terminal, lines_of

MODEL = "embedded:tiny-arithmetic"
QUICK = ["--engine", "transformers", "--set", "model.dtype=float32", "--set", "max_tokens=40", "--problems", "30"]


def measured(out: Path, *arguments: str, model: str = MODEL) -> dict[str, list[EvalResult]]:
    code, output = harness("eval", "--model", model, "--out", str(out), *QUICK, *arguments)
    assert code == 0, output
    return EvalStore(out).read()


def only(out: Path) -> OwnEval:
    """The only result."""
    ((result,),) = EvalStore(out).read().values()
    assert isinstance(result, OwnEval)
    return result


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model, evaluated once."""
    out = tmp_path_factory.mktemp("evals")
    measured(out, "--tasks", "arithmetic", "--k", "3")
    return out


def test_the_numbers_are_those_of_the_completions(once: Path) -> None:
    summary = only(once).summary
    (folder,) = (once / "evals").glob("arithmetic-*/*/")
    samples, greedy = (read_records(folder / f"{name}.parquet") for name in ("samples", "greedy"))
    assert (len(samples), len(greedy)) == (90, 30)
    right: dict[str, list[bool]] = {}
    for one in samples:
        right.setdefault(one.problem, []).append(one.strict is Verdict.CORRECT)
    table = np.array(list(right.values()))
    assert summary.acc_at_1.mean == pytest.approx(table.mean())
    assert summary.pass_at_k == Interval.over_problems(pass_at_k(table, 3))
    assert summary.pass_at_k.mean == pytest.approx(table.any(axis=1).mean())
    assert summary.acc_at_1.mean < summary.maj_at_k.mean <= summary.pass_at_k.mean
    for span in (summary.acc_at_1, summary.pass_at_k, summary.maj_at_k, summary.greedy):
        assert span.low is not None and span.high is not None and 0 <= span.low < span.mean <= span.high <= 1
    assert summary.greedy.mean == np.mean([one.strict is Verdict.CORRECT for one in greedy]) > 0.8
    assert summary.sampled_tokens == sum(one.tokens for one in (*samples, *greedy))
    assert (summary.problems, summary.truncated, summary.grader_timeouts) == (30, 0.0, 0.0)
    assert all(one.question == f"{one.problem}=" for one in samples)


def test_nothing_is_measured_twice_and_again_is_the_same(once: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    shutil.copytree(once, out)
    before = only(out)
    arguments = ("--tasks", "arithmetic", "--k", "3")
    ((kept,),) = measured(out, *arguments).values()
    assert kept == before
    ((fresh,),) = measured(out, *arguments, "--fresh").values()
    assert isinstance(fresh, OwnEval) and fresh.time > before.time
    assert replace(fresh.summary, seconds=0.0) == replace(before.summary, seconds=0.0)


def test_another_engine_or_precision_is_measured_again(once: Path) -> None:
    found = only(once)
    compute = ComputeSettings(engine="transformers")
    model = ModelSettings(path=MODEL, device="cpu", dtype="float32")
    same = Examinee(name=found.model, weights=found.weights, model=model, compute=compute, command="")
    others = (
        replace(same, model=model.model_copy(update={"dtype": "bfloat16"})),
        replace(same, compute=compute.model_copy(update={"engine": "vllm"})),
    )
    has = [EvalStore(once).has(found.key, one, found.problems_hash) for one in (same, *others)]
    assert has == [True, False, False]


def test_a_mean_over_tasks_counts_each_task_once(once: Path) -> None:
    """Whatever number of formats, seeds or chat templates a task was measured with."""
    found = only(once)

    def result(task: str, accuracy: float, model: str = "a") -> OwnEval:
        settings = found.settings.model_copy(update={"task": found.settings.task.model_copy(update={"name": task})})
        headline = Interval(mean=accuracy, low=None, high=None)
        return replace(found, model=model, settings=settings, summary=replace(found.summary, acc_at_1=headline))

    accuracies = {"one": 0.1, "two": 0.2, "three": 0.4, "four": 0.9}
    tasks = {name: [result(name, accuracy)] for name, accuracy in accuracies.items()}
    assert over_tasks({str(place): [result("one", 0.5)] for place in range(8)}) is None
    table = over_tasks(tasks | {"one again": [result("one", 0.2), result("one", 0.3)], "b": [result("one", 1.0, "b")]})
    assert table
    ((model, mean),) = table.rows  # b was not measured on all of them
    assert model.startswith("a ") and mean == "30.0"  # of 20, 20, 40 and 90


def test_models_stand_in_one_table_where_their_settings_are_equal(once: Path, tmp_path: Path) -> None:
    """A trained run and the model that it began from are in one table. With another k, there is another table."""
    out = tmp_path / "out"
    shutil.copytree(once, out)
    config = small_config("agro")
    run = OutDir(out).run_of(config)
    assert run_small(config, run) == "finished"
    candidate = Candidate(name=config.run_id, path=str(run / "final"), trained_on=config.task)
    for name in (config.run_id, str(run), str(run / "final")):
        assert resolve(name, OutDir(out)) == candidate
    found = measured(out, "--tasks", "arithmetic", "--k", "3", model=config.run_id)
    ((first, second),) = found.values()
    assert isinstance(first, OwnEval) and isinstance(second, OwnEval)
    assert {first.model, second.model} == {MODEL, config.run_id}
    assert first.problems_hash == second.problems_hash
    assert first.settings == second.settings
    assert first.weights != second.weights
    assert len(measured(out, "--tasks", "arithmetic", "--k", "2", model=config.run_id)) == 2
    text = (out / "evals" / "evals.md").read_text()
    assert text.count(f"| {config.run_id} |") == 4
    assert f"harness eval --model {config.run_id} --tasks arithmetic" in text


def test_evaluations_of_two_graders_are_two_tables_and_an_older_one_is_measured_again(
    once: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(once, out)
    (folder,) = (out / "evals").glob("*/*/")
    age_evaluation(folder)
    ((old,),) = EvalStore(out).read().values()
    other = folder.with_name("other-00000000")
    shutil.copytree(folder, other)
    ((new,), (kept,)) = measured(out, "--tasks", "arithmetic", "--k", "3").values()
    assert new.time > old.time and new.grader != old.grader == kept.grader == "0/0.1"
    text = (out / "evals" / "evals.md").read_text()
    assert text.count("## arithmetic") == 2 and "grading, grader 0/0.1" in text and new.grader in text
    assert list(json.loads((out / "evals" / "evals.json").read_text())) == [new.key, f"{new.key}, grader 0/0.1"]


def test_lm_evals_tasks_stand_beside_our_own(tmp_path: Path) -> None:
    (tmp_path / "sums.yaml").write_text(TASK.replace("SAMPLING", "do_sample: false"))
    rows = [{"prompt": f"{n}+8+25=", "answer": str(n + 33)} for n in range(1, 31)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = str(tmp_path / "sums.yaml")
    found = measured(tmp_path, "--tasks", "arithmetic", "--lm-eval", task, "--data", str(tmp_path))
    (own,), (theirs,) = (found[key] for key in sorted(found))
    assert isinstance(own, OwnEval) and isinstance(theirs, LmEval)
    score = theirs.summary.scores["exact_match marked"]
    assert score.mean == score.of_lm_eval > 0.8
    assert (score.low and score.high and score.low < score.mean < score.high) or score.mean == 1
    assert len(found) == 2
    markdown, terminal = in_markdown((tmp_path / "evals/evals.md").read_text()), in_terminal(tables(found))
    for made in (grid(SCORED, [own]), grid(BEHAVED, [own]), grid(of_lm_eval([theirs]), [theirs])):
        assert all(line in markdown and line in terminal for line in lines_of(made))
    runs = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_runs(["1"])
    metrics = {key for run in runs for key in run.data.metrics}
    assert {"lm-eval-sums/exact_match marked", "arithmetic/acc_at_1", "arithmetic/acc_at_1.low"} <= metrics


def test_a_result_says_its_format_and_an_older_one_is_read(once: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(once, out)
    result = only(out)
    (path,) = (out / "evals").glob("*/*/eval.json")
    record = json.loads(path.read_text())
    assert record == json.loads(json.dumps(encode(result)))
    assert record.pop("format") == FORMAT
    for name in ("pass_at_k", "maj_at_k"):  # as in the first format, which names none
        record["summary"][name] = record["summary"][name]["mean"]
    path.write_text(json.dumps(record))
    older, newer = only(out), result
    assert older.summary.pass_at_k == Interval(mean=newer.summary.pass_at_k.mean, low=None, high=None)
    assert older.summary.maj_at_k.mean == newer.summary.maj_at_k.mean
    assert older.summary.acc_at_1 == newer.summary.acc_at_1
    path.write_text(json.dumps(record | {"format": FORMAT + 1}))
    with pytest.raises(HarnessError, match=rf"eval.json has format {FORMAT + 1}.* reads formats up to {FORMAT}"):
        only(out)
    del record["summary"]["greedy"]
    for content in (json.dumps(record), "[]", "{}", '{"kind": "other"}', '{"format": "x"}', "{"):
        path.write_text(content)
        with pytest.raises(HarnessError, match=r"eval.json; delete the file"):
            only(out)


def test_it_is_in_mlflow_once(once: Path) -> None:
    client = MlflowClient(f"sqlite:///{once}/mlflow.db")
    experiment = client.get_experiment_by_name("evals")
    assert experiment is not None
    for _ in range(2):
        measured(once, "--tasks", "arithmetic", "--k", "3")
        (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics["arithmetic/acc_at_1"] == only(once).summary.acc_at_1.mean
    assert run.data.params["model"] == MODEL
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {
        "eval.json",
        "samples.parquet",
        "greedy.parquet",
    }


def test_a_dead_store_costs_a_warning(tmp_path: Path) -> None:
    code, output = harness(
        *("eval", "--model", MODEL, "--tasks", "arithmetic", "--out", str(tmp_path), *QUICK),
        *("--tracking-uri", "http://127.0.0.1:9"),
    )
    assert code == 0
    assert "warning: cannot publish to http://127.0.0.1:9" in output
    assert EvalStore(tmp_path).read()


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    start = ["eval", "--out", str(tmp_path), *QUICK, "--model"]
    refused([*start, MODEL], "--tasks", "--lm-eval")
    refused([*start, MODEL, "--tasks", "arithmetics"], "'arithmetic'")
    refused([*start, MODEL, "--tasks", "arithmetic,arithmetic"], "twice")
    refused([*start, MODEL, "--tasks", "arithmetic", "--set", "max_token=3"], "max_token", "max_tokens")
    refused([*start, MODEL, "--tasks", "arithmetic", "--set", "max_tokens=4000"], "max_tokens=4000", "128")
    refused([*start, MODEL, "--lm-eval", "gsm8k_local"], "gsm8k_local")
    refused([*start, MODEL, "--tasks", "reasoning_gym:gcd"], "tokenizer cannot read the prompt")
    refused([*start, "./nowhere", "--tasks", "arithmetic"], "./nowhere")
    run = OutDir(tmp_path).run_of(small_config("agro"))
    assert run_small(small_config("agro"), run, should_stop=lambda: True) == "interrupted"
    refused([*start, run.name, "--tasks", "arithmetic"], run.name, "has not finished")


def test_a_model_is_asked_in_several_formats_and_they_stand_side_by_side(tmp_path: Path) -> None:
    template = tmp_path / "chat.jinja"  # its tokenizer knows only sums, so it drops the instruction
    template.write_text("{{ messages[-1].content.split('\\n')[0] }}")
    chat = ("--set", f"model.chat_template={template}")
    found = measured(tmp_path, "--tasks", "arithmetic", "--k", "1", "--formats", "boxed,hash", *chat)
    results = {one.answer_format: one for (one,) in found.values() if isinstance(one, OwnEval)}
    assert sorted(results) == ["boxed", "hash"]
    assert results["boxed"].summary.unparsed == 1  # it writes ####, whatever the prompt asks for
    assert results["hash"].summary.unparsed < 0.1
    ((title, made),) = over_formats(found)
    assert title == "embedded:tiny-arithmetic on arithmetic by answer format"
    assert sorted(row[0] for row in made.rows) == ["boxed", "hash"] and made.headers[0] == "format"
    assert title in (tmp_path / "evals" / "evals.md").read_text().replace("\\", "")


def test_another_chat_template_is_another_model(once: Path, tmp_path: Path) -> None:
    out = tmp_path / "templates"
    shutil.copytree(once, out)
    template = tmp_path / "chat.jinja"
    template.write_text("{{ messages[-1].content.split('\\n')[0] }}")
    settings = ("--tasks", "arithmetic", "--k", "3", "--set", f"model.chat_template={template}")
    ((first, second),) = measured(out, *settings).values()
    assert isinstance(first, OwnEval) and isinstance(second, OwnEval)
    assert {first.answer_format, second.answer_format} == {"own", "boxed"}


def test_each_task_has_a_limit_that_suits_it(tmp_path: Path) -> None:
    suite = eval_suite("m", [{"name": name} for name in ("gsm8k", "math500", "aime")], [], None, [])
    assert [settings.max_tokens for settings in suite.tasks] == [512, 2048, 8192]
    assert {
        s.max_tokens
        for s in eval_suite("m", [{"name": "gsm8k"}, {"name": "aime"}], [], None, [("max_tokens", 9)]).tasks
    } == {9}
    refused(["eval", "--model", MODEL, "--tasks", "gsm8k", "--formats", "boxd"], "no answer format 'boxd'", "'boxed'")
