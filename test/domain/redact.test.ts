import { expect, test } from "vitest";
import { createToken } from "../../src/domain/token.ts";
import { redactSecrets } from "../../src/domain/redact.ts";

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ";
const ours = createToken("abcd", Buffer.alloc(32, 7));

test.each([
  [`token ${ours} used`, "token ops_<redacted> used"],
  [`got ${jwt} from user`, "got [redacted] from user"],
  ["Authorization: Bearer canary-1234567890", "Authorization: Bearer [redacted]"],
  ["sent bearer canary1234567 to x", "sent bearer [redacted] to x"],
  ["Authorization: Basic Y2FuYXJ5OmNhbmFyeQ== ok", "Authorization: [redacted] ok"],
  ["DB_PASSWORD=canary next", "DB_PASSWORD=[redacted] next"],
  ['{"user":"a","password":"can\\"ary", "x":1}', '{"user":"a","password":"[redacted]", "x":1}'],
  ['{"password":"canary","x":1}', '{"password":"[redacted]","x":1}'],
  ['msg="{\\"api_key\\":\\"canary\\",\\"n\\":1}"', 'msg="{\\"api_key\\":\\"[redacted]\\",\\"n\\":1}"'],
  ["password='two words canary' x", "password='[redacted]' x"],
  ['secret: "never closed canary', 'secret: "[redacted]'],
  ["POST /login?user=a&passwd=canary&x=1", "POST /login?user=a&passwd=[redacted]&x=1"],
  ["aws_secret_access_key = canaryCANARY/1234", "aws_secret_access_key = [redacted]"],
  ["api-key => canary1", "api-key => [redacted]"],
  ["SECRET_KEY_BASE=canary", "SECRET_KEY_BASE=[redacted]"],
  ["access_token=canary&x", "access_token=[redacted]&x"],
  ["postgres://app:canary@db:5432/x?sslmode=off", "postgres://app:[redacted]@db:5432/x?sslmode=off"],
  ["amqp://app:p@canary@mq/", "amqp://app:[redacted]@mq/"],
  ["https://0123456789abcdefcanary@github.com/x.git", "https://[redacted]@github.com/x.git"],
  ["Set-Cookie: sid=canary; Path=/; HttpOnly", "Set-Cookie: [redacted]"],
  ["key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"],
  [`clone with ghp_${"a1".repeat(18)}`, "clone with [redacted]"],
  [`github_pat_${"a1".repeat(30)}`, "[redacted]"],
  [`stripe sk_live_${"a1".repeat(12)}`, "stripe [redacted]"],
  [`whsec_${"a1".repeat(16)}`, "[redacted]"],
  ["xoxb-123456789012-canary", "[redacted]"],
  ["DB_PASS=canary next", "DB_PASS=[redacted] next"],
  ["DB_PASS: canary", "DB_PASS: [redacted]"],
  ["smtp.pass=canary, pass: canary1, 'pass': 'two words'", "smtp.pass=[redacted], pass: [redacted], 'pass': '[redacted]'"],
  ["REDIS_PASS=123456", "REDIS_PASS=[redacted]"],
  ["pass: token=canary1", "pass: [redacted]"],
  ["auth: password=canary", "auth: password=[redacted]"],
  [
    "https://b.s3.amazonaws.com/k?X-Amz-Credential=canary%2F2026&X-Amz-Date=1&X-Amz-Security-Token=canary%3D&X-Amz-Signature=c4na",
    "https://b.s3.amazonaws.com/k?X-Amz-Credential=[redacted]&X-Amz-Date=1&X-Amz-Security-Token=[redacted]&X-Amz-Signature=[redacted]",
  ],
  ["/k?X-Goog-Signature=canary&x=1", "/k?X-Goog-Signature=[redacted]&x=1"],
  ["/k?Expires=1&Signature=c%2Fnary%3D&Key-Pair-Id=1", "/k?Expires=1&Signature=[redacted]&Key-Pair-Id=1"],
  ["/k?signature=canary ok", "/k?signature=[redacted] ok"],
  ["/blob?sv=2026&sig=canary%3D&se=1", "/blob?sv=2026&sig=[redacted]&se=1"],
  [String.raw`{"url":"/k?sv=1\u0026sig=canary"}`, String.raw`{"url":"/k?sv=1\u0026sig=[redacted]"}`],
  [
    `AWS4-HMAC-SHA256 SignedHeaders=host, Signature=${"a1".repeat(32)}`,
    "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=[redacted]",
  ],
  [`mail SG.${"aB3".repeat(7)}.${"x-_9".repeat(10)} sent`, "mail [redacted] sent"],
  [`openai sk-proj-${"a1-_".repeat(20)} used`, "openai [redacted] used"],
  [`openai sk-${"aB1".repeat(16)}, sk-ant-api03-${"a1-_".repeat(20)}`, "openai [redacted], [redacted]"],
  ["postgres://app:ca/na/ry@db:5432/x?a=b@c", "postgres://app:[redacted]@db:5432/x?a=b@c"],
  ["amqp://app:ca/n@ry@mq/", "amqp://app:[redacted]@mq/"],
  ["the password is canary1, sorry", "the password is [redacted], sorry"],
  ["password was 'canary1'", "password was '[redacted]'"],
  ["refused api_token 'abc123canary'", "refused api_token '[redacted]'"],
  ['refused access token "abc123canary"', 'refused access token "[redacted]"'],
  ["-----BEGIN RSA PRIVATE KEY-----\\nMIIcanary\\n-----END RSA PRIVATE KEY----- end", "[redacted] end"],
])("%s", (text, redacted) => {
  expect(redactSecrets(text)).toBe(redacted);
});

