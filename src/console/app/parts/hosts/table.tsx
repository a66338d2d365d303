import type { ConsoleHostsQuery } from "../../../../generated/console.ts";
import { href } from "../../page/url.ts";
import { formatShare, unknownText } from "../../../../facts/format.ts";
import { Empty } from "../notice.tsx";
import { Shape, type Tone } from "../state.tsx";

export type HostRow = NonNullable<ConsoleHostsQuery["hosts"]>[number];

export function toHostState({ status, alert }: Pick<HostRow, "status" | "alert">): {
  readonly tone: Tone;
  readonly word: string;
} {
  if (status === "DOWN") return { tone: "bad", word: "down" };
  return alert ? { tone: "warn", word: "hot" } : { tone: "ok", word: "up" };
}

/** Machines with what of them is used. */
export function HostTable({
  rows,
  thresholds,
}: {
  readonly rows: readonly HostRow[];
  readonly thresholds: { readonly cpu: number; readonly mem: number } | null | undefined;
}) {
  if (rows.length === 0) return <Empty>Prometheus knows no host: does it scrape node-exporter?</Empty>;
  const cell = (value: number | null, limit: number) => (
    <span class={value !== null && value >= limit ? "warn strong" : ""}>
      {value === null ? unknownText : formatShare(value)}
    </span>
  );
  return (
    <table class="table hosts">
      <thead>
        <tr>
          <th scope="col">host</th>
          <th scope="col" class="number">
            CPU
          </th>
          <th scope="col" class="number">
            memory
          </th>
          <th scope="col" class="number">
            disk
          </th>
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
              <td class="number">{cell(row.cpuUtil, thresholds?.cpu ?? 1)}</td>
              <td class="number">{cell(row.memUtil, thresholds?.mem ?? 1)}</td>
              <td class="number">{cell(row.diskUtil, 0.9)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
