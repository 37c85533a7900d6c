# Two images of one make (docs/docker.md):
#
#   docker build --target runner --tag oddish-runner .   runs one attempt of a trial: what a container task is started from
#   docker build --target server --tag oddish-server .   the API, and the worker that starts runners in its own container
#
# Needs BuildKit. The programs are compiled in the stage `built`, unless they come ready-made from a folder:
#
#   docker build --target runner --build-arg BINARIES=ready --build-context ready=FOLDER .
#
# Where a proxy answers for the package registries with a certificate of its own:
#
#   docker build --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt ...

# Both Debian 13: what is compiled in the one runs with the C library of the other, and its Python is one that Harbor runs on.
ARG RUST_IMAGE=rust:1.95-slim-trixie
ARG BASE_IMAGE=debian:trixie-slim
ARG BINARIES=built

FROM ${RUST_IMAGE} AS compiled
WORKDIR /src
COPY . .
# The commit that GET /version tells: --build-arg ODDISH_COMMIT="$(git rev-parse HEAD)".
ARG ODDISH_COMMIT
RUN --mount=type=secret,id=ca --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    if [ -s /run/secrets/ca ]; then export CARGO_HTTP_CAINFO=/run/secrets/ca; fi \
    && cargo build --locked --release --package oddish-runner --package oddish-server --bins \
    && install -D --target-directory /programs target/release/oddish-runner target/release/oddish-server

FROM scratch AS built
COPY --from=compiled /programs /

FROM ${BINARIES} AS binaries

FROM ${BASE_IMAGE} AS python
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && apt-get clean && rm -rf /var/lib/apt/lists/*

# Harbor, and the SDKs of the sandboxes that it can use, by a lock file with the hashes of everything.
FROM python AS harbor
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv
RUN --mount=type=secret,id=ca --mount=type=bind,source=docker/harbor-0.26.0.lock.txt,target=/lock.txt \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && python3 -m venv /opt/harbor \
    && /opt/harbor/bin/python -m pip install --no-cache-dir --no-deps --require-hashes --requirement /lock.txt

FROM python AS runner
# The client with compose and BuildKit is for Harbor's environment `docker`, where the container gets a daemon's socket. tini passes
# signals on and takes care of processes whose parents have died.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends docker-buildx docker-cli docker-compose tini \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY --from=harbor /opt/harbor /opt/harbor
COPY --from=binaries --chmod=755 oddish-runner /usr/local/bin/
RUN useradd --uid 1000 --create-home oddish \
    && install --directory --owner oddish --group oddish /var/lib/oddish /var/lib/oddish/jobs
ENV HOME=/home/oddish \
    ODDISH_HARBOR_PYTHON=/opt/harbor/bin/python \
    ODDISH_HARBOR_JOBS_DIR=/var/lib/oddish/jobs
# A volume of a container task belongs to the folder's owner only if the image says that it is one.
VOLUME /var/lib/oddish/jobs
# Starts as root and goes on as oddish: only root can take the group of Docker's socket, and give Harbor a user of its own.
ENTRYPOINT ["oddish-runner", "enter", "--", "tini", "--", "oddish-runner"]
LABEL org.opencontainers.image.title="oddish-runner" \
      org.opencontainers.image.description="Runs one attempt of a trial with Harbor 0.26.0" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM runner AS server
COPY --from=binaries --chmod=755 oddish-server /usr/local/bin/
# Closed to Harbor, where it is a user of its own.
RUN install --directory --mode=700 --owner oddish --group oddish /var/lib/oddish/home /var/lib/oddish/artifacts
ENV ODDISH_API_HOST=0.0.0.0 \
    ODDISH_HOME=/var/lib/oddish/home \
    ODDISH_LOCAL_STORAGE_DIR=/var/lib/oddish/artifacts
VOLUME /var/lib/oddish/home /var/lib/oddish/artifacts
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('ODDISH_API_PORT', '8000') + '/health', timeout=4)"]
ENTRYPOINT ["oddish-runner", "enter", "--", "tini", "--", "oddish-server"]
CMD ["api"]
LABEL org.opencontainers.image.title="oddish-server" \
      org.opencontainers.image.description="Oddish's API, and its worker with Harbor 0.26.0"
