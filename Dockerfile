# glibc, not Alpine: Temporal's native core is built for it.
ARG NODE_IMAGE=node:26-bookworm-slim

# The package, as `npm run packages` builds it.
FROM ${NODE_IMAGE} AS pack
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run packages

# The package with the dependencies of the clone's lock file. The compiler's native part is left out, because the
# workflow bundle is built. Then the other platforms' builds of Temporal's core (110 MB) and its sources go, and
# the declarations and source maps of all packages.
FROM ${NODE_IMAGE} AS install
WORKDIR /app
COPY --from=pack /src/dist/packages/reqrun-[0-9]*.tgz /tmp/reqrun.tgz
RUN tar -xzf /tmp/reqrun.tgz --strip-components=1
COPY package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts
RUN case "$(uname -m)" in aarch64 | arm64) keep=aarch64-unknown-linux-gnu ;; *) keep=x86_64-unknown-linux-gnu ;; esac \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$keep" -exec rm -rf {} + \
  && rm -rf node_modules/@temporalio/core-bridge/sdk-core \
  && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete \
  && rm package-lock.json .npmrc

FROM ${NODE_IMAGE}
ARG VERSION=0.2.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="ReqRun" \
      org.opencontainers.image.description="One LLM request, made durable: an OpenAI-compatible facade over Temporal." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
ENV NODE_ENV=production
WORKDIR /app
# Owned by root, so that the process cannot change its own code.
COPY --from=install /app ./
# For a volume with large texts (REQRUN_BLOB_STORE=file:/blobs). A new volume takes over its owner.
RUN install -d -o node -g node /blobs
USER node
EXPOSE 8080
# Of the API. A worker listens nowhere, so docker-compose.yml switches the check off for it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=6 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "src/cli/main.js"]
CMD ["api"]
