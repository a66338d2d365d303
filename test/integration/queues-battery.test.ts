import { describeQueueSource } from "../contracts/queue-source.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";

describeQueueSource("table", (database) => createRunnerJobs(database));
describeQueueSource("river", (database) => createRiverJobs(database));
