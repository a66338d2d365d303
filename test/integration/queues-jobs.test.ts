import { describeJobReader } from "../contracts/job-reader.ts";
import { createGraphileJobs } from "../support/graphile-jobs.ts";
import { createSqlBackend } from "../support/job-backend.ts";
import { createBossJobs } from "../support/pgboss-jobs.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";
import { createGoodJobs, createObanJobs, createQueJobs, createSolidQueueJobs } from "../support/preset-jobs.ts";

describeJobReader("river", () => createSqlBackend("jobs_river", createRiverJobs));
describeJobReader("table", () => createSqlBackend("jobs_table", createRunnerJobs));
describeJobReader("oban", () => createSqlBackend("jobs_oban", createObanJobs));
describeJobReader("good-job", () => createSqlBackend("jobs_good", createGoodJobs));
describeJobReader("pgboss", () => createSqlBackend("jobs_boss12", (database) => createBossJobs(database, 12)));
describeJobReader("pgboss", () => createSqlBackend("jobs_boss10", (database) => createBossJobs(database, 10)));
describeJobReader("graphile-worker", () => createSqlBackend("jobs_graphile", createGraphileJobs));
describeJobReader("que", () => createSqlBackend("jobs_que", createQueJobs));
describeJobReader("solid-queue", () => createSqlBackend("jobs_solid", createSolidQueueJobs));
