# relevod and its dashboard in one image; what compiles them stays behind.
FROM debian:bookworm-slim AS daemon
WORKDIR /relevo
COPY scripts/lib/packages.sh scripts/lib/
RUN bash -c '. scripts/lib/packages.sh && packages_ensure build'
COPY CMakeLists.txt ./
COPY cmake cmake
COPY docs/openapi.json docs/
COPY include include
COPY src src
RUN cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release --log-level=WARNING && \
	ninja -C build --quiet relevod && strip build/relevod

# A dashboard that scripts/build has made of these very sources is taken as it is, without Node.
FROM debian:bookworm-slim AS dashboard
WORKDIR /relevo
COPY . .
RUN bash -c '. scripts/lib/packages.sh && . scripts/lib/dashboard.sh && dashboard_build'

FROM debian:bookworm-slim
RUN apt-get -qq update && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
		libmicrohttpd12 libhiredis0.14 libmariadb3 libjansson4 libssl3 >/dev/null && \
	rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* && \
	useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin relevo
COPY --from=daemon /relevo/build/relevod /usr/sbin/
COPY --from=dashboard /relevo/build/dashboard /usr/share/relevo/dashboard
COPY deploy/healthcheck /usr/libexec/relevo/
ENV RELEVO_LISTEN=0.0.0.0:8000 RELEVO_STATIC_DIR=/usr/share/relevo/dashboard
EXPOSE 8000
USER 10001:10001
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
	CMD ["/usr/libexec/relevo/healthcheck"]
ENTRYPOINT ["/usr/sbin/relevod"]
