FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin taskcast \
    && cp target/release/taskcast /usr/local/bin/taskcast

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --no-create-home taskcast \
    && install --directory --owner=taskcast --group=taskcast /data
COPY --from=build /usr/local/bin/taskcast /usr/local/bin/taskcast
# Whom connections over TLS trust: the image has no authorities of its own.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt

USER taskcast
WORKDIR /data
VOLUME /data
ENV TASKCAST_HOST=0.0.0.0 \
    TASKCAST_PORT=3721 \
    TASKCAST_STORAGE=sqlite \
    TASKCAST_DB_PATH=/data/taskcast.db
EXPOSE 3721

# The image has no HTTP client: bash asks over its own socket whether the server is ready.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["bash", "-c", "\
    exec 3<>/dev/tcp/127.0.0.1/$TASKCAST_PORT && \
    printf 'GET /health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && \
    read -r _ status _ <&3 && [ \"$status\" = 200 ]"]

ENTRYPOINT ["taskcast"]
