"""The options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.config.regime import GRAMMAR

OUT = Path("runs")
"""The default folder of runs. Published results, which are committed, have another folder."""
Out = Annotated[Path, typer.Option(help="The folder of the runs, and of the tables and pages about them.")]
Suite = Annotated[str, typer.Option(help="A suite's name, or the path of its YAML file.")]
Model = Annotated[str | None, typer.Option(help="A hub id, a local folder, a .gguf file, or embedded:NAME.")]
Data = Annotated[str | None, typer.Option(help="A local file or folder with the data of the task.")]
Task = Annotated[
    str | None, typer.Option(help="Another task, NAME[:VARIANT][:KEY=VALUE,...]. For your own data: jsonl.")
]
Engine = Annotated[str | None, typer.Option(help="The engine that samples completions: auto, transformers or vllm.")]
Change = Annotated[
    list[str] | None, typer.Option("--set", help="Change a setting of the suite, KEY=VALUE. Repeatable.")
]
Seeds = Annotated[
    str | None,
    typer.Option(help="A number of seeds, such as 3, or a list of seeds, such as 0,1,7. For seed 7 alone: 7,"),
]
Until = Annotated[
    str | None,
    typer.Option(help="decided: add seeds at the suite's looks until each arm is better, worse or equivalent."),
]
Most = Annotated[
    int | None,
    typer.Option(
        "--max-seeds", min=1, help="With --until: the largest number of seeds. Default: the suite's last look."
    ),
]
From = Annotated[
    list[str] | None,
    typer.Option("--from", help="Read runs from an MLflow store, an archive or a folder. Repeatable. Default: --out."),
]
Match = Annotated[str | None, typer.Option(help="The key of a set of matched runs, if there are several sets.")]
GraderName = Annotated[str | None, typer.Option("--grader", help="Only runs that this grader judged, such as 2.")]
Correct = Annotated[
    Literal["table", "document"],
    typer.Option(help="Correct the tests of each table separately, or all tests of the document together."),
]
Uri = Annotated[str | None, typer.Option("--tracking-uri", help="The MLflow store. Default: SQLite under --out.")]
Devices = Annotated[
    str | None,
    typer.Option(
        help="GPUs, such as 0-7 or 0,2,5, or cpu:4 for four runs that share the CPU. Default: all GPUs, or as many "
        "runs as the cores allow."
    ),
]
RunsPerDevice = Annotated[
    int | None,
    typer.Option(
        min=1, help="The number of runs that share a GPU. Default: as many as fit, as harness plan estimates."
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, help="The largest number of runs at a time.")]
ExecutorName = Annotated[
    Literal["local", "ray"], typer.Option("--executor", help="Where to train: on this machine, or on a Ray cluster.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        help="HOST:PORT of the cluster, or auto. Default: RAY_ADDRESS if it is set, otherwise only this machine."
    ),
]
RayStorage = Annotated[
    str | None,
    typer.Option(help="Where to store files above 64 MiB in transit, such as s3://BUCKET/FOLDER or file:///FOLDER."),
]
PartOf = Annotated[
    str | None, typer.Option("--part", help="I/N: train only part I of N. The parts take about the same time.")
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="Take a quick look at this many problems. Its results are marked and kept apart."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace published results even if runs are lost.")]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Train even if a look at the start policy finds nothing to learn from.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start these runs again instead of resuming them.")]
Regimes = Annotated[list[str] | None, typer.Option(help=f"{GRAMMAR}. Repeatable.")]
