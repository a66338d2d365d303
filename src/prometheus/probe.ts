import { silentLogger } from "../lib/logger.ts";
import { formatCount } from "../lib/text.ts";
import { PrometheusError } from "./failure.ts";
import { createHostSource, type HostSourceOptions } from "./source.ts";

/** One line of `cli check`: the hosts found, or the fault and its remedy. Rejects only for a URL that is not http(s). */
export async function probePrometheus(options: Omit<HostSourceOptions, "logger">): Promise<{ ok: boolean; detail: string }> {
  const source = createHostSource({ ...options, logger: silentLogger });
  try {
    const { hosts } = await source.report(new AbortController().signal);
    const down = hosts.filter((host) => host.status === "down").map((host) => host.name);
    const count = formatCount(hosts.length, "host");
    return { ok: true, detail: down.length > 0 ? `${count}, down: ${down.join(", ")}` : count };
  } catch (error) {
    const remedy = error instanceof PrometheusError ? `: ${error.remedy}` : "";
    return { ok: false, detail: `${error instanceof Error ? error.message : "unknown error"}${remedy}` };
  } finally {
    await source.close();
  }
}
