# CPU:   docker build -t lightning-tasks .
# CUDA:  docker build -t lightning-tasks:cuda --build-arg TORCH=cuda .   (the driver is the host's)
# Run:   docker run --rm -v "$PWD:/work" lightning-tasks fit --config configs/mars_unet.yaml
#        with --gpus all for the second; runs/ and data/ are then those of the folder one stands in
FROM python:3.12-slim

ARG TORCH=cpu
ARG EXTRAS=tune,export
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 UV_NO_CACHE=1

RUN pip install --no-cache-dir uv
WORKDIR /opt/lightning-tasks
COPY pyproject.toml constraints.txt setup.py README.md LICENSE ./
COPY lightning_tasks lightning_tasks
COPY datamodules datamodules
COPY configs configs
# The CUDA libraries come with the usual wheels of torch, so one base serves both.
RUN case "$TORCH" in cpu) set -- --torch-backend cpu ;; cuda) set -- ;; *) echo "TORCH: cpu or cuda" >&2; exit 2 ;; esac \
  && uv pip install --system "$@" --constraint constraints.txt ".[$EXTRAS]"

RUN useradd --create-home user && mkdir /work && chown user /work
USER user
WORKDIR /work
ENTRYPOINT ["lightning-tasks"]
CMD ["--help"]