test.each([
  "GET /api/v1/keys 200 12ms token_count=5 keyboard=de",
  "unexpected token: foo at line 3",
  "Unexpected token } in JSON at position 7",
  "bearer authentication is required",
  "Basic authentication failed for bob",
  "password changed for user 12",
  "token: null, password: null",
  "connecting to postgres://db:5432/wallet as app",
  "https://example.com/a:b@c",
  "user@example.com asked https://example.com/path",
  "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "primary key violation on accounts_pkey, key (id)=(42)",
  "task_live_1 sk_tests ghp_short",
  "author: bob, authored=2026",
  "secretary: alice",
  "pass=true, pass: 12, fail: 3",
  '{"pass":"ok","pass":3}',
  "pass=2/3 took pass=12ms, first_pass: ok, second_pass=3",
  "bypass: 3 compass=n0rth passed: 12 passes: 4 passenger=b0b",
  "test pass: all good, PASS: TestHTTP2 (0.00s)",
  "--- PASS: TestTLS13 (0.01s)",
  "signature: v1, signature=v1, signature: sha256, sig: 9",
  "bad signature for event evt_1, design=new1 design=2",
  "sk-SK locale, task-1234567890-abcdefghijklmnop, disk-cache-of-the-first-host-1",
  "SG.open for msg.id of SG.Group.Name",
  "http://registry:4873/@scope/pkg and http://host:80/a@b",
  "http://[::1]:8080/a@b file://C:/Users/a@b/x",
  "docker.io/library/redis:7@sha256:9f86d081",
  "password is required, password is too short, password is base64 encoded",
  "password is not 8 characters, token is expired, token was sha256",
  `secret "wallet-tls-8xk2p" not found, unexpected token 'abc123def'`,
  'column "api_token" does not exist in table "users1234"',
])("leaves %j alone", (text) => {
  expect(redactSecrets(text)).toBe(text);
});

const parts = [
  "eyJ",
  "eyJ-a",
  "eyJa.",
  'password="',
  "password='pwd=\\\"",
  "://a:",
  "Bearer ",
  "secret_",
  "cookie:",
  "ghp_",
  "ops_aaaa_",
  "pass=",
  "pass: ",
  "pass:",
  "PASS: ",
  "auth: auth:",
  "sig=",
  "?sig=",
  "signature=",
  "X-Amz-Signature=",
  "SG.",
  "SG.aaaaaaaaaaaaaaaaaaaaa",
  "sk-",
  "sk-proj-",
  "://a:b/",
  "://a:/@",
  "://a:b/@",
  "password is ",
  "password is a",
  "password is 1",
  "api_token '",
  "private_",
];
test.each([...parts, "-----BEGIN PRIVATE KEY-----", "glpat-", "token ", "://aaaaaaaaaaaaaaaaaaaa", "A"])(
  "takes linear time for many %j",
  (part) => {
    const text = `token ${part.repeat(400_000 / part.length)}`;
    redactSecrets(text);
    const begin = performance.now();
    redactSecrets(text);
    expect(performance.now() - begin).toBeLessThan(400);
  },
);
