/** What a command gets of its process. */
export interface CommandContext {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
  /** Aborts at SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
}

/** Resolves to the exit code: 0 done, 1 failed, 2 usage, 78 configuration. */
export type Command = (context: CommandContext) => Promise<number>;
