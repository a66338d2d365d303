# The image is a Node 24 base and the bundle: `npm run build`, then
#   docker build --build-arg BASE_IMAGE=node:24-slim -t wallet-core-ops .
# Nothing runs while it is built, so a base without a shell or a package manager (distroless) is as good.
ARG BASE_IMAGE=node:24-slim
FROM ${BASE_IMAGE}

COPY dist/ /app/
# A folder that the process may write, for AUDIT_FILE: a named volume mounted here takes over its owner.
COPY --chown=10001:10001 deploy/compose/state/ /var/lib/wallet-core-ops/

# A number, so that Kubernetes' runAsNonRoot can check it.
USER 10001:10001
WORKDIR /var/lib/wallet-core-ops
# glibc otherwise keeps what large answers took: 200 MB of 384 after a storm.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=131072 \
    MALLOC_TRIM_THRESHOLD_=131072 \
    WALLET_CORE_OPS_HOST=0.0.0.0 \
    WALLET_CORE_OPS_PORT=4000
EXPOSE 4000

HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --start-interval=1s --retries=3 \
    CMD ["node", "-e", "require('node:http').get({ port: process.env.WALLET_CORE_OPS_PORT, path: '/healthz', timeout: 2000 }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('timeout', () => process.exit(1)).on('error', () => process.exit(1))"]

# Without the last option V8 keeps up to 128 MB for what is young, and never gives it back.
ENTRYPOINT ["node", "--disable-proto=throw", "--max-old-space-size=192", "--max-semi-space-size=8", "/app/cli.cjs"]
CMD ["serve"]
