import { chmodSync, cpSync, mkdirSync, mkdtempSync, globSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../../script/services/process.ts";
import { copyPrograms } from "./compose-stand-ins.ts";
import { dockerCli } from "./image.ts";

/**
 * What the image of the registry does at its start as `postgres`, by its documentation: creates an
 * empty database, runs the scripts, starts the server.
 */
const entrypoint = `#!/bin/bash
set -e
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  initdb --username=postgres --pwfile=<(cat "$POSTGRES_PASSWORD_FILE") --encoding=UTF8 --locale=C --no-sync --auth-local=trust --auth-host=trust
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
  pg_ctl -D "$PGDATA" -w -o "\${*:2} -c listen_addresses=''" start
  psql -v ON_ERROR_STOP=1 -U postgres -d postgres -c "create database \\"$POSTGRES_DB\\""
  export POSTGRES_USER=postgres
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) psql -v ON_ERROR_STOP=1 -U postgres -d "$POSTGRES_DB" -f "$file" ;;
    esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
`;

/** The newest version whose server Debian has installed. */
function findServer(): string {
  const [initdb = ""] = globSync("/usr/lib/postgresql/*/bin/initdb").toSorted((one, other) =>
    other.localeCompare(one, "en", { numeric: true }),
  );
  const version = initdb.split("/")[4];
  if (version === undefined) throw new Error("PostgreSQL's server is not installed (apt-get install postgresql)");
  return version;
}

/**
 * Builds Debian's HAProxy and PostgreSQL under the names of the images of the registry, with what
 * is on their paths there.
 */
export function buildReplicaStandIns(
  socketPath: string,
  images: { readonly haproxy: string; readonly postgres: string },
): void {
  const context = mkdtempSync(join(tmpdir(), "ops-replicas-"));
  const root = join(context, "root");
  try {
    const version = findServer();
    const [home, shared] = [`/usr/lib/postgresql/${version}`, `/usr/share/postgresql/${version}`];
    const programs = ["postgres", "initdb", "pg_ctl", "pg_isready", "pg_basebackup", "psql"].map(
      (name) => `${home}/bin/${name}`,
    );
    const modules = ["plpgsql", "dict_snowball", "libpqwalreceiver"].map((name) => `${home}/lib/${name}.so`);
    copyPrograms(root, [...programs, ...modules, "/bin/bash"], (path) => path);
    copyPrograms(root, [findProgram("haproxy") ?? "haproxy"], () => "/usr/local/sbin/haproxy");
    for (const path of [shared, "/usr/share/zoneinfo"])
      cpSync(path, join(root, path), { recursive: true, dereference: true });
    for (const path of ["etc", "usr/local/bin"]) mkdirSync(join(root, path), { recursive: true });
    writeFileSync(
      join(root, "etc/passwd"),
      "root:x:0:0::/:/bin/sh\nhaproxy:x:99:99::/:/bin/sh\npostgres:x:999:999::/:/bin/sh\n",
    );
    writeFileSync(join(root, "usr/local/bin/docker-entrypoint.sh"), entrypoint);
    chmodSync(join(root, "usr/local/bin/docker-entrypoint.sh"), 0o755);
    mkdirSync(join(context, "empty"));
    writeFileSync(
      join(context, "Dockerfile"),
      [
        "FROM ops-sample:latest",
        "COPY root /",
        "COPY --chown=999:999 empty /var/lib/postgresql",
        `ENV PATH=/usr/local/sbin:/usr/local/bin:${home}/bin:/bin PGDATA=/var/lib/postgresql/18/docker`,
        "VOLUME /var/lib/postgresql",
        'ENTRYPOINT ["docker-entrypoint.sh"]',
        'CMD ["postgres"]',
        "",
      ].join("\n"),
    );
    for (const tag of Object.values(images)) dockerCli(socketPath)("build", "--quiet", "--tag", tag, context);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
