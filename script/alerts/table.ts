import { toContainerAlerts } from "./containers.ts";
import { toGatewayAlerts } from "./gateway.ts";
import { toHostAlerts } from "./hosts.ts";
import { type Alert, createTime, isAlert, type RuleGroup } from "./model.ts";
import { toQueueAlerts } from "./queues.ts";

/**
 * Every condition; the rules of Prometheus and of Grafana are generated from it. @param factor
 * divides all durations
 */
export function toAlertGroups(factor = 1): readonly RuleGroup[] {
  const time = createTime(factor);
  return [toGatewayAlerts(time), toHostAlerts(), toContainerAlerts(), toQueueAlerts()];
}

export function toAlerts(factor = 1): readonly Alert[] {
  return toAlertGroups(factor).flatMap(({ rules }) => rules.filter(isAlert));
}
