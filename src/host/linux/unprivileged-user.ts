// A user without rights for a worker that faces the network: the first of some names that this machine has.
import { readFileSync } from 'node:fs';

export interface UserIds {
  readonly userId: number;
  readonly groupId: number;
}

/** Of the text of passwd(5). */
export function findUser(passwd: string, names: readonly string[]): UserIds | undefined {
  const rows = new Map(passwd.split('\n').map((line) => [line.split(':')[0], line.split(':')]));
  const fields = names.map((name) => rows.get(name)).find((one) => one !== undefined);
  const [userId, groupId] = [Number(fields?.[2]), Number(fields?.[3])];
  return fields === undefined || !Number.isInteger(userId) || !Number.isInteger(groupId) || userId === 0
    ? undefined
    : { userId, groupId };
}

/** Undefined: this process is not root and cannot become another, or there is no such user. */
export function unprivilegedUser(names: readonly string[]): UserIds | undefined {
  if (process.getuid?.() !== 0) return undefined;
  try {
    return findUser(readFileSync('/etc/passwd', 'utf8'), names);
  } catch {
    return undefined;
  }
}
