# The image of events-fanout: docs/image.md tells how it is built, pinned, verified, and what of it is proved where.
# Python and Debian are those that the tests run on: 3.11 on Debian 12, called bookworm.
FROM python:3.11-slim-bookworm AS base

FROM base AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# Without pip: it is filled from outside, so that pip is nowhere in what the next stage copies.
RUN python -m venv --without-pip /opt/events-fanout
COPY requirements/build.txt requirements/image.txt requirements/
RUN pip install --require-hashes --no-deps --only-binary :all: --requirement requirements/build.txt \
    && pip --python /opt/events-fanout/bin/python install --no-compile \
        --require-hashes --no-deps --only-binary :all: --requirement requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY fanout fanout
RUN pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && pip --python /opt/events-fanout/bin/python install --no-compile --no-deps --no-index dist/*.whl
COPY deploy/image/bytecode.py /opt/events-fanout/

FROM base
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip setuptools wheel \
    && rm -r "$(python -c 'import ensurepip; print(ensurepip.__path__[0])')"
COPY --from=build /opt/events-fanout /opt/events-fanout
ENV PATH=/opt/events-fanout/bin:${PATH} PYTHONDONTWRITEBYTECODE=1
RUN python /opt/events-fanout/bytecode.py

ARG VERSION
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="events-fanout" \
      org.opencontainers.image.description="Routes the events of a Kubernetes cluster from one Kafka topic to a topic for each namespace." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# By number: Kubernetes cannot see whether a name is root (runAsNonRoot).
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
# No HEALTHCHECK: Kubernetes does not run it, and asks /livez, /readyz and /startupz itself.
# checkov:skip=CKV_DOCKER_2:Kubernetes does not run HEALTHCHECK; its own probes ask the program
ENTRYPOINT ["events-fanout"]
CMD ["run"]
