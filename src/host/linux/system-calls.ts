// The system calls that Node has no function for, made in this process through node:ffi (docs/decisions/0002-system-calls.md):
// no process is started for a mount. Everything else of the host goes through Node's own modules.
import type * as Ffi from 'node:ffi';

export const mountFlag = {
  readOnly: 1,
  noSuid: 2,
  noDev: 4,
  noExec: 8,
  remount: 32,
  bind: 4096,
  recursive: 16384,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
} as const;

export const unmountFlag = { force: 1, detach: 2, noFollow: 8 } as const;

export class SystemCallError extends Error {
  readonly errno: number;
  readonly call: string;
  constructor(call: string, errno: number, description: string) {
    super(`${call}: ${description}`);
    this.name = 'SystemCallError';
    this.call = call;
    this.errno = errno;
  }
}

export const errno = { EPERM: 1, ENOENT: 2, EBUSY: 16, EINVAL: 22 } as const;

const definitions = {
  mount: { return: 'i32', arguments: ['string', 'string', 'string', 'u64', 'string'] },
  umount2: { return: 'i32', arguments: ['string', 'i32'] },
  madvise: { return: 'i32', arguments: ['u64', 'u64', 'i32'] },
  malloc_trim: { return: 'i32', arguments: ['u64'] },
  __errno_location: { return: 'pointer', arguments: [] },
  strerror: { return: 'pointer', arguments: ['i32'] },
} as const;

interface Library {
  readonly ffi: typeof Ffi;
  readonly functions: ReturnType<typeof Ffi.dlopen<typeof definitions>>['functions'];
}
let library: Library | undefined;

/** Loaded at the first call; asked of the process, which works in a single executable too. */
function libc(): Library {
  if (library === undefined) {
    const ffi = process.getBuiltinModule('node:ffi');
    library = { ffi, functions: ffi.dlopen('libc.so.6', definitions).functions };
  }
  return library;
}

function check(call: string, result: number): void {
  if (result === 0) return;
  const { ffi, functions } = libc();
  const code = ffi.getInt32(functions.__errno_location(), 0);
  throw new SystemCallError(call, code, ffi.toString(functions.strerror(code)) ?? `error ${code}`);
}

/** mount(2). Blocks for as long as the kernel does: microseconds for bind and tmpfs, which is all that it is used for. */
export function mount(source: string, target: string, type: string, flags: number, data = ''): void {
  check(`mount ${source} on ${target}`, libc().functions.mount(source, target, type, BigInt(flags), data));
}

/** umount2(2). */
export function unmount(target: string, flags = 0): void {
  check(`unmount ${target}`, libc().functions.umount2(target, flags));
}

/** madvise(2) with MADV_DONTNEED. Of pages that are not as in their file it would lose what was written. */
export function releaseMapped(start: bigint, bytes: bigint): void {
  check('madvise', libc().functions.madvise(start, bytes, 4));
}

/** malloc_trim(3): memory that was freed goes back to the system. Half a millisecond. */
export function returnFreedMemory(): void {
  libc().functions.malloc_trim(0n);
}
