# docker build -t painprint . ; docker run --rm painprint --help
ARG BASE=python:3.13-slim-trixie

# hadolint ignore=DL3006
FROM ${BASE} AS build
WORKDIR /source
RUN python3 -m venv tools && tools/bin/pip install --no-cache-dir build==1.*
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN tools/bin/python -m build --wheel --outdir /wheel

# hadolint ignore=DL3006
FROM ${BASE}
ENV MPLBACKEND=agg PATH=/opt/painprint/bin:$PATH
COPY --from=build /wheel /wheel
RUN python3 -m venv /opt/painprint \
 && /opt/painprint/bin/pip install --no-cache-dir /wheel/*.whl \
 && /opt/painprint/bin/pip check
WORKDIR /tmp
USER 65534:65534
ENTRYPOINT ["painprint"]
