// Compares with a real kubectl what the cases of kustomize give: where both build, the objects; where one refuses, that the
// other does, too.
import { execFile } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { directoryTree } from '#host/directory-tree.ts';
import { buildKustomization } from '#kustomize/build.ts';
import { parseYamlDocuments } from '#wire/yaml-documents.ts';
import { kustomizeCases } from './cases.ts';

/** Undefined: it refuses. */
const builtBy = (kubectl: string, directory: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    execFile(kubectl, ['kustomize', directory], { env: {} }, (error, stdout) =>
      resolve(error === null ? stdout : undefined),
    );
  });

const atOnce = 4;

/** Names of cases, with what differs. */
export async function kubectlDifferences(kubectl: string): Promise<string[]> {
  const differences: string[] = [];
  const left = [...kustomizeCases];
  const compare = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { name, directory } = next;
      const theirs = await builtBy(kubectl, directory);
      const ours = await buildKustomization(directoryTree, directory).catch(() => undefined);
      if ((theirs === undefined) !== (ours === undefined))
        differences.push(`${name}: ${theirs === undefined ? 'kubectl' : 'only MicroShift'} refuses it`);
      else if (theirs !== undefined && !isDeepStrictEqual(await parseYamlDocuments(theirs), ours))
        differences.push(`${name}: other objects`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, compare));
  return differences;
}
