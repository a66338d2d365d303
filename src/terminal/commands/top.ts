import { UsageError } from "../../cli/command.ts";
import { readContexts } from "../contexts.ts";
import { defineCommand } from "../command.ts";
import { envOption, toEnv } from "../options.ts";
import { keyHelp } from "../top/keys.ts";
import { runTop } from "../top/run.ts";

const about = `Problems, roles, queues and hosts, live. It needs a terminal of at least 40x10.

${keyHelp.map(([keys, what]) => `${keys.padEnd(13)}${what}`).join("\n")}`;

export const topCommand = defineCommand(
  {
    name: "top",
    summary: "a live screen of problems, roles, queues and hosts",
    about,
    options: { env: envOption },
    examples: [["wallet-core-ops top -e staging", "Staging, live"]],
  },
  async (session, { env, ...values }) => {
    const asked = toEnv(env);
    const { stdio, env: variables } = session.context;
    if (!stdio.stdin.isTTY || !stdio.stdout.isTTY)
      throw new UsageError("top needs a terminal; use problems, ps, queues");
    const { url } = session.place();
    const address = url.replace(/^https?:\/\//, "").replace(/\/$/, "");
    const named = (values as { readonly context?: string }).context ?? variables["OPS_CONTEXT"];
    const name = named ?? (variables["OPS_URL"] ? null : readContexts(variables).current);
    return runTop({ session, env: asked, place: name === null ? address : `${name} ${address}` });
  },
);
