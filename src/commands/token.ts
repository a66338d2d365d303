import { parseArgs } from "node:util";
import { type Environment, environments } from "../domain/environment.ts";
import { type Scope, scopes } from "../domain/principal.ts";
import { makeToken } from "../http/make-token.ts";
import type { Command } from "./command.ts";

const usage = `usage: token --subject NAME --scopes LIST --environments LIST [--days N]

  --subject        who will hold it, for the logs and the audit record
  --scopes         comma list of ${scopes.join(", ")}
  --environments   comma list of ${environments.join(", ")}
  --days           until it expires, 1 to 90 (30)
`;

/** Prints a new token, once, and the entry for TOKENS_FILE, which holds only its hash. */
export const tokenCommand: Command = async ({ args, print, printError }) => {
  const request = parseRequest(args);
  if (typeof request === "string") {
    printError(request);
    return 2;
  }
  const { token, entry } = makeToken(request);
  print(`token (shown once, keep it secret):\n${token}\n\nentry for the list in WALLET_CORE_OPS_TOKENS_FILE:`);
  print(JSON.stringify(entry, null, 2));
  return 0;
};

function parseRequest(args: readonly string[]) {
  const options = { subject: { type: "string" }, scopes: { type: "string" }, environments: { type: "string" } } as const;
  try {
    const { values } = parseArgs({ args: [...args], options: { ...options, days: { type: "string", default: "30" } } });
    const days = /^\d{1,2}$/.test(values.days) ? Number(values.days) : 0;
    const [subject, granted, where] = [values.subject, toList(values.scopes, scopes), toList(values.environments, environments)];
    if (!subject || !/^[A-Za-z0-9._@:/-]{1,64}$/.test(subject) || !granted || !where || days < 1 || days > 90) return usage;
    const expiresAt = new Date(Date.now() + days * 86_400_000);
    return { subject, scopes: granted as Scope[], environments: where as Environment[], expiresAt };
  } catch (error) {
    return `${(error as Error).message}\n\n${usage}`;
  }
}

/** The words of a comma list, null when one is unknown or there is none. */
function toList(text: string | undefined, known: readonly string[]): string[] | null {
  const words = (text ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);
  return words.length > 0 && words.every((word) => known.includes(word)) ? [...new Set(words)] : null;
}
