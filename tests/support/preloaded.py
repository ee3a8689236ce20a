"""The imports of nearly all our processes. They take more than five seconds, so forks of one process share them."""

import matplotlib.figure  # noqa: F401
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
import transformers.models.auto.modeling_auto
import transformers.models.llama.modeling_llama  # noqa: F401

import harness.cli
import harness.launch.carry_out
import harness.report.commands
import harness.tracking.writer  # noqa: F401
