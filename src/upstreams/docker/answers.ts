import { z } from "zod";

/** Docker leaves out, or sends null for, what is empty; fields that we do not read are dropped. */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
/** A small number, as GraphQL's Int; null for what is none. */
export const count = z
  .int32()
  .nullish()
  .catch(null)
  .transform((value) => value ?? null);
const labels = z
  .record(z.string(), z.string())
  .nullish()
  .catch(null)
  .transform((value) => value ?? {});
const fullId = z.string().regex(/^[0-9a-f]{64}$/);

const port = z.object({ IP: text, PublicPort: z.number().int().optional(), Type: text });
const binding = z.object({ HostIp: text, HostPort: text });

/** One element of `GET /containers/json`. */
export const listAnswer = z.object({
  Id: fullId,
  Names: z.array(z.string()).nullish(),
  Image: text,
  Labels: labels,
  State: z.string(),
  Status: text,
  /** Unix seconds up to the year 9999. */
  Created: z.number().min(0).max(253_402_300_799),
  Ports: z.array(port).nullish().catch(null),
  HostConfig: z.object({ NetworkMode: text }).nullish().catch(null),
});

const health = z.object({
  Status: text,
  FailingStreak: count,
  Log: z
    .array(z.object({ End: text, Output: text }))
    .nullish()
    .catch(null),
});

/** `GET /containers/{id}/json`. */
export const inspectAnswer = z.object({
  Id: fullId,
  Name: z.string(),
  Created: text,
  RestartCount: count,
  State: z.object({
    Status: z.string(),
    StartedAt: text,
    FinishedAt: z.string().nullish().catch(null),
    Health: health.nullish().catch(null),
  }),
  Config: z.object({
    Image: text,
    Hostname: text,
    Labels: labels,
    Env: z.array(z.string()).nullish().catch(null),
    Tty: z.boolean().nullish(),
    StopTimeout: count,
  }),
  HostConfig: z.object({ NetworkMode: text }).nullish().catch(null),
  NetworkSettings: z
    .object({ Ports: z.record(z.string(), z.array(binding).nullish()).nullish() })
    .nullish()
    .catch(null),
});

export type ListAnswer = z.infer<typeof listAnswer>;
export type InspectAnswer = z.infer<typeof inspectAnswer>;

/** `GET /images/json`. */
export const imageListAnswer = z.array(z.object({ Id: z.string(), Created: z.number(), Labels: labels }));

/** `GET /images/{id}/json`. */
export const imageInspectAnswer = z.object({
  RepoTags: z.array(z.string()).nullish(),
  Created: text,
  Config: z.object({ Labels: labels }).nullish().catch(null),
  Metadata: z.object({ LastTagTime: text }).nullish().catch(null),
});

export type ImageInspectAnswer = z.infer<typeof imageInspectAnswer>;
