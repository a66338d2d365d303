import { OpsError } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/logger.ts";
import { createDeploySource } from "./source.ts";

const remedies: Record<string, string> = {
  deploy_info_missing: "install deploy/kamal/post-deploy, or set WALLET_CORE_OPS_DEPLOY_INFO_PATH",
  deploy_info_unreadable: "let the gateway's user read the file and search its folders",
  deploy_info_invalid: "see deploy/kamal/README.md for its fields; write a temporary file, then rename it",
};

/** One line of `cli check`: the last deploy, or the problem and its remedy. Never rejects. */
export async function probeDeployInfo(options: { path: string }): Promise<{ ok: boolean; detail: string }> {
  try {
    const { currentTag, deployedAt } = await createDeploySource({ ...options, toEnv: () => null, logger: silentLogger }).read(
      new AbortController().signal,
    );
    return { ok: true, detail: `${currentTag}, deployed ${deployedAt}` };
  } catch (error) {
    const remedy = error instanceof OpsError ? remedies[error.code] : undefined;
    return { ok: false, detail: `${error instanceof Error ? error.message : "unknown error"}${remedy ? `: ${remedy}` : ""}` };
  }
}
