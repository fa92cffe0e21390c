// Kernel settings below /proc/sys of this network namespace, each recorded with its old value before it is changed.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { HostChanges } from '#host/changes.ts';

/** `name` with slashes, such as `net/ipv4/ip_forward`. */
export function setSysctl(name: string, value: string, changes: HostChanges): void {
  const file = `/proc/sys/${name}`;
  try {
    const before = readFileSync(file, 'utf8').trim();
    if (before === value) return;
    changes.record({ type: 'sysctl', name, before });
    writeFileSync(file, value);
  } catch (error) {
    throw new OperatorError(
      `the kernel setting ${name.replaceAll('/', '.')} cannot be set to ${value}: ${messageOf(error)}`,
      `run as root, or set it yourself: sysctl -w ${name.replaceAll('/', '.')}=${value}`,
      { cause: error },
    );
  }
}

/** Bridged packets pass nftables only with this module; it may be built in, or loaded by someone else. */
export async function ensureBridgeNetfilter(): Promise<boolean> {
  const there = () => existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables');
  if (!there()) await new Promise<void>((resolve) => execFile('modprobe', ['br_netfilter'], () => resolve()));
  return there();
}
