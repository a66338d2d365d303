import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const page = "script/grafana/draw/page";
const all = [". --include=dev", "bench --omit=dev", `${page} --include=dev`];

/**
 * Notes what it is called with, and writes what npm writes: the packages of the lock file, those
 * for tests if asked.
 */
const npm = `#!/bin/sh
echo "$3 $4" >>npm.log
mkdir -p "$3/node_modules/.bin"
case "$3 $4" in
  *"--omit=dev" | bench*) echo '{ "packages": {} }' ;;
  *) echo '{ "packages": { "node_modules/vitest": { "dev": true } } }' ;;
esac >"$3/node_modules/.package-lock.json"
printf '#!/bin/sh\\necho v24.0.0\\n' >node_modules/.bin/node
chmod +x node_modules/.bin/node
`;

/** A clone on a machine with this npm, where nobody may install programs. */
function createClone() {
  const folder = mkdtempSync(join(tmpdir(), "ops-packages-"));
  folders.push(folder);
  for (const name of [page, "bench", "bin"]) mkdirSync(join(folder, name), { recursive: true });
  cpSync("script/setup", join(folder, "script/setup"));
  for (const name of [".", "bench", page]) writeFileSync(join(folder, name, "package-lock.json"), "{}");
  const programs = { npm, id: "#!/bin/sh\necho 1000\n", "apt-get": "#!/bin/sh\nexit 1\n" };
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, "bin", name), text, { mode: 0o755 });
  const env = { PATH: `${join(folder, "bin")}:/usr/local/bin:/usr/bin:/bin`, HOME: folder };
  return {
    /** What npm was called with for this purpose. */
    setUp: (purpose: string): readonly string[] => {
      writeFileSync(join(folder, "npm.log"), "");
      execFileSync(join(folder, "script/setup"), [purpose], { env, stdio: "ignore" });
      return readFileSync(join(folder, "npm.log"), "utf8").split("\n").filter(Boolean);
    },
    /** As `git pull` leaves the lock files when they changed. */
    changeLocks: (): void => {
      const soon = new Date(Date.now() + 5000);
      for (const name of [".", "bench", page]) utimesSync(join(folder, name, "package-lock.json"), soon, soon);
    },
  };
}

it.each([
  ["demo", [". --omit=dev"]],
  ["bench", [". --omit=dev", "bench --omit=dev"]],
  ["test", all],
])("the set-up for %s installs the packages that it needs, once", (purpose, calls) => {
  const { setUp } = createClone();
  expect(setUp(purpose)).toEqual(calls);
  expect(setUp(purpose)).toEqual([]);
});

it("the set-up for tests adds what the demo does not need", () => {
  const { setUp } = createClone();
  setUp("demo");
  expect(setUp("test")).toEqual(all);
});

it("the packages for tests stay, whatever the set-up is called for", () => {
  const { setUp, changeLocks } = createClone();
  setUp("test");
  expect([...setUp("demo"), ...setUp("bench")]).toEqual([]);
  changeLocks();
  expect(setUp("demo")).toEqual([". --include=dev"]);
});
