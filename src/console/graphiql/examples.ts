/**
 * The tabs that the console opens with. A unit test validates them against schema/schema.graphql.
 */
export const examples: readonly string[] = [
  `# What is running, how busy it is, and which deploy it came with
query Containers {
  containers(includeAccessories: true) {
    name
    role
    status
    health
    version
    host
    cpuPct
    memPct
    deploy {
      currentTag
      deployedBy
      deployedAt
    }
    hostMetrics {
      cpuUtil
      alert
    }
  }
}
`,
  `# What is stuck, and why
query Queues {
  queues {
    name
    depth
    processedPerSec
    failuresLastHour
    errors(first: 5) {
      jobId
      error
      count
      timestamp
    }
  }
}
`,
  `# Which host is hot, and what was deployed last
query HostsAndDeploy {
  hosts {
    name
    status
    cpuUtil
    memUtil
    diskUtil
    load1
    alert
  }
  hostsUpdatedAt
  thresholds {
    cpu
    mem
  }
  deployInfo {
    currentTag
    previousTag
    commitSha
    deployedBy
    deployedAt
  }
}
`,
  `# What happens from now on; run it, restart something, and stop it again
subscription Live {
  containerEvents(includeAccessories: true) {
    events {
      time
      action
      name
      env
      version
      exitCode
    }
    dropped
    ended
  }
}
`,
];
