import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { readRoleSql } from "../../script/sandbox/role-sql.ts";

const database = `role_${randomBytes(4).toString("hex")}`;
const sql = readRoleSql();
const admin = new Client({ connectionString: inject("postgresUrl") });
const ownerUrl = new URL(inject("postgresUrl"));
ownerUrl.pathname = `/${database}`;
const owner = new Client({ connectionString: ownerUrl.href });
let role: Client;

beforeAll(async () => {
  await admin.connect();
  await admin.query(`create database ${database}`);
  await owner.connect();
  await owner.query(
    "create table payouts (id int); insert into payouts values (1), (2); create table wallets (id int)",
  );
  await owner.query(sql);
  // A second run, as after a migration, changes nothing but the grants.
  await owner.query("create table runner_jobs (id int)");
  await owner.query(sql);
  await owner.query("alter role wallet_core_ops password 'role-test'");
  const url = new URL(ownerUrl);
  url.username = "wallet_core_ops";
  url.password = "role-test";
  role = new Client({ connectionString: url.href });
  await role.connect();
});

afterAll(async () => {
  await role.end();
  await owner.query("drop owned by wallet_core_ops");
  await owner.end();
  await admin.query(`drop database ${database}`);
  await admin.query("drop role wallet_core_ops");
  await admin.end();
});

it("the role reads the job tables", async () => {
  expect((await role.query("select count(*)::int as n from payouts")).rows).toEqual([{ n: 2 }]);
  expect((await role.query("select count(*)::int as n from runner_jobs")).rows).toEqual([{ n: 0 }]);
});

it("the role has its limits", async () => {
  const { rows } = await role.query(
    `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
       current_setting('idle_in_transaction_session_timeout') as idle, rolconnlimit, rolsuper or rolcreatedb or rolcreaterole as strong
     from pg_roles where rolname = current_user`,
  );
  expect(rows).toEqual([{ statement: "5s", lock: "1s", idle: "10s", rolconnlimit: 8, strong: false }]);
});

it("the role is in read-only transactions unless it asks otherwise", async () => {
  await expect(role.query("insert into payouts values (3)")).rejects.toMatchObject({ code: "25006" });
});

// 42501: insufficient_privilege, also in a transaction that is not read-only.
it.each([
  "insert into payouts values (3)",
  "update payouts set id = 0",
  "delete from payouts",
  "truncate payouts",
  "select * from payouts for update",
  "select * from wallets",
  "create table mine (id int)",
  "select pg_read_file('/etc/passwd')",
  "copy payouts to program 'true'",
])("the role may not: %s", async (statement) => {
  await role.query("begin read write");
  try {
    await expect(role.query(statement)).rejects.toMatchObject({ code: "42501" });
  } finally {
    await role.query("rollback");
  }
});
