import { copyFileSync, createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callDocker } from "./docker-api.ts";
import { findProgram, runProgram, UnavailableError, untilLate } from "./process.ts";

/**
 * Creates `ops-sample:latest` on an engine if it is missing: busybox-static with all its applets
 * and nothing else, because no registry is reachable. Its command sleeps. Throws UnavailableError
 * when busybox is not installed or not static.
 */
export async function buildSampleImage(socketPath: string): Promise<void> {
  const there = await callDocker(socketPath, "GET", "/images/ops-sample:latest/json").then(
    () => true,
    () => false,
  );
  if (there) return;
  const busybox = findProgram("busybox");
  if (!busybox) throw new UnavailableError("busybox is not installed (apt-get install busybox-static)");
  const folder = mkdtempSync(join(tmpdir(), "ops-image-"));
  const [root, archive] = [join(folder, "root"), join(folder, "root.tar")];
  try {
    for (const name of ["bin", "etc", "tmp", "proc", "sys", "dev"]) mkdirSync(join(root, name), { recursive: true });
    copyFileSync(busybox, join(root, "bin/busybox"));
    await runProgram(join(root, "bin/busybox"), ["--install", "-s", join(root, "bin")]);
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
    // The applets link to the path that --install was called by; inside the image that is
    // /bin/busybox.
    await runProgram("find", [join(root, "bin"), "-type", "l", "-exec", "ln", "-sfn", "/bin/busybox", "{}", ";"]);
    await runProgram("tar", ["-C", root, "-cf", archive, "."]);
    const changes = ["ENV PATH=/bin", 'CMD ["/bin/sleep","3600"]'].map(
      (change) => `&changes=${encodeURIComponent(change)}`,
    );
    const path = `/images/create?fromSrc=-&repo=ops-sample&tag=latest${changes.join("")}`;
    await callDocker(socketPath, "POST", path, createReadStream(archive), untilLate(30_000));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
