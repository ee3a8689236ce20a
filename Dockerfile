# The harness in a container. `docker build --target cpu .` or `docker build --target cuda .`; runs go to /study/runs.

FROM python:3.11-slim-bookworm AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
# An index with CPU builds of torch makes the image much smaller: --build-arg PIP_EXTRA_INDEX_URL=...
ARG PIP_EXTRA_INDEX_URL=
WORKDIR /src

# The versions of requirements.lock; what only tests and documentation need is left out.
FROM base AS cpu
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY algorithms ./algorithms
COPY evaluators ./evaluators
COPY harness ./harness
RUN pip install --constraint requirements.lock ".[ray]" && useradd --create-home --uid 1000 harness && install --directory --owner harness /study
USER 1000
WORKDIR /study
ENTRYPOINT ["harness"]
CMD ["--help"]

# vLLM pins versions of its own, so this stage does without requirements.lock. Triton compiles kernels and needs gcc.
# The CUDA libraries come with torch; the machine needs the driver and the NVIDIA container toolkit.
FROM base AS cuda
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml README.md LICENSE ./
COPY algorithms ./algorithms
COPY evaluators ./evaluators
COPY harness ./harness
RUN pip install ".[vllm,8bit]" && useradd --create-home --uid 1000 harness && install --directory --owner harness /study
USER 1000
WORKDIR /study
ENTRYPOINT ["harness"]
CMD ["--help"]
