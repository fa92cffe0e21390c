// Data as an earlier version has left it, and what it held: packed into one file.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { KubernetesObject } from '#api/kind.ts';

export interface FixtureState {
  readonly revision: number;
  readonly objects: readonly {
    readonly key: string;
    readonly revision: number;
    readonly createRevision: number;
    readonly object: unknown;
  }[];
}
export interface Fixture {
  /** Whose code has written it. */
  readonly commit: string;
  /** A data directory after an orderly end. */
  readonly clean: FixtureState;
  /** One after a kill. */
  readonly crashed: FixtureState;
  /** Absent: that version made none. */
  readonly backup?: FixtureState;
  /** Base64, by path: below clean/, crashed/ and backup/. */
  readonly files: Readonly<Record<string, string>>;
}

const directory = path.join(import.meta.dirname, 'fixtures');
const ending = '.json.gz';

export const fixtureNames = (): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length));

export const readFixture = (name: string): Fixture =>
  JSON.parse(gunzipSync(readFileSync(path.join(directory, name + ending))).toString()) as Fixture;

export function unpack({ files }: Fixture, part: 'clean' | 'crashed' | 'backup', target: string): void {
  for (const [name, content] of Object.entries(files)) {
    if (!name.startsWith(`${part}/`)) continue;
    write(path.join(target, name.slice(part.length + 1)), content);
  }
}
export function unpackCluster({ files }: ClusterFixture, target: string): void {
  for (const [name, content] of Object.entries(files)) write(path.join(target, name), content);
}

function write(file: string, content: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, Buffer.from(content, 'base64'), { mode: 0o600 });
}

/** A whole control plane. */
export interface ClusterFixture {
  readonly commit: string;
  /** What its API had. */
  readonly objects: readonly { readonly resource: string; readonly object: KubernetesObject }[];
  /** Base64, by path in its data directory. */
  readonly files: Readonly<Record<string, string>>;
}

const clusters = path.join(import.meta.dirname, 'clusters');

export const clusterNames = (): string[] => readdirSync(clusters).map((name) => name.slice(0, -ending.length));

export const readCluster = (name: string): ClusterFixture =>
  JSON.parse(gunzipSync(readFileSync(path.join(clusters, name + ending))).toString()) as ClusterFixture;
