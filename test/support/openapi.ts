import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const base = "/api/v1/admin/ops";
const document = JSON.parse(readFileSync("schema/openapi.json", "utf8"));
const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
addFormats.default(ajv);
ajv.addVocabulary(Object.keys(document));
ajv.addSchema({ $id: "openapi", ...document });

/**
 * Throws when a real answer does not fit the committed contract: path template without the base,
 * method, status, parsed body.
 */
export function assertFitsOpenApi(method: string, template: string, status: number, body: unknown): void {
  const path = base + template.replace(":name", "{name}");
  const operation = document.paths[path]?.[method.toLowerCase()];
  const response = operation?.responses[String(status)];
  if (!response) throw new Error(`${method} ${path} does not document ${status}`);
  const steps = [
    "paths",
    path,
    method.toLowerCase(),
    "responses",
    String(status),
    "content",
    "application/json",
    "schema",
  ];
  const $ref = `openapi#/${steps.map((step) => encodeURIComponent(step.replaceAll("/", "~1"))).join("/")}`;
  const validate = ajv.getSchema($ref);
  if (!validate) throw new Error(`${method} ${path} ${status} has no schema`);
  if (!validate(body)) throw new Error(`${method} ${path} ${status}: ${ajv.errorsText(validate.errors)}`);
}
