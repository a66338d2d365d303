import { describeJobReader } from "../contracts/job-reader.ts";
import { createSqlBackend } from "../support/job-backend.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";
import { createObanJobs } from "../support/preset-jobs.ts";

describeJobReader("river", () => createSqlBackend("jobs_river", createRiverJobs));
describeJobReader("table", () => createSqlBackend("jobs_table", createRunnerJobs));
describeJobReader("oban", () => createSqlBackend("jobs_oban", createObanJobs));
