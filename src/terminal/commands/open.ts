import { execFile } from "node:child_process";
import { UsageError } from "../../cli/command.ts";
import { defineCommand } from "../command.ts";
import { findThing, type Thing, thingOptions } from "../things/find.ts";

export const openCommand = defineCommand(
  {
    name: "open",
    summary: "open a thing's page of the console in the browser",
    args: "[NAME]",
    about:
      "Prints the address, and opens it if there is a desktop. Without a name, it opens the first page. The address contains no token; the console asks for one.",
    options: {
      ...thingOptions,
      print: { type: "boolean", short: "p", about: "only print the address" },
    },
    examples: [["wallet-core-ops open payouts", "The page of a queue"]],
  },
  async (session, values, [name, ...others]) => {
    if (others.length > 0) throw new UsageError("One name at most");
    const { env, stop } = session.context;
    const thing = name === undefined ? null : (await findThing(session.client(), name, values, stop)).thing;
    const address = toAddress(session.place().url, thing);
    await session.write(`${address}\n`);
    const opener = values.print ? null : findOpener(process.platform, env);
    if (opener && !(await start(opener, address))) session.note(`${opener[0]} could not open it`);
    return 0;
  },
);

/** Of the console of the gateway at `url`; without its query, fragment, user and password. */
export function toAddress(url: string, thing: Thing | null): string {
  const address = new URL(url);
  const base = address.pathname.replace(/\/(?:graphql\/?)?$/, "");
  const [page, query] = toPage(thing);
  address.search = address.hash = address.username = address.password = "";
  address.pathname = `${base}${page}`;
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  return address.href;
}

function toPage(thing: Thing | null): readonly [path: string, query: Readonly<Record<string, string>>] {
  if (thing === null) return ["/", {}];
  switch (thing.kind) {
    case "container":
      return ["/container", { name: thing.name, engine: thing.row.engine }];
    case "role":
      return ["/logs", { role: thing.name }];
    case "queue":
      return ["/queue", { name: thing.name, source: thing.row.source }];
    case "host":
      return ["/host", { name: thing.name }];
    case "engine":
      return ["/containers", { engine: thing.name }];
    default:
      return ["/deploy", { id: thing.row.id }];
  }
}

/** The program that opens an address, with its first arguments; null where there is no desktop. */
export function findOpener(
  platform: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly [string, ...string[]] | null {
  if (platform === "darwin") return ["open"];
  // `start` is a word of a shell; this is what it does with an address.
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"];
  return env["DISPLAY"] || env["WAYLAND_DISPLAY"] ? ["xdg-open"] : null;
}

/** Whether the program could be started and did not fail. */
function start([file, ...args]: readonly [string, ...string[]], address: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(file, [...args, address], { timeout: 10_000 }, (error) =>
      resolve(error === null || error.killed === true),
    );
  });
}
