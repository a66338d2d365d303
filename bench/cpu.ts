import { readFileSync } from "node:fs";

/** CPU time that a process has used, milliseconds, in ticks of 10. */
export function readCpuMs(pid: number | undefined): number {
  // utime and stime, behind the name in parentheses.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
