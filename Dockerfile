# Longshore in a small image. BuildKit keeps the crates and what is compiled between builds:
#   docker build -t longshore .
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin longshore \
    && cp target/release/longshore /longshore

FROM debian:bookworm-slim
# TLS needs the certificates, and the transforms that know time zones need their rules.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=build /longshore /usr/local/bin/longshore
RUN useradd --uid 1000 --create-home --home-dir /var/lib/longshore --shell /usr/sbin/nologin longshore
USER longshore
WORKDIR /var/lib/longshore
EXPOSE 8083
# The worker takes up to ten seconds to say that it is not healthy.
HEALTHCHECK --interval=10s --timeout=12s --start-period=30s --retries=3 CMD ["longshore", "health"]
ENTRYPOINT ["longshore"]
# Configured by CONNECT_* variables, or by a properties file: docker run … longshore distributed /etc/longshore.properties
CMD ["distributed"]
