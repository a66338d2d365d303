import { createInterface } from "node:readline/promises";
import { resolve } from "node:path";
import { Writable } from "node:stream";
import { UsageError } from "../../cli/command.ts";
import { createClient, OpsError, Viewer } from "../../client/client.ts";
import { defineCommand, noteError, type Session } from "../command.ts";
import { outputOption } from "../options.ts";
import { type OutputFormat, outputFormats, toText } from "../output/print.ts";
import {
  ContextError,
  contextNamePattern,
  isAddress,
  type Place,
  readContexts,
  readToken,
  writeContexts,
} from "../contexts.ts";
import { toOneLine } from "../output/style.ts";
import type { Column } from "../output/table.ts";

export const contextCommand = defineCommand(
  {
    name: "context",
    summary: "the saved gateways, and which one is in use",
    args: "[list | use NAME | show [NAME] | remove NAME]",
    about:
      "They are saved in a file that only you can read: OPS_CONFIG, else ~/.config/wallet-core-ops/contexts.json. Tokens are never shown.",
    options: { output: outputOption(outputFormats) },
    examples: [
      ["wallet-core-ops context use staging", "Ask staging from now on"],
      ["wallet-core-ops --context production ps", "Ask production once"],
    ],
  },
  async (session, values, [verb = "list", name, ...others]) => {
    const { env } = session.context;
    if (others.length > 0) throw new UsageError("Too many arguments");
    const contexts = readContexts(env);
    const chosen = name ?? contexts.current;
    const find = () => {
      if (chosen === null) throw new UsageError("Which context?");
      const place = Object.hasOwn(contexts.contexts, chosen) ? contexts.contexts[chosen] : undefined;
      if (!place)
        throw new ContextError(
          `There is no context named ${chosen}: there are ${Object.keys(contexts.contexts).join(", ") || "none"}`,
        );
      return { name: chosen, place };
    };
    switch (verb) {
      case "list":
        if (name !== undefined) throw new UsageError("Too many arguments");
        await show(session, contexts.current, Object.entries(contexts.contexts), values.output as OutputFormat);
        return 0;
      case "show": {
        const { place, name: shown } = find();
        await show(session, contexts.current, [[shown, place]], values.output as OutputFormat);
        return 0;
      }
      case "use": {
        if (name === undefined) throw new UsageError("Which context?");
        const { place } = find();
        writeContexts(env, { ...contexts, current: name });
        session.note(`${name} is now in use: ${place.url}`);
        return 0;
      }
      case "remove": {
        if (name === undefined) throw new UsageError("Which context?");
        find();
        const { [name]: _, ...left } = contexts.contexts;
        writeContexts(env, { current: contexts.current === name ? null : contexts.current, contexts: left });
        session.note(`${name} is removed`);
        return 0;
      }
      default:
        throw new UsageError(`'${toOneLine(verb)}' is not list, use, show or remove`);
    }
  },
);

interface ContextRow {
  readonly name: string;
  readonly url: string;
  readonly isCurrent: boolean;
  /** Where the token comes from. */
  readonly token: string;
}

const columns: readonly Column<ContextRow>[] = [
  { head: "", text: ({ isCurrent }) => (isCurrent ? "*" : ""), tone: () => "ok" },
  { head: "NAME", text: ({ name }) => name },
  { head: "URL", text: ({ url }) => url, mayCut: true },
  { head: "TOKEN", text: ({ token }) => token, mayCut: true },
];

async function show(
  session: Session,
  current: string | null,
  all: readonly (readonly [string, Place])[],
  format: OutputFormat,
): Promise<void> {
  if (all.length === 0) session.note("No gateway is saved yet: run `wallet-core-ops login NAME --url URL`");
  const isTable = format === "table" || format === "wide";
  if (all.length === 0 && isTable) return;
  const rows = all.map(([name, place]) => ({
    name,
    url: place.url,
    isCurrent: name === current,
    token: toTokenWords(place),
  }));
  const { paint, width } = session;
  await session.write(toText(rows, { format, columns, nameOf: ({ name }) => name, paint, width, hasHead: true }));
}

