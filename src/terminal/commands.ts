import type { TerminalCommand } from "./command.ts";

interface Entry {
  readonly name: string;
  /** In the list of commands; that of its help is the same. */
  readonly summary: string;
  readonly load: () => Promise<TerminalCommand>;
}

/** The commands that ask a gateway, in the order of help. One is loaded when it is used. */
export const terminalCommands: readonly Entry[] = [
  {
    name: "problems",
    summary: "what is wrong now, worst first",
    load: async () => (await import("./commands/problems.ts")).problemsCommand,
  },
  {
    name: "top",
    summary: "one live screen: what is wrong, roles, queues and hosts",
    load: async () => (await import("./commands/top.ts")).topCommand,
  },
  {
    name: "ps",
    summary: "containers of the product, on all engines",
    load: async () => (await import("./commands/ps.ts")).psCommand,
  },
  {
    name: "logs",
    summary: "log lines of a role or of containers, over releases and restarts",
    load: async () => (await import("./commands/logs.ts")).logsCommand,
  },
  {
    name: "queues",
    summary: "queues of jobs, what is in trouble first",
    load: async () => (await import("./commands/queues.ts")).queuesCommand,
  },
  {
    name: "errors",
    summary: "errors of failed jobs in the last 60 minutes, newest first",
    load: async () => (await import("./commands/errors.ts")).errorsCommand,
  },
  {
    name: "jobs",
    summary: "single jobs of a source, by state",
    load: async () => (await import("./commands/jobs.ts")).jobsCommand,
  },
  {
    name: "hosts",
    summary: "machines: CPU, memory, disk and load, as Prometheus measured them",
    load: async () => (await import("./commands/hosts.ts")).hostsCommand,
  },
  {
    name: "deploys",
    summary: "deploys, newest first",
    load: async () => (await import("./commands/deploys.ts")).deploysCommand,
  },
  {
    name: "drift",
    summary: "where what runs differs from what was deployed",
    load: async () => (await import("./commands/drift.ts")).driftCommand,
  },
  {
    name: "timeline",
    summary: "what happened, newest first: deploys, restarts, deaths, changes of health, queues and hosts",
    load: async () => (await import("./commands/timeline.ts")).timelineCommand,
  },
  {
    name: "audit-log",
    summary: "who changed what, newest first (needs ops:operate)",
    load: async () => (await import("./commands/audit-log.ts")).auditLogCommand,
  },
  {
    name: "restart",
    summary: "restart a container, or a role one container after the other (needs ops:operate)",
    load: async () => (await import("./actions/restart.ts")).restartCommand,
  },
  {
    name: "retry",
    summary: "run a failed job again, or all jobs of an error group (needs ops:operate)",
    load: async () => (await import("./actions/change-jobs.ts")).retryCommand,
  },
  {
    name: "discard",
    summary: "give up a waiting job, or the jobs of an error group that would run again (needs ops:operate)",
    load: async () => (await import("./actions/change-jobs.ts")).discardCommand,
  },
  {
    name: "wait",
    summary: "until containers are healthy, idle or of a release, or a queue is empty: a gate for deploys",
    load: async () => (await import("./gates/wait.ts")).waitCommand,
  },
  {
    name: "verdict",
    summary: "whether a release made things worse: its queues, containers and errors",
    load: async () => (await import("./gates/verdict.ts")).verdictCommand,
  },
  {
    name: "explain",
    summary: "all that is known about one thing: a container, role, queue, host, engine or deploy",
    load: async () => (await import("./commands/explain.ts")).explainCommand,
  },
  {
    name: "open",
    summary: "the console's page of a thing, in the browser",
    load: async () => (await import("./commands/open.ts")).openCommand,
  },
  {
    name: "mcp",
    summary: "the Model Context Protocol over stdin and stdout, for agents",
    load: async () => (await import("./mcp.ts")).mcpCommand,
  },
  {
    name: "login",
    summary: "remember a gateway and how to get its token, and ask it from now on",
    load: async () => (await import("./commands/context.ts")).loginCommand,
  },
  {
    name: "context",
    summary: "the gateways that this terminal knows, and which one is asked",
    load: async () => (await import("./commands/context.ts")).contextCommand,
  },
  {
    name: "completion",
    summary: "a completion script for bash, zsh or fish",
    load: async () => (await import("./commands/completion.ts")).createCompletionCommand(terminalCommands),
  },
];
