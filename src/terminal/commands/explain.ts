import { UsageError } from "../../cli/command.ts";
import { defineCommand, noteError } from "../command.ts";
import { outputOption } from "../options.ts";
import { toDocument } from "../output/print.ts";
import { describe } from "../things/describe.ts";
import { findThing, thingOptions } from "../things/find.ts";
import { readKnowledge } from "../things/know.ts";
import { toPage } from "../things/text.ts";

const formats = ["text", "json", "yaml"] as const;

export const explainCommand = defineCommand(
  {
    name: "explain",
    summary: "everything known about one container, role, queue, host, engine or deploy",
    args: "NAME",
    about: "If several things have the name, choose one with --kind, --engine or --source.",
    options: {
      ...thingOptions,
      output: outputOption(formats),
    },
    examples: [
      ["wallet-core-ops explain payouts", "Why a queue is stuck"],
      ["wallet-core-ops explain worker --kind role -o json", "The raw data of a role"],
    ],
  },
  async (session, values, [name, ...others]) => {
    if (name === undefined || others.length > 0)
      throw new UsageError("Exactly one name is needed: of a container, role, queue, host, engine or deploy");
    const { stop } = session.context;
    const client = session.client();
    const { thing, errors: unread } = await findThing(client, name, values, stop);
    const { knowledge, errors } = await readKnowledge(client, thing, stop);
    if (values.output === "text") {
      const { title, sections } = describe(knowledge, session.paint);
      if (!(await session.write(toPage(title, sections, session.paint, session.width)))) return 0;
    } else if (!(await session.write(toDocument(knowledge, values.output as "json" | "yaml")))) return 0;
    const all = [...new Map([...unread, ...errors].map((error) => [`${error.code} ${error.message}`, error])).values()];
    for (const error of all) noteError(session, error);
    return all.length > 0 ? 1 : 0;
  },
);
