# Chronos' one image: the operator, the API and the chart's test run from it, as several commands.
# It builds with docker and with buildah, and needs no registry but PyPI when BASE_IMAGE is local.
# The base must bring Python 3.11 or newer with venv, and certificates.
ARG BASE_IMAGE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE_IMAGE} AS builder
ARG UV_VERSION=0.13.8
# SSL_CERT_FILE: uv brings authorities of its own, but a build behind a company's proxy needs the
# machine's, which then are mounted over /etc/ssl/certs.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_NO_PROGRESS=1 \
    UV_PROJECT_ENVIRONMENT=/opt/chronos/.venv \
    UV_PYTHON=python3 \
    UV_PYTHON_DOWNLOADS=never
RUN python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --quiet "uv==${UV_VERSION}"
WORKDIR /src
# The dependencies first: they change seldom, and this layer is then kept.
COPY pyproject.toml uv.lock ./
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --no-install-project
COPY . .
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --no-editable

FROM ${BASE_IMAGE}
ARG VERSION=dev
LABEL org.opencontainers.image.title="Chronos" \
      org.opencontainers.image.description="A Kubernetes-native job scheduler" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=builder /opt/chronos/.venv /opt/chronos/.venv
# Nothing is written at run time: bytecode was compiled above, the root may be read-only.
# USER is set because the number below has no name in /etc/passwd.
ENV PATH=/opt/chronos/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    USER=chronos \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /tmp
CMD ["chronos-operator"]
