// The cases of kustomize: a directory each, with what `kubectl kustomize` made of it in expected.yaml; those named
// error-* are refused by it.
import { readdirSync, existsSync, statSync } from 'node:fs';
import path from 'node:path';

export interface KustomizeCase {
  readonly name: string;
  /** What is built. */
  readonly directory: string;
  /** Undefined: it must be refused. */
  readonly expectedFile: string | undefined;
}

const root = path.resolve(import.meta.dirname, 'cases');

export const kustomizeCases: readonly KustomizeCase[] = readdirSync(root)
  .toSorted()
  .filter((name) => statSync(path.join(root, name)).isDirectory())
  .map((name) => {
    const overlay = path.join(root, name, 'overlay');
    return {
      name,
      directory: existsSync(overlay) ? overlay : path.join(root, name),
      expectedFile: name.startsWith('error-') ? undefined : path.join(root, name, 'expected.yaml'),
    };
  });