function toTokenWords({ tokenFile, tokenCommand }: Place): string {
  if (tokenFile !== undefined) return `in ${tokenFile}`;
  // Its first word alone: an argument may be a secret.
  return tokenCommand === undefined ? "stored" : `from the command ${tokenCommand[0]}`;
}

export const loginCommand = defineCommand(
  {
    name: "login",
    summary: "save a gateway and how to get its token, and use it from now on",
    args: "[NAME]",
    about: `The token is asked for, or read from stdin: never from an argument, which others on the machine could see.
NAME is "default" when it is left out. The gateway must accept the token before anything is stored.`,
    options: {
      url: {
        type: "string",
        value: "URL",
        about: "address of the gateway; default: OPS_URL, or the saved address of this name",
      },
      "token-file": { type: "string", value: "PATH", about: "read the token from this file each time" },
      "token-command": {
        type: "string",
        value: "COMMAND",
        about: "get the token from a command at each use, as `pass show ops`: words, no shell",
      },
    },
    examples: [
      ["wallet-core-ops login production --url https://ops.example.com", "Ask for the token"],
      ["pass show ops | wallet-core-ops login production --url https://ops.example.com", "Read it from a pipe"],
    ],
  },
  async (session, values, [name = "default", ...others]) => {
    if (others.length > 0) throw new UsageError("One name at most");
    if (!contextNamePattern.test(name))
      throw new UsageError(`A name consists of letters, digits, dots and dashes, not '${toOneLine(name)}'`);
    const [tokenFile, tokenCommand] = [values["token-file"], values["token-command"]];
    if (tokenFile !== undefined && tokenCommand !== undefined)
      throw new UsageError("Use either --token-file or --token-command");
    const { env, readFile } = session.context;
    const contexts = readContexts(env);
    const url = values.url ?? env["OPS_URL"] ?? contexts.contexts[name]?.url;
    if (url === undefined) throw new UsageError("The gateway's address is required: --url");
    if (!isAddress(url))
      throw new UsageError(`--url must be an address such as https://ops.example.com, not '${toOneLine(url)}'`);
    const place: Place =
      tokenFile === undefined
        ? tokenCommand === undefined
          ? { url, token: await askToken(session) }
          : { url, tokenCommand: tokenCommand.trim().split(/\s+/) }
        : { url, tokenFile: resolve(tokenFile) };
    if (url.startsWith("http:") && !/^http:\/\/(?:localhost|127\.|\[::1\])/.test(url)) {
      session.note(
        session.paintError("warn", "This address is not encrypted: others on the network can read the token."),
      );
    }
    const client = createClient({ url, token: readToken(place, readFile) });
    const { data, errors } = await client.queryPartial(Viewer, {}, { signal: session.context.stop });
    for (const error of errors) noteError(session, error);
    if (!data.viewer) throw errors[0] ?? new OpsError("not_a_gateway", `${url} did not say who the token is`);
    writeContexts(env, { current: name, contexts: { ...contexts.contexts, [name]: place } });
    const { subject, scopes, environments, expiresAt } = data.viewer;
    const said = [`${name}: ${subject} at ${url}`, scopes.join(" "), environments.join(" ").toLowerCase()];
    session.note(toOneLine([...said, ...(expiresAt === null ? [] : [`until ${expiresAt}`])].join(", ")));
    return 0;
  },
);

async function askToken({ context: { stdio, stop } }: Session): Promise<string> {
  const { stdin, stderr } = stdio;
  if (!stdin.isTTY) {
    let text = "";
    for await (const chunk of stdin.setEncoding("utf8")) text += chunk as string;
    return readToken({ url: "", token: text.trim() || " " }, () => "");
  }
  stderr.write("Token: ");
  // What is typed is not shown: its echo goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: true });
  // As where the terminal itself sends the signal.
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    const typed = await new Promise<string>((answer, reject) => {
      lines.once("close", () => answer(""));
      lines.question("", { signal: stop }).then(answer, reject);
    });
    return readToken({ url: "", token: typed.trim() || " " }, () => "");
  } finally {
    lines.close();
    stderr.write("\n");
  }
}
