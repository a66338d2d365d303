import { describeQueueSource } from "../contracts/queue-source.ts";
import { createSqlBackend } from "../support/job-backend.ts";
import { createBossJobs } from "../support/pgboss-jobs.ts";

describeQueueSource("pgboss", () => createSqlBackend("boss12", (database) => createBossJobs(database, 12)));
describeQueueSource("pgboss", () => createSqlBackend("boss11", (database) => createBossJobs(database, 11)));
describeQueueSource("pgboss", () => createSqlBackend("boss10", (database) => createBossJobs(database, 10)));
