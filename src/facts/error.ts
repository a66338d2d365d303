const moreByCheck = "`wallet-core-ops check` on the gateway's machine says more";

/**
 * What to do about an error of the gateway. A code without an entry is explained by its message
 * alone.
 */
const remedies: Readonly<Record<string, string>> = {
  unauthorized:
    "The token is wrong or has expired: create one with `wallet-core-ops token`, or ask the operator of the gateway.",
  forbidden: "Ask for a token with the required scope and environment.",
  restart_disabled: "WALLET_CORE_OPS_RESTART=on on the gateway enables restarts.",
  jobs_disabled: "WALLET_CORE_OPS_JOBS=on on the gateway enables changes of jobs.",
  restart_protected: "A label of the container forbids it.",
  container_ambiguous: "Choose one by its engine.",
  queue_ambiguous: "Choose one by its source.",
  role_ambiguous: "Choose one by its service and destination.",
  restart_in_progress: "Wait until it ends.",
  restart_cooldown: "It was restarted a moment ago: wait.",
  restart_budget: "This token has no restarts left in this hour: wait, or find out why it needed so many.",
  restart_busy: "Other containers are being restarted: wait.",
  restart_unknown: "Check the container before you try again: it may have been restarted.",
  job_budget: "A token may change 1,000 jobs an hour. Nothing more was changed.",
  job_conflict: "The job's state has changed since you looked at it. Nothing was changed.",
  job_not_found: "The job was deleted or is in another queue. Nothing was changed.",
  job_unknown: "Check the job before you try again: it may have been changed.",
  operation_not_supported: "The job system does not support this.",
  rate_limited: "Wait as long as the response says.",
  overloaded: "The gateway has more requests than it can serve: wait a moment.",
  docker_unavailable: `Check the engine: ${moreByCheck}.`,
  queues_unavailable: `Check the job database: ${moreByCheck}.`,
  postgres_unavailable: `Check the job database: ${moreByCheck}.`,
  prometheus_unavailable: `Check Prometheus: ${moreByCheck}.`,
  audit_unavailable: "Nothing was changed, because it could not be recorded: check the disk of the audit file.",
  unreachable: "Check the address, that the gateway runs, and that no firewall or proxy blocks the way.",
  not_a_gateway: "Check that the address is the gateway's, not that of a proxy or another program.",
};

/** What to do about an error of this code; null if its message says it. */
export function findRemedy(code: string): string | null {
  return Object.hasOwn(remedies, code) ? (remedies[code] ?? null) : null;
}
