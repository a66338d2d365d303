import { Drift, type DriftQuery } from "../../client/client.ts";
import { defineList } from "../list.ts";
import { envOption, toEnv } from "../options.ts";
import { orUnknown, toWord } from "../words.ts";

type Row = NonNullable<DriftQuery["drift"]>[number];

export const driftCommand = defineList({
  name: "drift",
  summary: "where what runs differs from what was deployed",
  options: { env: envOption },
  columns: [
    {
      head: "KIND",
      text: ({ kind, settling }: Row) => `${toWord(kind)}${settling ? " (a deploy runs)" : ""}`,
      tone: ({ settling }) => (settling ? "muted" : "warn"),
    },
    { head: "ROLE", text: ({ role }) => orUnknown(role), mayCut: true },
    { head: "EXPECTED", text: ({ expected }) => orUnknown(expected), mayCut: "middle", least: 12, drop: 3 },
    { head: "FOUND", text: ({ found }) => orUnknown(found.join(",")), mayCut: "middle", least: 12, drop: 2 },
    { head: "ENGINE", text: ({ engine }) => orUnknown(engine), mayCut: true, drop: 1 },
    { head: "MESSAGE", text: ({ message }) => message, mayCut: true, least: 30 },
    { head: "SERVICE", text: ({ service }) => orUnknown(service), isWide: true },
    { head: "DESTINATION", text: ({ destination }) => orUnknown(destination), isWide: true },
    { head: "ENV", text: ({ env }) => toWord(env), isWide: true },
  ],
  nameOf: ({ role, kind }) => role ?? kind,
  empty: "Nothing differs from what was deployed",
  read: async (client, { env }, _asked, signal) => {
    const { data, errors } = await client.queryPartial(Drift, { env: toEnv(env) }, { signal });
    return { rows: data.drift ?? [], errors };
  },
});
