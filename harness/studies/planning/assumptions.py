"""What a plan assumes, in sentences that stand below its tables."""

from harness.config.run_config import RunConfig
from harness.studies.planning import duration, traffic
from harness.studies.planning.device import Device
from harness.studies.planning.memory import ALLOWANCE, GIB, tokens_at_once


def assumptions(config: RunConfig, device: Device, prompt: int, completion: int) -> list[str]:
    """Of a plan with prompts and completions of so many tokens."""
    recomputed = (
        "layers are computed again in the backward pass"
        if config.policy.gradient_checkpointing
        else "all activations are kept; policy.gradient_checkpointing=true keeps one layer's"
    )
    kind, engine = config.model.device, config.compute.engine
    process = f"{ALLOWANCE[kind] / GIB:g} GiB for " + ("CUDA and fragments" if kind == "cuda" else "the process")
    rates = (
        "its datasheet's"
        if kind == "cuda"
        else f"measured just now on {config.compute.threads} threads: {device.rate(config.model.dtype) / 1e9:,.0f} "
        f"GFLOP/s, {1000 * device.bandwidth:.0f} GB/s"
    )
    return [
        f"mean prompt {prompt} and completion {completion} tokens; --prompt-tokens and --completion-tokens change them",
        f"training holds {tokens_at_once(config):,} tokens at once, the larger of compute.micro_batch_tokens and the "
        f"longest group; {recomputed}",
        "activations: what autograd keeps of the model's own layers, traced without data; scoring: at most one layer's",
        "trained weights, gradients and moments in float32; on a GPU vLLM gives its memory to training and back, the "
        f"copy that the transformers engine samples from stays; {process}",
        f"passes reach {duration.TRAINING_SHARE:.0%} of the device's matrix rate, sampling "
        f"{duration.DECODING_SHARE:.0%} of its bandwidth ({rates}); to start the kernels of a layer takes "
        f"{1e6 * duration.of_engine(duration.LAUNCH, engine):.0f} us a token sampled",
        f"a run begins after {duration.of_engine(duration.BEGINNING, engine):.0f} s, and weights that are read at "
        f"{duration.DISK / 1e9:g} GB/s",
        *([] if engine in duration.LAUNCH else [f"the engine {engine} is taken to be as fast as transformers"]),
        "grading and the journal are not counted; a prompt is computed once for its group; layers that are computed "
        "again take time, and are no model FLOPs",
    ]


def between_devices(device: Device) -> list[str]:
    """Of runs on several devices."""
    return [
        f"devices of one run exchange {device.link:g} GB/s within a machine of {traffic.MACHINE}, and "
        f"{min(device.link, device.network):g} between machines, of which {traffic.LINK_SHARE:.0%} are reached; "
        "nothing of that is hidden behind computing",
        "groups are shared out whole, so a device without one waits; each device samples from a whole copy of the "
        "weights, however few prompts it has",
        "shares of the devices' time: sampling with evaluation; start with writing weights into engines; idle without "
        "a run",
        "efficiency: against the same runs one by one, each on the fewest devices that it fits on; limit: what takes "
        "most of the device time that is lost",
    ]
