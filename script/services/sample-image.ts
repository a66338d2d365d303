import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callDocker } from "./docker-api.ts";
import { findProgram, UnavailableError } from "./process.ts";

/**
 * Creates `ops-sample:latest` on an engine if it is missing: busybox-static with all its applets and nothing else, because no registry
 * is reachable. Its command sleeps. Throws UnavailableError when busybox is not installed or not static.
 */
export async function buildSampleImage(socketPath: string): Promise<void> {
  const there = await callDocker(socketPath, "GET", "/images/ops-sample:latest/json").then(
    () => true,
    () => false,
  );
  if (there) return;
  const busybox = findProgram("busybox");
  if (!busybox) throw new UnavailableError("busybox is not installed (apt-get install busybox-static)");
  const root = mkdtempSync(join(tmpdir(), "ops-image-"));
  try {
    for (const folder of ["bin", "etc", "tmp", "proc", "sys", "dev"]) mkdirSync(join(root, folder));
    copyFileSync(busybox, join(root, "bin/busybox"));
    execFileSync(join(root, "bin/busybox"), ["--install", "-s", join(root, "bin")]);
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
    // The applets link to the path that --install was called by; inside the image that is /bin/busybox.
    execFileSync("find", [join(root, "bin"), "-type", "l", "-exec", "ln", "-sfn", "/bin/busybox", "{}", ";"]);
    const tar = spawn("tar", ["-C", root, "-c", "."], { stdio: ["ignore", "pipe", "ignore"] });
    const changes = ["ENV PATH=/bin", 'CMD ["/bin/sleep","3600"]'].map((change) => `&changes=${encodeURIComponent(change)}`);
    await callDocker(socketPath, "POST", `/images/create?fromSrc=-&repo=ops-sample&tag=latest${changes.join("")}`, tar.stdout);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
