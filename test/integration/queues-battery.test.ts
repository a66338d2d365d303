import { describeQueueSource } from "../contracts/queue-source.ts";
import { createSqlBackend } from "../support/job-backend.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";

describeQueueSource("table", () => createSqlBackend("table", createRunnerJobs));
describeQueueSource("river", () => createSqlBackend("river", createRiverJobs));
