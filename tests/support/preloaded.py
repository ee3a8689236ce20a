"""What nearly every process of ours imports: that takes five seconds and more, so forks of one process share it."""

import matplotlib.figure  # noqa: F401
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
import transformers.models.auto.modeling_auto
import transformers.models.llama.modeling_llama  # noqa: F401

import harness.cli
import harness.launch.carry_out
import harness.report.commands
import harness.tracking.writer  # noqa: F401
