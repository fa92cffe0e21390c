// Whether what a request writes may become the object that readers share, so that nobody has to decode what is just being written.
import type { KindRow } from '#api/kind.ts';
import type { ApiRequest } from '#api/request.ts';

/** Texts that are parsed from JSON are copies. Of YAML they are pieces of the whole body, which they would keep. */
const copyingTypes = new Set([
  'application/json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/json-patch+json',
]);

/** The caller in this process may still hold, and change, parts of what it sent; custom resources are stored in a form of their own. */
export const isGiven = ({ body, headers }: ApiRequest, row: KindRow): boolean =>
  body.type === 'bytes' && row.custom === undefined && copyingTypes.has(headers['content-type'] ?? '');
