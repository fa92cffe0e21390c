// systemd-logind's word before a shutdown (https://systemd.io/INHIBITOR_LOCKS/), by systemd's own programs: a delay lock is a process of
// systemd-inhibit, the signal comes from busctl. Whoever sends a signal of that name, it is logind itself that is asked then.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { type HostChanges, recordMissingParents } from '../changes.ts';

export interface ShutdownInhibitor {
  /** Makes logind grant delays of so long, should it not. */
  allowDelay(seconds: number): Promise<void>;
  /** A shutdown waits until this is disposed of, this process has ended, or the granted time is over. */
  inhibit(): Promise<Disposable>;
  /** The machine is about to shut down. */
  isPreparing(): Promise<boolean>;
  /** Calls when the answer of `isPreparing` may be another, at once too; until aborted or the bus ends. */
  watch(onHint: () => void, signal: AbortSignal): Promise<void>;
}

const call = promisify(execFile);
const callTimeoutMs = 5_000;
const logind = ['org.freedesktop.login1', '/org/freedesktop/login1', 'org.freedesktop.login1.Manager'] as const;
const match = `type='signal',sender='${logind[0]}',interface='${logind[2]}',member='PrepareForShutdown'`;
/** Upstream's, of which there is to be one. */
const overrideFile = '99-kubelet.conf';

async function property(name: string): Promise<string> {
  const { stdout } = await call('busctl', ['--system', 'get-property', ...logind, name], { timeout: callTimeoutMs });
  return stdout.trim().split(' ').at(-1) ?? '';
}
const delaySeconds = async (): Promise<number> => Number(await property('InhibitDelayMaxUSec')) / 1e6;

export const shutdownInhibitor = (
  changes: HostChanges,
  configuration = '/etc/systemd/logind.conf.d',
): ShutdownInhibitor => ({
  async allowDelay(seconds) {
    if ((await delaySeconds()) >= seconds) return;
    const file = path.join(configuration, overrideFile);
    recordMissingParents(changes, file);
    changes.record({ type: 'file', file, before: existsSync(file) ? readFileSync(file, 'utf8') : null });
    mkdirSync(configuration, { recursive: true, mode: 0o755 });
    const text = `# So that Pods have the time of kubelet.shutdownGracePeriod.\n[Login]\nInhibitDelayMaxSec=${Math.ceil(seconds)}\n`;
    writeFileSync(file, text, { mode: 0o644 });
    await call('systemctl', ['kill', '--signal=HUP', 'systemd-logind.service'], { timeout: callTimeoutMs });
    // It reads its configuration when it comes to it.
    for (let waitMs = 100; waitMs <= 1_600; waitMs *= 2) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      if ((await delaySeconds()) >= seconds) return;
    }
    throw new Error(`logind still grants delays of ${await delaySeconds()} s only, not of ${seconds} s`);
  },
  async inhibit() {
    const options = ['--what=shutdown', '--who=microshift', '--why=Pods end first', '--mode=delay'];
    // `cat` ends with this process, whose pipe it reads; the lock with it.
    const child = spawn('systemd-inhibit', [...options, 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    child.unref();
    return { [Symbol.dispose]: () => child.stdin.end() };
  },
  isPreparing: async () => (await property('PreparingForShutdown')) === 'true',
  watch: (onHint, signal) =>
    new Promise<void>((resolve, reject) => {
      // Ends with this process, however that ends.
      const monitor = ['--pdeathsig', 'TERM', 'busctl', '--system', `--match=${match}`, 'monitor'];
      const child = spawn('setpriv', monitor, { stdio: ['ignore', 'pipe', 'ignore'], signal });
      child.once('error', (error) => (signal.aborted ? resolve() : reject(error)));
      child.once('exit', (code) =>
        signal.aborted ? resolve() : reject(new Error(`busctl ended with ${code}: the bus is not there any more`)),
      );
      child.stdout.on('data', onHint);
      child.once('spawn', onHint);
    }),
});
