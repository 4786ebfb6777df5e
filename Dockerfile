# One image per executable, from one build: docker build --target order|payment|inventory|shipping|sagactl .
# and the gateway of docker-compose.yml. Understood by BuildKit and by the builder before it.

FROM debian:trixie-slim AS toolchain
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libcurl4-openssl-dev libjansson-dev \
        liblmdb-dev libmicrohttpd-dev librdkafka-dev libyyjson-dev meson pkg-config python3 \
        python3-yaml \
    && rm -rf /var/lib/apt/lists/*

FROM toolchain AS build
WORKDIR /src
COPY . .
RUN meson setup /build --prefix=/usr --buildtype=release -Db_ndebug=false -Dtests=false \
    && DESTDIR=/out meson install -C /build --strip

FROM debian:trixie-slim AS runtime
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcurl4t64 libjansson4 liblmdb0 \
        libmicrohttpd12t64 librdkafka1 libyyjson0 \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 10001 -g 10001 /var/lib/order-saga
# Numbers, so that "not root" can be seen without looking into the image.
USER 10001:10001
WORKDIR /var/lib/order-saga

FROM runtime AS sagactl
COPY --from=build /out/usr/bin/sagactl /usr/bin/
ENTRYPOINT ["/usr/bin/sagactl"]

FROM runtime AS service
# Replicas have nothing of their own but the host name that the engine gives each. DATA_DIR is below
# the working directory, by instance. No VOLUME: engines forget to remove volumes without a name.
ENV SERVICE_INSTANCE=hostname

FROM service AS order
COPY --from=build /out/usr/bin/order-service /usr/bin/
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["/usr/bin/order-service", "--healthcheck"]
ENTRYPOINT ["/usr/bin/order-service"]

FROM service AS payment
COPY --from=build /out/usr/bin/payment-service /usr/bin/
EXPOSE 8081
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["/usr/bin/payment-service", "--healthcheck"]
ENTRYPOINT ["/usr/bin/payment-service"]

FROM service AS inventory
COPY --from=build /out/usr/bin/inventory-service /usr/bin/
EXPOSE 8082
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["/usr/bin/inventory-service", "--healthcheck"]
ENTRYPOINT ["/usr/bin/inventory-service"]

FROM service AS shipping
COPY --from=build /out/usr/bin/shipping-service /usr/bin/
EXPOSE 8083
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["/usr/bin/shipping-service", "--healthcheck"]
ENTRYPOINT ["/usr/bin/shipping-service"]

# One address for all replicas of the order service, whose own addresses come and go.
FROM debian:trixie-slim AS gateway
RUN apt-get update && apt-get install -y --no-install-recommends haproxy && rm -rf /var/lib/apt/lists/*
COPY deploy/haproxy.cfg /etc/haproxy/haproxy.cfg
USER 10001:10001
EXPOSE 8080
# Connections under way may finish.
STOPSIGNAL SIGUSR1
ENTRYPOINT ["/usr/sbin/haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
