import { containers } from "../grafana/dashboards/containers.ts";
import { deploys } from "../grafana/dashboards/deploys.ts";
import { labels, type RuleGroup, whileFound } from "./model.ts";

const where = "{{ with $labels.destination }} at {{ . }}{{ end }}{{ with $labels.env }} in {{ . }}{{ end }}";

export function toContainerAlerts(): RuleGroup {
  return {
    name: "wallet-core-ops-containers",
    rules: [
      {
        ...whileFound("OpsRoleDown", labels.role),
        summary: `No container of {{ $labels.role }} runs${where}`,
        description: "All that is left of {{ with $labels.service }}{{ . }} {{ end }}{{ $labels.role }} has stopped.",
        panel: [containers, "Containers"],
      },
      {
        ...whileFound("OpsContainerUnhealthy", labels.container),
        summary: "{{ $labels.name }} on {{ $labels.engine }} is unhealthy",
        description: "It runs release {{ $labels.version }}. Its health check says why.",
        panel: [containers, "Containers"],
      },
      {
        ...whileFound("OpsContainerRestartLoop", labels.container),
        summary: "{{ $labels.name }} on {{ $labels.engine }} restarts in a loop",
        description: "It runs release {{ $labels.version }}. Its log says why.",
        panel: [containers, "Restarts by the policy"],
      },
      {
        ...whileFound("OpsReleaseDrift", labels.role),
        summary: `{{ with $labels.role }}{{ . }}{{ else }}A service{{ end }}${where} does not run what was deployed`,
        description: "A deploy was not finished, or an engine missed it.",
        panel: [deploys, "What drifted"],
      },
    ],
  };
}
