import { parseArgs, type ParseArgsConfig } from "node:util";

/** What a command gets from its process. */
export interface CommandContext {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
  /** Aborts at SIGTERM, SIGINT or SIGHUP. */
  readonly stop: AbortSignal;
}

/** Resolves to the exit code: 0 done, 1 failed, 2 usage, 78 configuration. */
export type Command = (context: CommandContext) => Promise<number>;

type Options = NonNullable<ParseArgsConfig["options"]>;
type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>;

interface CommandForm<O extends Options> {
  /** Starts with `usage: NAME ...`. */
  readonly usage: string;
  /** As `parseArgs` takes them; `--help` is always added. */
  readonly options?: O;
  /** Whether positional arguments are allowed; the command checks them. @default false */
  readonly allowPositionals?: boolean;
}

/** Bad arguments; the message says what is wrong. */
export class UsageError extends Error {}

/**
 * A command with its arguments parsed. `--help` prints its usage. Wrong arguments print what is
 * wrong with the first lines of it, and exit with 2.
 */
export function createCommand<O extends Options>(
  form: CommandForm<O>,
  run: (context: CommandContext, parsed: Parsed<O>) => Promise<number>,
): Command {
  return async (context) => {
    try {
      const parsed = parse(form, context.args);
      if (parsed) return await run(context, parsed);
      context.print(form.usage);
      return 0;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const [head = ""] = form.usage.split("\n\n");
      context.printError(`${error.message}\n\n${head.trimEnd()}\n       --help shows all of it`);
      return 2;
    }
  };
}

/** Null for `--help`. Throws UsageError. */
function parse<O extends Options>(
  { options, allowPositionals = false }: CommandForm<O>,
  args: readonly string[],
): Parsed<O> | null {
  const withHelp: Options = { ...options, help: { type: "boolean", short: "h" } };
  try {
    const parsed = parseArgs({ args: [...args], options: withHelp, allowPositionals });
    return parsed.values["help"] ? null : (parsed as Parsed<O>);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
