# glibc, not Alpine: Temporal's native core is built for it.
FROM node:26-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
# The image has its own Node; the packaged one is for machines whose Node is older.
RUN npm run build && npm prune --omit=dev --ignore-scripts && rm -rf node_modules/node

FROM node:26-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build --chown=node:node /app ./
USER node
EXPOSE 8080
CMD ["node", "src/api.ts"]
