"""The options that several commands have."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.config.regime import GRAMMAR

OUT = Path("runs")
"""Where runs go unless the command line says otherwise. Published results, which are committed, lie elsewhere."""
Out = Annotated[Path, typer.Option(help="Directory of the runs and of what is made of them.")]
Suite = Annotated[str, typer.Option(help="A suite's name, or the path of its YAML file.")]
Model = Annotated[str | None, typer.Option(help="A hub id, a local directory, a .gguf file, or embedded:NAME.")]
Data = Annotated[str | None, typer.Option(help="A local file or directory with the task's data.")]
Task = Annotated[str | None, typer.Option(help="Another task, NAME[:VARIANT][:KEY=VALUE,...]; one's own data: jsonl.")]
Engine = Annotated[str | None, typer.Option(help="What samples completions: auto, transformers, vllm.")]
Change = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of the suite; repeatable.")]
Seeds = Annotated[str | None, typer.Option(help="How many seeds (3), or which (0,1,7; 7, is 7 alone).")]
Until = Annotated[
    str | None,
    typer.Option(help="decided: seeds are added until each is better, worse or equivalent, at the suite's looks."),
]
Most = Annotated[
    int | None,
    typer.Option("--max-seeds", min=1, help="The most seeds, with --until; default: the suite's last look."),
]
From = Annotated[
    list[str] | None,
    typer.Option("--from", help="MLflow store, archive of runs, or folder of runs; repeatable; default: --out."),
]
Match = Annotated[str | None, typer.Option(help="Key of a set of matched runs, where there are several.")]
GraderName = Annotated[
    str | None, typer.Option("--grader", help="Only runs that this grader judged, such as 2; where there are several.")
]
Correct = Annotated[
    Literal["table", "document"], typer.Option(help="Correct tests table by table, or all of the document's at once.")
]
Uri = Annotated[str | None, typer.Option("--tracking-uri", help="MLflow store; default: SQLite under --out.")]
Devices = Annotated[
    str | None,
    typer.Option(
        help="GPUs, such as 0-7 or 0,2,5, or how many runs share the CPU, cpu:4; default: all GPUs, or as cores allow."
    ),
]
RunsPerDevice = Annotated[
    int | None, typer.Option(min=1, help="Runs that share a GPU; default: as many as fit, by harness plan's estimate.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="The most runs at a time.")]
ExecutorName = Annotated[
    Literal["local", "ray"], typer.Option("--executor", help="Where runs run: this machine, or a Ray cluster.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(help="HOST:PORT of the cluster, or auto; default: RAY_ADDRESS, or else this machine alone."),
]
RayStorage = Annotated[
    str | None,
    typer.Option(help="Where files above 64 MiB go on their way, such as s3://BUCKET/FOLDER or file:///FOLDER."),
]
PartOf = Annotated[str | None, typer.Option("--part", help="I/N: only part I of N, which take about the same time.")]
Limit = Annotated[
    int | None, typer.Option(min=1, help="A quick look at so many problems; its results are marked, and kept apart.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace published results also where that loses runs.")]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Train also where a look at the start policy finds nothing to learn from.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget what these runs have done before.")]
Regimes = Annotated[list[str] | None, typer.Option(help=f"{GRAMMAR}; repeatable.")]
