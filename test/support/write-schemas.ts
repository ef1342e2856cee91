import { writeFileSync } from 'node:fs';
import { jsonSchemas } from '../../lib/contracts/schemas.ts';

// `npm run schemas`: writes the JSON Schemas of the contracts. A unit test checks that they are up to date.
for (const [name, schema] of Object.entries(jsonSchemas())) {
  const file = new URL(`../../lib/contracts/schemas/${name}`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
}
