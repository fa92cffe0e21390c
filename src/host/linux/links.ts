// Addresses, routes and the pod bridge of this host through iproute2, each recorded before it is made. A few commands at start
// only, so a process each is fine.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { HostChanges } from '#host/changes.ts';

const run = (args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    execFile('ip', [...args], { timeout: 10_000 }, (error, _out, said) => {
      if (error === null) resolve();
      else reject(new Error(`ip ${args.join(' ')}: ${said.trim() || messageOf(error)}`, { cause: error }));
    });
  });

const needsRoot = (what: string, error: unknown): OperatorError =>
  new OperatorError(
    `${what} failed: ${messageOf(error)}`,
    'the node role needs root (CAP_NET_ADMIN) and the package iproute2',
    { cause: error },
  );

/** Gives `link` the address with this prefix length, if it has it not. */
export async function ensureAddress(
  link: string,
  address: string,
  prefix: number,
  changes: HostChanges,
): Promise<void> {
  if (networkInterfaces()[link]?.some((one) => one.address === address) === true) return;
  changes.record({ type: 'address', link, address: `${address}/${prefix}` });
  try {
    // An IPv6 address that is looked for on the link first cannot be used for seconds, on a bridge without Pods for ever.
    const now = address.includes(':') ? ['nodad'] : [];
    await run(['address', 'replace', `${address}/${prefix}`, 'dev', link, ...now]);
  } catch (error) {
    throw needsRoot(`giving ${address} to ${link}`, error);
  }
}

/** Fixed, so that it does not follow the ports and Pods need not learn it anew. */
const bridgeHardwareAddress = (name: string): string => {
  const digest = createHash('sha256').update(name).digest();
  return ['0a', ...[0, 1, 2, 3, 4].map((at) => digest[at]!.toString(16).padStart(2, '0'))].join(':');
};

export async function ensureBridge(name: string, changes: HostChanges): Promise<void> {
  try {
    await run(['link', 'show', 'dev', name]);
  } catch {
    changes.record({ type: 'link', name });
    try {
      await run(['link', 'add', 'name', name, 'address', bridgeHardwareAddress(name), 'type', 'bridge']);
    } catch (error) {
      throw needsRoot(`making the bridge ${name}`, error);
    }
  }
  await run(['link', 'set', 'dev', name, 'up']);
}

/** `route` as `ip route` takes it, such as `['unreachable', '10.43.0.0/16', 'metric', '4278198272']`. */
export async function ensureRoute(family: '4' | '6', route: readonly string[], changes: HostChanges): Promise<void> {
  changes.record({ type: 'route', family, route });
  try {
    await run([`-${family}`, 'route', 'replace', ...route]);
  } catch (error) {
    throw needsRoot(`the route ${route.join(' ')}`, error);
  }
}

/** Nothing happens when it is not there. */
export async function removeRoute(family: '4' | '6', route: readonly string[]): Promise<void> {
  try {
    await run([`-${family}`, 'route', 'delete', ...route]);
  } catch (error) {
    if (!/No such process/.test(messageOf(error))) throw error;
  }
}
