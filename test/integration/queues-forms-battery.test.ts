import { describe } from "vitest";
import { describeJobReader } from "../contracts/job-reader.ts";
import { describeQueueSource } from "../contracts/queue-source.ts";
import { createFormJobs, tableForms } from "../support/form-jobs.ts";
import { createSqlBackend } from "../support/job-backend.ts";

describe.each(["timestamp east of UTC", "bigint, milliseconds", "numeric, seconds"] as const)(
  "times as %s:",
  (name) => {
    describeQueueSource("table", () =>
      createSqlBackend("form", (database) => createFormJobs(database, tableForms[name])),
    );
    describeJobReader("table", () =>
      createSqlBackend("form", (database) => createFormJobs(database, tableForms[name])),
    );
  },
);
