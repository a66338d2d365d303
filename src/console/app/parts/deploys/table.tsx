import { toDeployTone } from "../../../../facts/deploy.ts";
import type { DeployRowFragment } from "../../../../generated/console.ts";
import { href } from "../../page/url.ts";
import { useIsNarrow } from "../list.tsx";
import { Empty } from "../notice.tsx";
import { toShortRelease } from "../../../../lib/short-release.ts";
import { EnumState } from "../state.tsx";
import { Since } from "../time.tsx";

/** Deploys, newest first. */
export function DeployTable({ rows }: { readonly rows: readonly DeployRowFragment[] }) {
  const isNarrow = useIsNarrow();
  if (rows.length === 0)
    return <Empty>No deploys found in deploy_info.json, Kamal's audit log or the containers.</Empty>;
  return (
    <table class="table deploys">
      <thead>
        <tr>
          <th scope="col">release</th>
          <th scope="col">state</th>
          <th scope="col" class="wide-only">
            where
          </th>
          <th scope="col" class="wide-only">
            by
          </th>
          <th scope="col" class="number">
            ago
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ id, tag, state, service, destination, env, deployedBy, deployedAt }) => (
          <tr key={id}>
            <td>
              <a data-row-link class="code isolate" href={href("/deploy", { id })} title={tag}>
                {isNarrow ? toShortRelease(tag) : tag}
              </a>
            </td>
            <td>
              <EnumState value={state} tone={toDeployTone(state)} />
            </td>
            <td class="wide-only muted">{[service, destination ?? env?.toLowerCase()].filter(Boolean).join(" ")}</td>
            <td class="wide-only isolate">{deployedBy ?? <span class="none">unknown</span>}</td>
            <td class="number">
              <Since at={deployedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
