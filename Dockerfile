# One image runs any node: SERVICES says which folders of services/. Any Debian or Alpine image with Node 24 can be its base.
ARG BASE_IMAGE=node:24-bookworm-slim

# The lock file comes first and alone: this layer is made again only when a dependency changes. Optional packages carry Node binaries for machines
# that lack them, and no production package needs an install script.
FROM ${BASE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

# What .dockerignore lets in: no test, no document, no secret. Readable by everybody whatever the umask of whoever cloned it.
FROM ${BASE_IMAGE} AS sources
WORKDIR /app
COPY . .
RUN rm package-lock.json && chmod -R a+rX,go-w .

FROM ${BASE_IMAGE}
# A named volume takes over this folder's owner.
RUN mkdir -m 0700 /data && chown 10001:10001 /data
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=sources /app ./

ARG SERVICES=""
ARG REVISION=""
LABEL org.opencontainers.image.title="stoa" \
	org.opencontainers.image.licenses="MIT" \
	org.opencontainers.image.revision="${REVISION}"
# Nothing is written below /app, so the root may be read-only: data goes to /data, what can be made again to /tmp.
ENV NODE_ENV=production \
	NODE_COMPILE_CACHE=/tmp/stoa-compile-cache \
	STOA_DATA_DIR=/data \
	SERVICES=${SERVICES}
USER 10001:10001
VOLUME /data
EXPOSE 3000 3030
STOPSIGNAL SIGTERM
# Alive, not ready: a node whose database is away must not be killed for it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "scripts/healthcheck.ts"]
# Node itself and never npm, which ends at SIGTERM without waiting for what it started.
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning"]
CMD ["scripts/start.ts"]
