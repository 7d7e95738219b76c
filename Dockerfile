# The steps of .ci/run on a clean machine: docker build . fails when a test or a linter does.
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends libexpat1 gdal-bin ffmpeg && rm -rf /var/lib/apt/lists/*
WORKDIR /demzip
COPY . .
RUN bash .ci/run
RUN .venv/bin/demzip warmup
ENTRYPOINT [".venv/bin/demzip"]
