// `npm run differential -- --peer URL --token FILE`: the same requests to an upstream API server and to this one, and where their
// answers differ. Without --server the project's own API server runs in this process, without controllers. --record keeps the
// peer's answers as facts. What is compared and how to read the report: docs/internals/differential-test.md.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { acceptedDifference } from '../test/differential/accepted.ts';
import { bodyDifferences, differsIn, differsSoftlyIn } from '../test/differential/comparison.ts';
import { writeFacts } from '../test/differential/facts.ts';
import { kindsUnderTest, type KindUnderTest } from '../test/differential/kind-under-test.ts';
import { cleanUp, prepare } from '../test/differential/prepare.ts';
import { everything, replay } from '../test/differential/replay.ts';
import { runSteps } from '../test/differential/run-kind.ts';
import { ownServer, remoteServer, type ServerUnderTest } from '../test/differential/servers.ts';
import { sequenceOf } from '../test/differential/steps/sequence.ts';

const { values: options } = parseArgs({
  options: {
    peer: { type: 'string' },
    token: { type: 'string' },
    server: { type: 'string' },
    'server-token': { type: 'string' },
    kinds: { type: 'string', default: '' },
    'per-kind': { type: 'string', default: '200' },
    seed: { type: 'string', default: '36' },
    report: { type: 'string' },
    'report-folder': { type: 'string' },
    show: { type: 'string', default: '10' },
    parallel: { type: 'string', default: '6' },
    record: { type: 'boolean', default: false },
    replay: { type: 'boolean', default: false },
    unfinished: { type: 'boolean', default: false },
    open: { type: 'boolean', default: false },
  },
});
const pattern = new RegExp(options.kinds);
const kinds = kindsUnderTest(options.unfinished).filter((kind) => pattern.test(kind.id));
if (options.replay) {
  await using server = await ownServer(options.unfinished);
  let [compared, open, solved, wrong] = [0, 0, 0, 0];
  for (const kind of kinds) {
    const result = await replay(server, kind, everything);
    compared += result.compared;
    open += result.open.length;
    solved += result.solved;
    if (options.open) for (const one of result.open) console.log(`open: ${kind.id} ${one}`);
    wrong += result.contradictions.length;
    for (const one of result.contradictions) console.log(one);
  }
  console.log(`${compared} answers, ${open} known to differ, ${solved} no longer do, ${wrong} differ that did not`);
  process.exit(wrong === 0 ? 0 : 1);
}
if (options.peer === undefined || options.token === undefined) {
  console.error('usage: npm run differential -- --peer URL --token FILE [--kinds PATTERN] [--report FILE]');
  process.exit(2);
}
const tokenIn = (file: string): string => readFileSync(file, 'utf8').trim();
await using peer: ServerUnderTest = remoteServer('peer', options.peer, tokenIn(options.token));
await using own: ServerUnderTest =
  options.server === undefined
    ? await ownServer(options.unfinished)
    : remoteServer('server', options.server, tokenIn(options['server-token'] ?? options.token));

interface Difference {
  readonly step: string;
  readonly aspect: string;
  readonly accepted: string | undefined;
  readonly request: string;
  readonly peer: unknown;
  readonly own: unknown;
}
interface KindReport {
  readonly kind: string;
  readonly total: number;
  readonly agreed: number;
  readonly accepted: number;
  readonly messagesDiffer: number;
  readonly warningsDiffer: number;
  readonly differences: readonly Difference[];
  readonly soft: readonly {
    readonly step: string;
    readonly aspect: string;
    readonly peer: unknown;
    readonly own: unknown;
  }[];
}

const sequence = { seed: Number(options.seed), mutations: Number(options['per-kind']) };

