import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** An accessory of Kamal's deploy.yml: the parts that ours use. */
export interface Accessory {
  readonly image: string;
  readonly host: string;
  readonly network?: string;
  readonly cmd?: string;
  readonly proxy?: {
    readonly host: string;
    readonly ssl: boolean;
    readonly app_port: number;
    readonly healthcheck: { readonly path: string };
    readonly buffering: { readonly requests: boolean; readonly responses: boolean };
    readonly response_timeout: number;
  };
  readonly env?: { readonly clear?: Readonly<Record<string, string>>; readonly secret?: readonly string[] };
  readonly volumes?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string | number | boolean>>;
}

const accessoriesPath = "deploy/kamal/accessory/deploy.yml";

/**
 * The accessories of our file, with each `[text, other]` put in its place: what a user fills in.
 * Throws where the file does not have the text.
 */
export function readAccessories(
  changes: readonly (readonly [string, string])[] = [],
): Readonly<Record<string, Accessory>> {
  let text = readFileSync(accessoriesPath, "utf8");
  for (const [old, changed] of changes) {
    if (!text.includes(old)) throw new Error(`${accessoriesPath} has no ${old}`);
    text = text.replaceAll(old, changed);
  }
  return (parse(text) as { accessories: Record<string, Accessory> }).accessories;
}

/**
 * A value as Kamal quotes it for the shell of the host: in double quotes, with `${...}` alone left
 * to the shell. For printable ASCII.
 */
function quote(value: unknown): string {
  const text = String(value);
  if (!/^[ -~]*$/.test(text)) throw new Error(`not printable ASCII: ${text}`);
  return JSON.stringify(text)
    .replaceAll("`", "\\`")
    .replace(/\$(?!\{[^}]*\})/g, "\\$");
}

const withValues = (option: string, values: Readonly<Record<string, unknown>>) =>
  Object.entries(values).flatMap(([name, value]) => [option, `${name}=${quote(value)}`]);

/**
 * What Kamal 2.12 runs over ssh for `kamal accessory boot`, in the home of the ssh user: the line
 * of the shell, and the file with its secrets. Order and quoting are those of its
 * lib/kamal/commands/accessory.rb (run), lib/kamal/configuration/accessory.rb (the arguments) and
 * lib/kamal/utils.rb (argumentize, optionize, escape_shell_value), read in basecamp/kamal.
 */
export function renderAccessory(
  service: string,
  name: string,
  accessory: Accessory,
  secrets: Readonly<Record<string, string>>,
) {
  const { image, host, network = "kamal", cmd, env = {}, volumes = [], labels = {}, options = {} } = accessory;
  const containerName = `${service}-${name}`;
  const envFile = `.kamal/apps/${service}/env/accessories/${name}.env`;
  const words = [
    `docker run --name ${containerName} --detach --restart unless-stopped --network ${network} --log-opt max-size="10m"`,
    `--env KAMAL_HOST="${host}"`,
    ...withValues("--env", env.clear ?? {}),
    `--env-file ${envFile}`,
    ...volumes.flatMap((volume) => ["--volume", volume]),
    ...withValues("--label", { service: containerName, ...labels }),
    ...Object.entries(options).flatMap(([option, value]) =>
      value === true ? [`--${option}`] : [`--${option}`, quote(value)],
    ),
    image,
    ...(cmd === undefined ? [] : [cmd]),
  ];
  const lines = (env.secret ?? []).map((key) => {
    const value = secrets[key];
    if (value === undefined) throw new Error(`.kamal/secrets has no ${key}`);
    return `${key}=${value}\n`;
  });
  return { containerName, command: words.join(" "), envFile, envText: lines.join("") || "\n" };
}
