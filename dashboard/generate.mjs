// Writes src/api/schema.gen.ts: TypeScript types of the exchange's OpenAPI document.
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const document = JSON.parse(readFileSync(new URL("../functions/openapi.gen.json", import.meta.url), "utf8"));
for (const schema of Object.values(document.components.schemas)) {
  // "One of these fields is required" has no type in TypeScript: the generator would make the whole schema `unknown`.
  if (schema.properties && schema.anyOf?.every((each) => Object.keys(each).join() === "required")) delete schema.anyOf;
}
const types = await openapiTS(document, { defaultNonNullable: false });
writeFileSync(new URL("src/api/schema.gen.ts", import.meta.url), astToString(types));
