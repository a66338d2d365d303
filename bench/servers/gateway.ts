import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { createGateway } from "../../src/gateway.ts";
import type { Sources } from "../../src/graphql/sources.ts";
import { createEdge } from "../../src/http/server.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { sampleHost } from "../../test/support/hosts.ts";
import { createMemorySources } from "../../test/support/memory-sources.ts";
import { sampleQueue } from "../../test/support/queues.ts";
import { containers, reportTo, token } from "./sample.ts";

const memory = createMemorySources({ containers }).sources;
const { engines = [], containers: rows = [] } = memory.containers.listCached() ?? {};
const listing = { containers: rows, engines };
// `rows`: every request gets new objects, so that nothing can be cached. `answers`: the rows are
// the same, but no version is known, so that all is executed.
const modes: Readonly<Record<string, Pick<Sources["containers"], "list" | "listCached">>> = {
  rows: { listCached: () => null, list: async () => ({ containers: rows.map((row) => ({ ...row })), engines }) },
  answers: { listCached: () => null, list: async () => listing },
};

const metrics = Array.from({ length: Number(process.env["QUEUES"] ?? 10) }, (_, index) =>
  sampleQueue({
    name: `webhook.provider.process-${index}`,
    depth: index,
    active: 1,
    deferred: 2,
    retrying: 3,
    dead: 4,
  }),
);
const queueSource = { name: "jobs", kind: "table", env: null, metrics: async () => metrics, failures: async () => [] };
const answers = [{ source: queueSource, metrics, failures: [] }];

const report = {
  hosts: Array.from({ length: Number(process.env["HOSTS"] ?? 10) }, (_, index) =>
    sampleHost({ name: `host-${index}` }),
  ),
  thresholds: memory.thresholds,
  updatedAt: "2026-01-13T09:46:00Z",
};

const sources: Sources = {
  ...memory,
  containers: {
    ...memory.containers,
    listCached: () => listing,
    list: async () => listing,
    ...modes[process.env["FRESH"] ?? ""],
  },
  queues: { all: async () => [queueSource], allCached: () => answers, close: async () => {} },
  hosts: { ...memory.hosts, report: async () => report, reportCached: () => report },
};

const logger = createLogger("info");
const authenticator = createAuthenticator({ token, logger });
const edge = createEdge({ ...createGateway(sources, logger), authenticator, logger });
reportTo((await edge.listen("127.0.0.1", 0)).port);
