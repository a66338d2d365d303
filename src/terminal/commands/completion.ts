import { UsageError } from "../../cli/command.ts";
import { type CommandForm, commonOptions, defineCommand, type Options } from "../command.ts";
import { terminalCommands } from "../commands.ts";

const shells = ["bash", "zsh", "fish"] as const;

/** Commands of the gateway's own machine; they complete by their names. */
const gatewayCommands = ["serve", "check", "indexes", "token", "audit", "schema", "openapi", "help"];

export const completionCommand = defineCommand(
  {
    name: "completion",
    summary: "a completion script for bash, zsh or fish",
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
    const forms = await Promise.all(terminalCommands.map(async ({ load }) => (await load()).form));
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

function listOptions({ options = {} }: CommandForm<Options>): Options {
  return { ...options, ...commonOptions };
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
    const values = Object.entries(options).flatMap(([name, { choices, short }]) =>
      choices ? [`      --${name}${short === undefined ? "" : `|-${short}`}) words='${choices.join(" ")}' ;;`] : [],
    );
    return `  ${form.name})
    words='${words.join(" ")} --help'
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
    case "\${COMP_WORDS[i]}" in -*) ;; *) command=\${COMP_WORDS[i]}; break ;; esac
  done
  case "$command" in
  '') words='${names}' ;;
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
    for (const [name, { short, about, type, choices }] of Object.entries(listOptions(form))) {
      const parts = [`-l ${name}`, ...(short === undefined ? [] : [`-s ${short}`]), ...(type === "string" ? ["-r"] : [])];
      if (choices) parts.push(`-a ${quote(choices.join(" "))}`);
      lines.push(
        `complete -c wallet-core-ops -n ${quote(`__fish_seen_subcommand_from ${form.name}`)} ${parts.join(" ")} -d ${quote(about)}`,
      );
    }
  }
  for (const name of gatewayCommands) lines.push(`complete -c wallet-core-ops -n __fish_use_subcommand -a ${name}`);
  return `${lines.join("\n")}\n`;
}
