import { containerNumbers } from "../../../../facts/container.ts";
import { toDeployTone } from "../../../../facts/deploy.ts";
import type { ConsoleContainerQuery, DeployRowFragment } from "../../../../generated/console.ts";
import type { ContainerRow } from "../../data/containers.ts";
import { href } from "../../page/url.ts";
import { formatBytes, formatEnum, formatNumber, formatPercent, unknownText } from "../../../../facts/format.ts";
import { Empty, Skeleton } from "../notice.tsx";
import { Release } from "../release.tsx";
import { EnumState } from "../state.tsx";
import { Clock, Since } from "../time.tsx";

type Asked = NonNullable<ConsoleContainerQuery["container"]>;

interface FactsProps {
  readonly row: ContainerRow;
  /** What only its own screen asks for; undefined before the answer. */
  readonly detail: Asked | null | undefined;
  /** Of its machine; null when unknown. */
  readonly machine: string | null;
  /** The deploy that it came with; null when none is known. */
  readonly deploy: DeployRowFragment | null;
  /** Of its last end; null when unknown. */
  readonly exitCode: number | null;
}

/** What a container is. */
export function Facts({ row, detail, machine, deploy, exitCode }: FactsProps) {
  const { name, role, service, env, destination, engine, host, version } = row;
  return (
    <section class="section">
      <header>
        <h2>Facts</h2>
      </header>
      <dl class="facts">
        <dt>name</dt>
        <dd class="isolate">{name}</dd>
        <dt title="The first 12 hex digits of the container id">id</dt>
        <dd class="code">{detail?.shortId ?? unknownText}</dd>
        <dt>image</dt>
        <dd class="code isolate">{detail?.image ?? unknownText}</dd>
        <dt>role</dt>
        <dd>
          <a class="link isolate" href={href("/containers", { role })}>
            {role}
          </a>{" "}
          <span class="muted isolate">of {service ?? "no service"}</span>
        </dd>
        <dt>environment</dt>
        <dd>
          {env ? formatEnum(env) : <span class="none">unknown</span>}
          {destination !== null && <span class="muted isolate">, destination {destination}</span>}
        </dd>
        <dt>engine</dt>
        <dd class="isolate">
          {engine}
          {machine !== null && (
            <>
              {" on "}
              <a class="link isolate" href={href("/host", { name: machine })}>
                {machine}
              </a>
            </>
          )}
        </dd>
        <dt title="The host name in the container">host name</dt>
        <dd class="isolate">{host}</dd>
        <dt title="Published ports">ports</dt>
        <dd>{detail ? detail.ports.join(", ") || "none published" : unknownText}</dd>
        <dt>release</dt>
        <dd>
          <Release version={version} isWhole />
          {detail?.commitSha && (
            <span class="muted">
              {" commit "}
              <Release version={detail.commitSha} />
            </span>
          )}
        </dd>
        <dt>deploy</dt>
        <dd>
          {deploy ? (
            <>
              <a class="link" href={href("/deploy", { id: deploy.id })}>
                <Since at={deploy.deployedAt} suffix=" ago" />
              </a>
              {deploy.deployedBy !== null && <span class="isolate"> by {deploy.deployedBy}</span>}{" "}
              <EnumState value={deploy.state} tone={toDeployTone(deploy.state)} />
            </>
          ) : (
            <span class="none">no deploy of this release is known</span>
          )}
        </dd>
        <dt>created</dt>
        <dd>{detail ? <Clock at={detail.createdAt} /> : unknownText}</dd>
        <dt>started</dt>
        <dd>
          {row.startedAt === null ? (
            <span class="none">{unknownText}</span>
          ) : (
            <>
              <Clock at={row.startedAt} /> (<Since at={row.startedAt} suffix=" ago" />)
            </>
          )}
        </dd>
        <dt title={containerNumbers.restarts.about}>{containerNumbers.restarts.label}</dt>
        <dd>{formatNumber(row.restarts)}</dd>
        {exitCode !== null && (
          <>
            <dt title="From the last exit that this gateway has seen">last exit code</dt>
            <dd class={exitCode === 0 ? "" : "bad"}>{exitCode}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

/** What a container uses now. @param asked undefined before the first answer */
export function Figures({ asked, isRunning }: { readonly asked: Asked | undefined; readonly isRunning: boolean }) {
  const stats = asked?.stats;
  return (
    <section class="section">
      <header>
        <h2>Now</h2>
        {stats && (
          <span class="muted">
            <Since at={stats.sampledAt} suffix=" ago" />
          </span>
        )}
      </header>
      {stats ? (
        <Numbers stats={stats} />
      ) : asked || !isRunning ? (
        <Empty>{isRunning ? "Its engine returned no numbers." : "Not running: no usage."}</Empty>
      ) : (
        <Skeleton rows={3} />
      )}
    </section>
  );
}

function Numbers({ stats }: { readonly stats: NonNullable<Asked["stats"]> }) {
  const { cpuPeriods, cpuThrottledPeriods } = stats;
  const throttled =
    cpuPeriods === null || cpuThrottledPeriods === null
      ? unknownText
      : cpuPeriods === 0
        ? "no CPU limit"
        : formatPercent((cpuThrottledPeriods / cpuPeriods) * 100);
  return (
    <dl class="figures">
      <Figure name="CPU" title={containerNumbers.cpuPct.about} value={formatPercent(stats.cpuPct)} />
      <Figure
        name="memory"
        title={containerNumbers.memPct.about}
        value={formatPercent(stats.memPct)}
        detail={`${formatBytes(stats.memUsedBytes)} of ${formatBytes(stats.memLimitBytes)}`}
      />
      <Figure
        name="throttled"
        title="Share of CPU periods since the start in which it was throttled"
        value={throttled}
      />
      <Figure name="processes" title={containerNumbers.pids.about} value={formatNumber(stats.pids)} />
      <Figure
        name="network"
        title="Received and sent on all networks since the start"
        value={`${formatBytes(stats.networkReceiveBytes)} in`}
        detail={`${formatBytes(stats.networkTransmitBytes)} out`}
      />
      <Figure
        name="disk"
        title="Read from and written to block devices since the start"
        value={`${formatBytes(stats.blockReadBytes)} read`}
        detail={`${formatBytes(stats.blockWriteBytes)} written`}
      />
    </dl>
  );
}

interface FigureProps {
  readonly name: string;
  readonly title: string;
  readonly value: string;
  readonly detail?: string;
}

function Figure({ name, title, value, detail }: FigureProps) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>
        <span class="value">{value}</span>
        {detail !== undefined && <span class="muted">{detail}</span>}
      </dd>
    </div>
  );
}
