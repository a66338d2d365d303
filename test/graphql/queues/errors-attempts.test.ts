import { isObjectType } from "graphql";
import { expect, it } from "vitest";
import { createSchema } from "../../../src/graphql/schema.ts";
import { endpoints } from "../../../src/rest/endpoints.ts";

const schema = createSchema();

function describeField(type: string, field: string) {
  const found = schema.getType(type);
  return isObjectType(found) ? found.getFields()[field]?.description : undefined;
}

it("counts of errors say where they hold one failure of each job", () => {
  const says = /BullMQ and asynq store (?:only )?the text of a job's last failed attempt/;
  expect(describeField("JobError", "count")).toMatch(says);
  expect(describeField("ErrorGroup", "count")).toMatch(says);
  expect(describeField("Queue", "failuresLastHour")).toContain("see JobError.count");
  expect(endpoints.find(({ path }) => path.endsWith("/queues"))?.description).toMatch(says);
});
