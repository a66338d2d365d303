import { formatFullest, toHostState, toUsageTone, toDiskTone, hostNumbers } from "../../../../facts/host.ts";
import type { Tone } from "../../../../facts/tone.ts";
import type { ConsoleHostsQuery } from "../../../../generated/console.ts";
import { href } from "../../page/url.ts";
import { formatShare } from "../../../../facts/format.ts";
import { Empty } from "../notice.tsx";
import { Shape } from "../state.tsx";

export type HostRow = NonNullable<ConsoleHostsQuery["hosts"]>[number];

/** Hosts with their utilisation. */
export function HostTable({
  rows,
  thresholds,
}: {
  readonly rows: readonly HostRow[];
  readonly thresholds: { readonly cpu: number; readonly mem: number } | null | undefined;
}) {
  if (rows.length === 0) return <Empty>Prometheus has no hosts. Does it scrape node-exporter?</Empty>;
  const cell = (value: number | null, tone: Tone) => (
    <span class={tone === "warn" ? "warn strong" : ""}>{formatShare(value)}</span>
  );
  return (
    <table class="table hosts">
      <thead>
        <tr>
          <th scope="col">host</th>
          {(["cpuUtil", "memUtil", "diskUtil"] as const).map((number) => (
            <th key={number} scope="col" class="number" title={hostNumbers[number].about}>
              {hostNumbers[number].label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const { tone, word } = toHostState(row);
          return (
            <tr key={row.id}>
              <td>
                <Shape tone={tone} label={word} />{" "}
                <a data-row-link class="isolate" href={href("/host", { name: row.name })} title={row.instance}>
                  {row.name}
                </a>
              </td>
              <td class="number">{cell(row.cpuUtil, toUsageTone(row.cpuUtil, thresholds?.cpu))}</td>
              <td class="number">{cell(row.memUtil, toUsageTone(row.memUtil, thresholds?.mem))}</td>
              <td class="number" title={formatFullest(row) ?? undefined}>
                {cell(row.diskUtil, toDiskTone(row.diskUtil))}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
