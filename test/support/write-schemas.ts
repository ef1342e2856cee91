import { writeFileSync } from 'node:fs';
import { jsonSchemas } from '../../lib/contracts/schemas.ts';

// `npm run schemas`: writes the JSON Schemas that a unit test holds to the contracts.
for (const [name, schema] of Object.entries(jsonSchemas())) {
  const file = new URL(`../../lib/contracts/schemas/${name}`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
}