async function compare(kind: KindUnderTest): Promise<KindReport> {
  const steps = sequenceOf(kind, sequence);
  const requests = new Map<string, string>();
  const run = async (server: ServerUnderTest) => {
    await prepare(server, kind);
    const outcomes = await runSteps(server, steps, ({ id }, { method, path: at, body }) => {
      const text = body === undefined ? '' : Buffer.from(body).toString('utf8').slice(0, 1_000);
      requests.set(id, `${method} ${at} ${text}`);
    });
    await cleanUp(server, kind);
    return outcomes;
  };
  const [peers, owns] = await Promise.all([run(peer), run(own)]);
  const differences: Difference[] = [];
  const soft: { step: string; aspect: string; peer: unknown; own: unknown }[] = [];
  for (const step of steps) {
    const theirs = peers.get(step.id);
    const ours = owns.get(step.id);
    if (step.silent === true || theirs === undefined || ours === undefined) continue;
    const aspect = differsIn(theirs, ours);
    if (aspect !== undefined) {
      const brief = ({ code, reason, causes, message }: typeof theirs) => ({ code, reason, causes, message });
      differences.push({
        step: step.id,
        aspect,
        accepted: acceptedDifference(kind.id, step.id, theirs, ours),
        request: requests.get(step.id) ?? '',
        peer: aspect === 'body' ? bodyDifferences(theirs.body, ours.body) : brief(theirs),
        own: aspect === 'body' ? '' : brief(ours),
      });
    } else
      for (const one of differsSoftlyIn(theirs, ours))
        soft.push({ step: step.id, aspect: one, peer: theirs[one], own: ours[one] });
  }
  if (options.record) writeFacts(kind.id, peers, owns);
  const total = peers.size;
  const report: KindReport = {
    kind: kind.id,
    total,
    agreed: total - differences.length,
    accepted: differences.filter((one) => one.accepted !== undefined).length,
    messagesDiffer: soft.filter((one) => one.aspect === 'message').length,
    warningsDiffer: soft.filter((one) => one.aspect === 'warnings').length,
    differences,
    soft,
  };
  if (options['report-folder'] !== undefined) {
    mkdirSync(options['report-folder'], { recursive: true });
    writeFileSync(path.join(options['report-folder'], `${kind.id}.json`), JSON.stringify(report, undefined, 1));
  }
  return report;
}

const queue = [...kinds];
const reports: KindReport[] = [];
const worker = async (): Promise<void> => {
  for (let kind = queue.shift(); kind !== undefined; kind = queue.shift()) reports.push(await compare(kind));
};
await Promise.all(Array.from({ length: Number(options.parallel) }, worker));
reports.sort((a, b) => (a.kind < b.kind ? -1 : 1));

/** The same difference in many kinds is told once. */
const groups = new Map<string, { count: number; example: Difference; kind: string }>();
for (const report of reports)
  for (const one of report.differences) {
    const first = Array.isArray(one.peer) ? String(one.peer[0]).replaceAll(/\/\d+\//g, '/*/') : '';
    const key = one.aspect === 'body' ? `body ${first}` : `${one.step} [${one.aspect}]`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { count: 1, example: one, kind: report.kind });
    else group.count++;
  }
const lines: string[] = [];
let total = 0;
let agreed = 0;
let explained = 0;
for (const report of reports) {
  total += report.total;
  agreed += report.agreed;
  explained += report.accepted;
  const rate = ((100 * report.agreed) / report.total).toFixed(1);
  lines.push(
    `${report.kind.padEnd(66)} ${String(report.agreed).padStart(5)}/${report.total} ${rate.padStart(5)} %  messages ${report.messagesDiffer}  warnings ${report.warningsDiffer}`,
  );
}
const share = (count: number): string => `${((100 * count) / total).toFixed(2)} %`;
lines.push(
  `all kinds: ${agreed} of ${total} agree, ${share(agreed)}, accepted with reasons ${share(explained)}, open ${share(total - agreed - explained)}`,
  '',
);
const shown = [...groups].toSorted(([, a], [, b]) => b.count - a.count);
for (const [key, { count, example, kind }] of shown)
  lines.push(
    `${count}x ${key} in ${kind} ${example.step}${example.accepted === undefined ? '' : ` (accepted: ${example.accepted})`}`,
    `   ${example.request.slice(0, 300)}`,
    `   peer ${JSON.stringify(example.peer).slice(0, 900)}`,
    `   own  ${JSON.stringify(example.own).slice(0, 900)}`,
  );
const summaryLines = reports.length + 2;
console.log(lines.slice(0, summaryLines + Number(options.show) * 4).join('\n'));
if (options['report-folder'] !== undefined)
  writeFileSync(path.join(options['report-folder'], 'SUMMARY.md'), `${lines.join('\n')}\n`);
if (options.report !== undefined)
  writeFileSync(options.report, JSON.stringify({ total, agreed, reports }, undefined, 1));
