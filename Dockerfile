# The images of attune_server and attune_trainer; docs/image.md says how to build and
# run them.
#
#   docker build --target server -t attune-server --build-arg PROGRAMS=server .
#   docker build --target trainer -t attune-trainer .
#
# How far two builds are the same: the base is named by digest, what comes from the
# Python index by hash (scripts/lib/artifacts.sh), our own code by the commit. Debian's
# packages are not pinned: each build takes the newest of Debian 12, so that building
# again brings the security fixes. What a build took is in the image's SBOM.

# debian:12-slim of 2026-08-03, for all architectures.
ARG BASE=debian:12-slim@sha256:abd67ffcfa541b485a3dff59865ab629aa048a6c613e639d36e7456b0b229241

FROM ${BASE} AS build
# What to compile. With "server" alone nothing of libtorch is fetched.
ARG PROGRAMS="server trainer"
# Of the compiler; empty: as many as there are cores.
ARG JOBS=
# apt's, where it needs another configuration than the base's; in no image.
ARG APT_CONFIG
# Where ccache keeps what it compiled, and where the sources are: it finds again what was
# compiled in the same place, with the same LANG.
ARG CCACHE_DIR=/ccache
ARG SRC=/src
ARG LANG
# llama.cpp for every x86-64 CPU with AVX2, not for the one that compiles. What comes from
# the Python index may be there already: mounted at /mnt, as scripts/image.sh does.
ENV ATTUNE_PORTABLE=1 ATTUNE_DOWNLOADS=/mnt
COPY scripts /setup/scripts
RUN --mount=type=cache,target=/ccache /setup/scripts/setup.sh ${PROGRAMS}
WORKDIR ${SRC}
COPY . .
RUN --mount=type=cache,target=/ccache deploy/image/build.sh /out ${PROGRAMS}

FROM ${BASE} AS server-root
ARG APT_CONFIG
# Copied, so that another list installs again: what is mounted does not count for that.
COPY --from=build /out/server.packages /usr/share/doc/attune/packages
RUN --mount=type=bind,from=build,source=/out,target=/out \
    /out/install.sh /usr/share/doc/attune/packages /var/lib/attune
COPY --from=build /out/server /

FROM build AS server-sbom
ARG VERSION=0.1.0
RUN --mount=type=bind,from=server-root,target=/root-of-image \
    tools/sbom.py --root /root-of-image --name attune-server --version "${VERSION}" \
      --compiled-in libeigen3-dev,libcli11-dev,nlohmann-json3-dev,libspdlog-dev \
      --out /sbom/attune-server.spdx.json

FROM server-root AS server
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
COPY --from=server-sbom /sbom /usr/share/sbom
LABEL org.opencontainers.image.title="attune-server" \
      org.opencontainers.image.description="Chooses the prompt that makes a frozen LLM recommend best: the server" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The Attune Authors"
# A file below flags and variables: what is set there wins. SQLite's large temporary
# files go to the volume, since the root file system may be read-only.
ENV ATTUNE_CONFIG=/etc/attune/server.yaml SQLITE_TMPDIR=/var/lib/attune
# A number, so that Kubernetes' runAsNonRoot can tell.
USER 10001:10001
WORKDIR /var/lib/attune
VOLUME /var/lib/attune
EXPOSE 50051 50052 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["attune", "health"]
ENTRYPOINT ["attune_server"]

FROM ${BASE} AS trainer-root
ARG APT_CONFIG
# Copied, so that another list installs again: what is mounted does not count for that.
COPY --from=build /out/trainer.packages /usr/share/doc/attune/packages
RUN --mount=type=bind,from=build,source=/out,target=/out \
    /out/install.sh /usr/share/doc/attune/packages /work
COPY --from=build /out/trainer /

FROM build AS trainer-sbom
ARG VERSION=0.1.0
RUN --mount=type=bind,from=trainer-root,target=/root-of-image \
    tools/sbom.py --root /root-of-image --name attune-trainer --version "${VERSION}" \
      --compiled-in libeigen3-dev,libcli11-dev,nlohmann-json3-dev,libspdlog-dev,node-d3 \
      --vendored "llama.cpp=$(. scripts/lib/artifacts.sh && echo "${LLAMA_VERSION}")=MIT" \
      --out /sbom/attune-trainer.spdx.json

FROM trainer-root AS trainer
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
COPY --from=trainer-sbom /sbom /usr/share/sbom
LABEL org.opencontainers.image.title="attune-trainer" \
      org.opencontainers.image.description="Chooses the prompt that makes a frozen LLM recommend best: the trainer" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The Attune Authors"
# What it writes beside --out.
ENV HOME=/work TMPDIR=/work
USER 10001:10001
WORKDIR /work
VOLUME /work
STOPSIGNAL SIGTERM
HEALTHCHECK NONE
ENTRYPOINT ["attune_trainer"]
CMD ["--help"]
