import { checkWritable } from "./writable.ts";

/** One line of `cli check`: where the record stands, or why it cannot be written and what to do about it. Never rejects. */
export async function probeAudit(path: string): Promise<{ ok: boolean; detail: string; warnings: readonly string[] }> {
  try {
    const { head, size, locked } = await checkWritable(path);
    const writer = locked ? ", a running gateway writes it" : "";
    const found = head.seq > 0 ? `${path}, head seq ${head.seq}` : `${path}, no entry yet`;
    const warnings = head.seq === 0 && size ? [`${path} holds text but no entry: is it another file?`] : [];
    return { ok: true, detail: found + writer, warnings };
  } catch (error) {
    const remedy = "let the gateway's user write the file and its folder, or set WALLET_CORE_OPS_AUDIT_FILE";
    const detail = `${path} cannot be written, so nothing can be restarted or changed (${(error as Error).message}): ${remedy}`;
    return { ok: false, detail, warnings: [] };
  }
}
