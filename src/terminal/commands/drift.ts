import { formatDrift, toDriftTone } from "../../facts/deploy.ts";
import { formatEnum, formatText } from "../../facts/format.ts";
import { Drift, type DriftQuery } from "../../client/client.ts";
import { defineList } from "../list.ts";
import { envOption, toEnv } from "../options.ts";

type Row = NonNullable<DriftQuery["drift"]>[number];

export const driftCommand = defineList({
  name: "drift",
  summary: "where what runs differs from what was deployed",
  options: { env: envOption },
  columns: [
    {
      head: "KIND",
      text: (row: Row) => formatDrift(row),
      tone: toDriftTone,
    },
    { head: "ROLE", text: ({ role }) => formatText(role), mayCut: true },
    { head: "EXPECTED", text: ({ expected }) => formatText(expected), mayCut: "middle", least: 12, drop: 3 },
    { head: "FOUND", text: ({ found }) => formatText(found.join(",")), mayCut: "middle", least: 12, drop: 2 },
    { head: "ENGINE", text: ({ engine }) => formatText(engine), mayCut: true, drop: 1 },
    { head: "MESSAGE", text: ({ message }) => message, mayCut: true, least: 30 },
    { head: "SERVICE", text: ({ service }) => formatText(service), isWide: true },
    { head: "DESTINATION", text: ({ destination }) => formatText(destination), isWide: true },
    { head: "ENV", text: ({ env }) => formatEnum(env), isWide: true },
  ],
  nameOf: ({ role, kind }) => role ?? kind,
  empty: "Nothing differs from what was deployed",
  read: async (client, { env }, _asked, signal) => {
    const { data, errors } = await client.queryPartial(Drift, { env: toEnv(env) }, { signal });
    return { rows: data.drift ?? [], errors };
  },
});
