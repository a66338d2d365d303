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
    summary: "a live screen of problems, roles, queues and hosts",
    load: async () => (await import("./commands/top.ts")).topCommand,
  },
  {
    name: "ps",
    summary: "the product's containers, on all engines",
    load: async () => (await import("./commands/ps.ts")).psCommand,
  },
  {
    name: "logs",
    summary: "log lines of a role or of containers, across releases and restarts",
    load: async () => (await import("./commands/logs.ts")).logsCommand,
  },
  {
    name: "queues",
    summary: "queues, those in trouble first",
    load: async () => (await import("./commands/queues.ts")).queuesCommand,
  },
  {
    name: "errors",
    summary: "errors of the jobs that failed in the last 60 minutes, newest first",
    load: async () => (await import("./commands/errors.ts")).errorsCommand,
  },
  {
    name: "jobs",
    summary: "the jobs of a source, by state",
    load: async () => (await import("./commands/jobs.ts")).jobsCommand,
  },
  {
    name: "hosts",
    summary: "hosts: CPU, memory, disk and load, from Prometheus",
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
    summary: "restart a container, or a role's containers one by one (needs ops:operate)",
    load: async () => (await import("./actions/restart.ts")).restartCommand,
  },
  {
    name: "retry",
    summary: "run a failed job again, or all jobs of an error group (needs ops:operate)",
    load: async () => (await import("./actions/change-jobs.ts")).retryCommand,
  },
  {
    name: "discard",
    summary: "cancel a waiting job, or the jobs of an error group that would run again (needs ops:operate)",
    load: async () => (await import("./actions/change-jobs.ts")).discardCommand,
  },
  {
    name: "wait",
    summary: "wait until containers are healthy, idle or on a release, or a queue is empty (for deploy scripts)",
    load: async () => (await import("./gates/wait.ts")).waitCommand,
  },
  {
    name: "verdict",
    summary: "whether a release made its queues, containers or errors worse",
    load: async () => (await import("./gates/verdict.ts")).verdictCommand,
  },
  {
    name: "explain",
    summary: "everything known about one container, role, queue, host, engine or deploy",
    load: async () => (await import("./commands/explain.ts")).explainCommand,
  },
  {
    name: "open",
    summary: "open a thing's page of the console in the browser",
    load: async () => (await import("./commands/open.ts")).openCommand,
  },
  {
    name: "mcp",
    summary: "serve the Model Context Protocol on stdin and stdout, for agents",
    load: async () => (await import("./mcp.ts")).mcpCommand,
  },
  {
    name: "login",
    summary: "save a gateway and how to get its token, and use it from now on",
    load: async () => (await import("./commands/context.ts")).loginCommand,
  },
  {
    name: "context",
    summary: "the saved gateways, and which one is in use",
    load: async () => (await import("./commands/context.ts")).contextCommand,
  },
  {
    name: "completion",
    summary: "print a completion script for bash, zsh or fish",
    load: async () => (await import("./commands/completion.ts")).createCompletionCommand(terminalCommands),
  },
];
