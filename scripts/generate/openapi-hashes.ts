// Hashes of the OpenAPI v3 documents of all built-in group versions, which are part of their URLs.
import { createHash } from 'node:crypto';

export async function generateOpenApiHashes(): Promise<string> {
  const [{ kindTable }, { documentSources }, { openApiV3 }] = await Promise.all([
    import('../../src/api/kinds.ts'),
    import('../../src/api/openapi/items.ts'),
    import('../../src/api/openapi/v3.ts'),
  ]);
  const hashes = [...documentSources(kindTable.rows)].map(([place, source]) => {
    const hash = createHash('sha512');
    for (const piece of openApiV3(source)) hash.update(piece);
    return [place, hash.digest('hex').toUpperCase()] as const;
  });
  return `${JSON.stringify(Object.fromEntries(hashes), null, 1)}\n`;
}
