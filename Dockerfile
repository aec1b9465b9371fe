# The image of Pinhole: pinhole-server, pinhole-admin, and of Debian 12 only what they load. Read-only,
# without root, data below /var/lib/pinhole (docs/deploy.md). tools/deploy/build-image fills in the
# labels. Stages that change seldom come first.

# Which packages. The stages below see the two lists alone: they stay as they are until one of them changes.
FROM debian:bookworm-slim AS packages
COPY tools/dev tools/apt-packages.txt /src/tools/
RUN mkdir /lists && /src/tools/dev packages build >/lists/build && \
    /src/tools/dev packages runtime image >/lists/runtime

# What compiles.
FROM debian:bookworm-slim AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /src
COPY --from=packages /lists/build /lists/
RUN --mount=type=cache,id=pinhole-apt,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=pinhole-apt-lists,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean; \
    apt-get -q update; \
    DEBIAN_FRONTEND=noninteractive xargs -a /lists/build apt-get -q install -y --no-install-recommends
COPY CMakeLists.txt CMakePresets.json ./
COPY storage storage
COPY server server
COPY handlers handlers
COPY tools tools
# How many compilers at once; each may want 1.5 GB. Nothing: as many as there are cores.
ARG JOBS=
ENV LANG=C.UTF-8 CCACHE_DIR=/ccache CCACHE_BASEDIR=/src CCACHE_NOHASHDIR=1 \
    CCACHE_SLOPPINESS=pch_defines,time_macros
RUN --mount=type=cache,id=pinhole-ccache,target=/ccache \
    cmake --preset release -DBUILD_TESTING=OFF; \
    cmake --build build/release --parallel "${JOBS:-$(nproc)}" \
        --target pinhole-server pinhole-admin; \
    mkdir /programs; \
    strip --strip-unneeded -o /programs/pinhole-server build/release/pinhole-server; \
    strip --strip-unneeded -o /programs/pinhole-admin build/release/pinhole-admin; \
    tools/deploy/image/make-icudata /programs/libicudata.so.72

# What they load at run time, from Debian's packages.
FROM debian:bookworm-slim AS runtime
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
COPY --from=packages /lists/runtime /lists/
RUN --mount=type=cache,id=pinhole-apt,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=pinhole-apt-lists,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean; \
    apt-get -q update; \
    DEBIAN_FRONTEND=noninteractive xargs -a /lists/runtime apt-get -q install -y --no-install-recommends
COPY --from=build /programs /programs
COPY tools/deploy/image /src/tools/deploy/image
RUN /src/tools/deploy/image/assemble /programs /image

# The image itself. The libraries are a layer of their own, the same from build to build until Debian
# has new ones: a rollout fetches the programs alone.
FROM scratch
COPY --from=runtime /image/system /
COPY --from=runtime /image/programs /
COPY --from=runtime --chown=10001:10001 /image/data /
ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 \
    PINHOLE_DATA_DIR=/var/lib/pinhole PINHOLE_LISTEN=0.0.0.0:8080
USER 10001:10001
WORKDIR /var/lib/pinhole
EXPOSE 8080
STOPSIGNAL SIGTERM
# Of Docker's statuses only 0 and 1 have a meaning; the word tells more apart (docs/admin.md).
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=3 \
    CMD ["sh", "-c", "pinhole-admin healthcheck || exit 1"]
ENTRYPOINT ["pinhole-entrypoint"]
CMD ["pinhole-server"]
# Last, since they change with each build.
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
ARG SCHEMA_VERSION=unknown
LABEL org.opencontainers.image.title="Pinhole" \
      org.opencontainers.image.description="The backend of a photo and video sharing service" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      pinhole.schema-version="${SCHEMA_VERSION}"
