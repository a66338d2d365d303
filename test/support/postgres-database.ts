import { randomBytes } from "node:crypto";
import { Client, type QueryResult } from "pg";

/** A database of one test file. */
export interface TestDatabase {
  readonly url: string;
  /** As the superuser, on one session. */
  query(sql: string, values?: readonly unknown[]): Promise<QueryResult<Record<string, unknown>>>;
  /** A further session of the superuser, for locks. The caller ends it. */
  connect(): Promise<Client>;
  /**
   * The URL for another role, created here with this password-less definition: `login`, grants
   * follow by `query`.
   */
  createRole(options?: string): Promise<{ name: string; url: string }>;
  drop(): Promise<void>;
}

/** Creates a database with a name of its own, so that test files do not meet. */
export async function createTestDatabase(serverUrl: string, label: string): Promise<TestDatabase> {
  const name = `${label}_${randomBytes(4).toString("hex")}`;
  const roles: string[] = [];
  const admin = async (sql: string) => {
    const client = await openClient(serverUrl);
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await admin(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const session = await openClient(url.href);
  return {
    url: url.href,
    query: (sql, values = []) => session.query(sql, values.length > 0 ? [...values] : undefined),
    connect: () => openClient(url.href),
    createRole: async (options = "") => {
      const role = `${name}_${roles.length}`;
      const password = randomBytes(8).toString("hex");
      await session.query(`create role ${role} login password '${password}' ${options}`);
      roles.push(role);
      const roleUrl = new URL(url);
      roleUrl.username = role;
      roleUrl.password = password;
      return { name: role, url: roleUrl.href };
    },
    drop: async () => {
      await session.end();
      await admin(`drop database ${name} with (force)`);
      for (const role of roles) await admin(`drop role ${role}`);
    },
  };
}

async function openClient(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  client.on("error", () => {}); // Tests restart servers and terminate sessions.
  await client.connect();
  return client;
}
