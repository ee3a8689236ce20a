"""The assumptions of a plan, as sentences below its tables."""

from harness.config.run_config import RunConfig
from harness.studies.planning import duration, traffic
from harness.studies.planning.device import Device
from harness.studies.planning.memory import ALLOWANCE, GIB, tokens_at_once


def assumptions(config: RunConfig, device: Device, prompt: int, completion: int) -> list[str]:
    """The assumptions of a plan for prompts and completions with these mean numbers of tokens."""
    recomputed = {
        False: "all activations are kept (policy.gradient_checkpointing=selective keeps results of matrix products, "
        "and true those of one layer)",
        "selective": "only results of matrix products are kept",
        True: "layers are recomputed in the backward pass",
    }[config.policy.gradient_checkpointing]
    kind, engine = config.model.device, config.compute.engine
    process = f"{ALLOWANCE[kind] / GIB:g} GiB for " + ("CUDA and fragments" if kind == "cuda" else "the process")
    rates = (
        "from its datasheet"
        if kind == "cuda"
        else f"measured on {config.compute.threads} threads: {device.rate(config.model.dtype) / 1e9:,.0f} GFLOP/s, "
        f"{1000 * device.bandwidth:.0f} GB/s"
    )
    return [
        f"prompts have {prompt} tokens and completions {completion} on average; --prompt-tokens and "
        "--completion-tokens change this",
        f"a micro-batch has up to {tokens_at_once(config):,} tokens, the larger of compute.micro_batch_tokens and the "
        f"longest group; {recomputed}",
        "activations are what autograd keeps of the model's layers, traced without data; scoring keeps at most one "
        "layer",
        "trained weights, gradients and moments are in float32; on a GPU, vLLM frees its memory during training, but "
        f"the copy that the transformers engine samples from stays; {process}",
        f"passes reach {duration.TRAINING_SHARE:.0%} of the device's matrix rate, and sampling reaches "
        f"{duration.DECODING_SHARE:.0%} of its bandwidth ({rates}); launching the kernels of a layer takes "
        f"{1e6 * duration.of_engine(duration.LAUNCH, engine):.0f} us per sampled token",
        f"a run starts after {duration.of_engine(duration.BEGINNING, engine):.0f} s, plus reading the weights at "
        f"{duration.DISK / 1e9:g} GB/s",
        *([] if engine in duration.LAUNCH else [f"the engine {engine} is assumed to be as fast as transformers"]),
        "grading and the journal are not counted; a prompt is computed once per group; recomputed layers count as "
        "time, but not as model FLOPs",
    ]


def between_devices(device: Device) -> list[str]:
    """The assumptions for runs on several devices."""
    return [
        f"devices of one run exchange {device.link:g} GB/s within a machine of {traffic.MACHINE} devices, and "
        f"{min(device.link, device.network):g} GB/s between machines; {traffic.LINK_SHARE:.0%} of this are reached, "
        "and communication does not overlap with computation",
        "groups are not split between devices, so a device without a group waits; each device samples from a full "
        "copy of the weights",
        "shares of device time: sampling includes evaluation; start includes writing weights into engines; idle is "
        "time without a run",
        "efficiency: relative to the same runs one after the other, each on the fewest devices that it fits on; limit: "
        "the largest part of the lost device time",
    ]
