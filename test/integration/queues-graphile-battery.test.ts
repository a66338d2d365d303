import { describeQueueSource } from "../contracts/queue-source.ts";
import { createGraphileJobs } from "../support/graphile-jobs.ts";
import { createSqlBackend } from "../support/job-backend.ts";

describeQueueSource("graphile-worker", () => createSqlBackend("graphile", createGraphileJobs));
