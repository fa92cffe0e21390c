// `node test/e2e/assembly/kubectl/record.ts KUBECONFIG [FILE]` writes answers.txt anew from what upstream's control plane answers
// (one without nodes; nothing else may work in its namespace `shop`).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { clientsDirectory } from '#kit/machine/clients.ts';
import { goldenFile, printed, session, type Answer } from './session.ts';

const [kubeconfig, file = goldenFile] = process.argv.slice(2);
if (kubeconfig === undefined) throw new Error('usage: record.ts KUBECONFIG [FILE]');
const directory = mkdtempSync(path.join(tmpdir(), 'kubectl-session-'));
const answers: Answer[] = [];
for await (const answer of session({
  directory,
  kubectl: path.join(await clientsDirectory(), 'kubectl'),
  kubeconfig,
})) {
  answers.push(answer);
  process.stdout.write('.');
}
rmSync(directory, { recursive: true });
writeFileSync(file, printed(answers));
console.log(` ${answers.length} commands`);
