import {
  toKey,
  groupByRole,
  type RoleGroup,
  toRoleMean,
  toServicePlace,
  containerNumbers,
} from "../../../facts/container.ts";
import { useMemo } from "preact/hooks";
import { ConsoleContainerSeriesDocument } from "../../../generated/console.ts";
import { type ContainerRow, containers, containersFailure } from "../data/containers.ts";
import { failureOf, oldFromOf, useLive } from "../data/live.ts";
import { useNow, useNowMore } from "../data/now.ts";
import { sortByTrouble } from "../data/queues.ts";
import { averagePoints, groupSamples, useRecent } from "../data/series.ts";
import { href } from "../page/url.ts";
import { byKey, type Usage, useEnv } from "../data/usage.ts";
import { toSeenState, useTroubles } from "../parts/containers/troubles.ts";
import { DeployTable } from "../parts/deploys/table.tsx";
import { HostTable } from "../parts/hosts/table.tsx";
import { formatPercent } from "../../../facts/format.ts";
import { Empty, FailureNotice, LastKnown, Skeleton } from "../parts/notice.tsx";
import { QueueTable } from "../parts/queues/table.tsx";
import { Release } from "../parts/release.tsx";
import { Spark, type SparkPoint } from "../parts/graph/spark.tsx";
import { Shape } from "../parts/state.tsx";
import { Problems } from "../parts/problems.tsx";

/** What is wrong, and below it all that runs. */
export function Now() {
  const now = useNow();
  const deploys = useNowMore();
  const troubled = sortByTrouble(now.data);
  return (
    <>
      <Problems />
      <Roles />
      <div class="columns">
        <section class="section">
          <header>
            <h2>
              <a href={href("/queues")}>Queues</a>
            </h2>
            <span class="muted">worst first</span>
          </header>
          <FailureNotice failure={failureOf(now, "queues")} what="Queues" />
          {troubled === null ? (
            failureOf(now, "queues") ? null : (
              <Skeleton rows={5} />
            )
          ) : (
            <LastKnown from={oldFromOf(now, "queues")}>
              <QueueTable rows={troubled} most={12} />
            </LastKnown>
          )}
        </section>
        <section class="section">
          <header>
            <h2>
              <a href={href("/hosts")}>Hosts</a>
            </h2>
            {useEnv() && <span class="muted">of all environments</span>}
          </header>
          <FailureNotice failure={failureOf(now, "hosts")} what="Hosts" />
          {now.data?.hosts ? (
            <LastKnown from={oldFromOf(now, "hosts")}>
              <HostTable rows={now.data.hosts} thresholds={now.data.thresholds} />
            </LastKnown>
          ) : failureOf(now, "hosts") ? null : (
            <Skeleton rows={3} />
          )}
        </section>
      </div>
      <section class="section">
        <header>
          <h2>
            <a href={href("/deploys")}>Last deploys</a>
          </h2>
        </header>
        <FailureNotice failure={failureOf(deploys, "deploys")} what="Deploys" />
        {deploys.data?.deploys ? (
          <LastKnown from={oldFromOf(deploys, "deploys")}>
            <DeployTable rows={deploys.data.deploys.nodes} />
          </LastKnown>
        ) : failureOf(deploys, "deploys") ? null : (
          <Skeleton rows={3} />
        )}
      </section>
    </>
  );
}

function Roles() {
  const { data: more } = useNowMore();
  const usage = useMemo(() => byKey(more?.containers), [more]);
  const roles = useMemo(
    () => groupByRole((containers.value ?? []).filter(({ kind }) => kind === "CORE")),
    [containers.value],
  );
  const names = roles.flatMap(({ rows }) => rows.map(({ name }) => name)).slice(0, 200);
  const recent = useRecent(10, 60);
  const series = useLive(
    ConsoleContainerSeriesDocument,
    { containers: names, roles: null, env: null, ...recent, maxPoints: 20 },
    { skip: names.length === 0 },
  ).value.data;
  const cpu = useMemo(() => groupSamples(series?.cpu, ({ engine, container }) => `${engine}/${container}`), [series]);
  const mem = useMemo(() => groupSamples(series?.mem, ({ engine, container }) => `${engine}/${container}`), [series]);
  if (containers.value === null) {
    return containersFailure.value ? (
      <FailureNotice failure={containersFailure.value} what="Containers" />
    ) : (
      <Skeleton rows={4} />
    );
  }
  return (
    <section class="section">
      <header>
        <h2>
          <a href={href("/containers")}>Roles</a>
        </h2>
        <span class="muted right">mean of the replicas</span>
      </header>
      {roles.length === 0 ? (
        <Empty>
          No containers of this product here. {containers.value.length} other containers run on these engines.
        </Empty>
      ) : (
        <table class="table roles">
          <thead>
            <tr>
              <th scope="col">role</th>
              <th scope="col">release</th>
              <th scope="col">replicas</th>
              {[containerNumbers.cpuPct, containerNumbers.memPct].map(({ label, about }) => (
                <th key={label} scope="col" class="wide-only" title={`Mean of the running replicas. ${about}`}>
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {roles.map((role) => (
              <RoleRow key={role.key} role={role} usage={usage} cpu={cpu} mem={mem} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

interface RoleRowProps {
  readonly role: RoleGroup<ContainerRow>;
  readonly usage: ReadonlyMap<string, Usage>;
  readonly cpu: ReadonlyMap<string, readonly SparkPoint[]>;
  readonly mem: ReadonlyMap<string, readonly SparkPoint[]>;
}

function RoleRow({ role: { role, service, destination, env, rows }, usage, cpu, mem }: RoleRowProps) {
  const releases = [...new Set(rows.map(({ version }) => version))];
  const course = (from: ReadonlyMap<string, readonly SparkPoint[]>) =>
    averagePoints(rows.map(({ engine, name }) => from.get(`${engine}/${name}`) ?? []));
  const place = toServicePlace({ service, destination, env });
  const troubles = useTroubles();
  return (
    <tr>
      <td>
        <a data-row-link href={href("/containers", { role })}>
          {role}
        </a>{" "}
        <span class="muted">{place}</span>
      </td>
      <td>
        {releases.slice(0, 2).map((version, index) => (
          <span key={version}>
            {index > 0 && ", "}
            <Release version={version} />
          </span>
        ))}
        {releases.length > 2 && <span class="muted"> +{releases.length - 2}</span>}
      </td>
      <td>
        <span class="dots">
          {rows.slice(0, 12).map((row) => {
            const { tone, word } = toSeenState(row, troubles);
            return (
              <a
                key={row.id}
                href={href("/container", { name: row.name, engine: row.engine })}
                aria-label={`${row.name}: ${word}`}
                title={`${row.name}: ${word}`}
              >
                <Shape tone={tone} />
              </a>
            );
          })}
          {rows.length > 12 && <span class="muted">+{rows.length - 12}</span>}
        </span>
      </td>
      <td class="wide-only">
        <span class="with-spark">
          <Spark points={course(cpu)} label={`CPU of ${role} in 10 minutes`} />
          {formatPercent(toRoleMean(rows, (row) => usage.get(toKey(row))?.cpuPct))}
        </span>
      </td>
      <td class="wide-only">
        <span class="with-spark">
          <Spark points={course(mem)} max={100} label={`Memory of ${role} in 10 minutes`} />
          {formatPercent(toRoleMean(rows, (row) => usage.get(toKey(row))?.memPct))}
        </span>
      </td>
    </tr>
  );
}
