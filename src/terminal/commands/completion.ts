import { UsageError } from "../../cli/command.ts";
import { type CommandForm, commonOptions, defineCommand, type Options, type TerminalCommand } from "../command.ts";

const shells = ["bash", "zsh", "fish"] as const;

/** Commands of the gateway's own machine; they complete by their names. */
const gatewayCommands = ["serve", "check", "indexes", "token", "audit", "schema", "openapi", "help"];

/** Completes the commands that are loaded from `entries`. */
export function createCompletionCommand(
  entries: readonly { readonly load: () => Promise<TerminalCommand> }[],
): TerminalCommand {
  return defineCommand(
    {
      name: "completion",
      summary: "print a completion script for bash, zsh or fish",
      args: "bash|zsh|fish",
      examples: [
        ['eval "$(wallet-core-ops completion bash)"', "In ~/.bashrc"],
        ['eval "$(wallet-core-ops completion zsh)"', "In ~/.zshrc, after compinit"],
        ["wallet-core-ops completion fish > ~/.config/fish/completions/wallet-core-ops.fish", "Once, for fish"],
      ],
    },
    async ({ write }, _values, [shell, ...others]) => {
      if (!shells.includes(shell as (typeof shells)[number]) || others.length > 0)
        throw new UsageError("Which shell: bash, zsh or fish?");
      const forms = await Promise.all(entries.map(async ({ load }) => (await load()).form));
      await write(
        shell === "fish"
          ? toFish(forms)
          : shell === "zsh"
            ? `autoload -Uz bashcompinit && bashcompinit\n${toBash(forms)}`
            : toBash(forms),
      );
      return 0;
    },
  );
}

function listOptions({ options = {} }: CommandForm<Options>): Options {
  return { ...options, ...commonOptions };
}

/** The words that may come after the name of the command; those in capitals are placeholders. */
function listWords({ args = "" }: CommandForm<Options>): readonly string[] {
  return args.match(/(?<![\w-])[a-z]+(?![\w-])/g) ?? [];
}

/** bash, and zsh by its bashcompinit. */
function toBash(forms: readonly CommandForm<Options>[]): string {
  const names = [...forms.map(({ name }) => name), ...gatewayCommands].join(" ");
  const cases = forms.map((form) => {
    const options = listOptions(form);
    const words = Object.entries(options).flatMap(([name, { short }]) => [
      `--${name}`,
      ...(short === undefined ? [] : [`-${short}`]),
    ]);
    const values = Object.entries(options).flatMap(([name, { choices = [], short, type }]) =>
      type === "string"
        ? [`      --${name}${short === undefined ? "" : `|-${short}`}) words='${choices.join(" ")}' ;;`]
        : [],
    );
    return `  ${form.name})
    words='${[...listWords(form), ...words].join(" ")} --help -h'
    case "$before" in
${values.join("\n")}
    esac ;;`;
  });
  return `_wallet_core_ops() {
  local word before words command i
  word=\${COMP_WORDS[COMP_CWORD]}
  before=\${COMP_WORDS[COMP_CWORD-1]}
  command=
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
    --context) ((i += 1)) ;;
    -*) ;;
    *) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case "$command" in
  '') words='${names} --context --help --version'; case "$before" in --context) words= ;; esac ;;
  help) words='${names}' ;;
${cases.join("\n")}
  *) words='--help' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _wallet_core_ops wallet-core-ops
`;
}

const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

function toFish(forms: readonly CommandForm<Options>[]): string {
  const lines = ["complete -c wallet-core-ops -f"];
  for (const form of forms) {
    lines.push(`complete -c wallet-core-ops -n __fish_use_subcommand -a ${form.name} -d ${quote(form.summary)}`);
    const words = listWords(form);
    if (words.length > 0) {
      lines.push(
        `complete -c wallet-core-ops -n ${quote(`__fish_seen_subcommand_from ${form.name}`)} -a ${quote(words.join(" "))}`,
      );
    }
    for (const [name, { short, about, type, choices, value }] of Object.entries(listOptions(form))) {
      // A value is required, and is a file's name only where the option is for one.
      const after = type === "boolean" ? [] : [value === "PATH" ? "-rF" : "-x"];
      const parts = [`-l ${name}`, ...(short === undefined ? [] : [`-s ${short}`]), ...after];
      if (choices) parts.push(`-a ${quote(choices.join(" "))}`);
      lines.push(
        `complete -c wallet-core-ops -n ${quote(`__fish_seen_subcommand_from ${form.name}`)} ${parts.join(" ")} -d ${quote(about)}`,
      );
    }
  }
  for (const name of gatewayCommands) lines.push(`complete -c wallet-core-ops -n __fish_use_subcommand -a ${name}`);
  return `${lines.join("\n")}\n`;
}
