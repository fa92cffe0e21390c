// One request of the differential test. A step may depend on answers to earlier ones (revisions, uids), never on a server.
import type { Json } from '#kit/start-api-server.ts';

/** What a server answered before, under the names that steps gave. */
export type Known = ReadonlyMap<string, Json>;

export interface Step {
  /** Unique within its kind, and the same in every run with the same seed. */
  readonly id: string;
  readonly method: string;
  readonly path: string | ((known: Known) => string);
  /** An object is sent as JSON, text and bytes as they are. */
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  /** Keeps the object of the answer. */
  readonly keep?: string | undefined;
  /** Only needed by later steps: not compared. */
  readonly silent?: boolean | undefined;
  /** Sent again when somebody else wrote in between. */
  readonly retries?: boolean | undefined;
  /** Before that, the object is read again under this name. */
  readonly readsAgain?: string | undefined;
  /** Events are collected until none comes any more. */
  readonly watches?: boolean | undefined;
  /** One of many that do not depend on each other: some may be left out. */
  readonly isMutation?: boolean | undefined;
  /** Of text bodies, or of those whose content is a server's own: only code and reason are compared. */
  readonly bodyIgnored?: boolean | undefined;
}

export const isMade = (body: unknown): body is (known: Known) => unknown => typeof body === 'function';

export const withQuery = (path: string, query: Readonly<Record<string, string | undefined>>): string => {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.append(name, value);
  const text = params.toString();
  return text === '' ? path : `${path}?${text}`;
};

export const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;
