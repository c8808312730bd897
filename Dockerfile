# Voci in Comune in one image. The data folder is the volume /data; settings are VOCI_…
# variables (docs/operations.md). Build: docker build -t voci .

FROM node:24-trixie-slim AS assets
WORKDIR /src
COPY web/package.json web/package-lock.json web/
RUN npm ci --prefix web --no-audit --no-fund
COPY static static
COPY web web
RUN npm run --prefix web build

# The same Debian as the last stage: the program is linked with its C library.
FROM golang:1.26-trixie AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=assets /src/static/dist static/dist
RUN make build

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl ffmpeg tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin voci \
    && install --directory --owner=voci --mode=0700 /data
COPY --from=build /src/bin/voci /usr/local/bin/voci
COPY LICENSE /usr/share/doc/voci/LICENSE

ENV VOCI_ENV=production \
    VOCI_LISTEN=0.0.0.0:8080 \
    VOCI_DATA=/data
USER voci
WORKDIR /data
VOLUME /data
EXPOSE 8080
# A video on its way to the channel is told to pause and goes on at the next start.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["curl", "--fail", "--silent", "--show-error", "--output", "/dev/null", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["voci"]
CMD ["serve"]
