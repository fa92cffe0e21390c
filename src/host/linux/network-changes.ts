// Tells that addresses or routes of this machine changed. The kernel says so on a netlink socket (rtnetlink(7)); Node can wait
// on no such socket, so the kernel raises SIGIO for it: no process, no thread, no polling. What changed is read elsewhere.
import type { DynamicLibraryResult } from 'node:ffi';

const definitions = {
  socket: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  bind: { return: 'i32', arguments: ['i32', 'buffer', 'u32'] },
  fcntl: { return: 'i32', arguments: ['i32', 'i32', 'i64'] },
  recv: { return: 'i64', arguments: ['i32', 'buffer', 'u64', 'i32'] },
  close: { return: 'i32', arguments: ['i32'] },
} as const;

const netlinkFamily = 16;
const rawNonBlockingCloseOnExec = 3 | 0o4000 | 0o2000000;
/** RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR. */
const groups = 0x10 | 0x40 | 0x100;
const setOwner = 8;
const setFlags = 4;
const nonBlockingWithSignal = 0o4000 | 0o20000;

type Functions = DynamicLibraryResult<typeof definitions>['functions'];
let functions: Functions | undefined;
const listeners = new Set<() => void>();
/** Stays for good: SIGIO without a handler would end the process, and one may be on its way when a socket closes. */
let handling = false;

/** Throws when this system gives no such socket. */
export function onNetworkChange(listener: () => void): Disposable {
  functions ??= process.getBuiltinModule('node:ffi').dlopen('libc.so.6', definitions).functions;
  const { socket, bind, fcntl, recv, close } = functions;
  const descriptor = socket(netlinkFamily, rawNonBlockingCloseOnExec, 0);
  const address = Buffer.alloc(12);
  address.writeUInt16LE(netlinkFamily, 0);
  address.writeUInt32LE(groups, 8);
  if (descriptor < 0 || bind(descriptor, address, address.length) !== 0) {
    if (descriptor >= 0) close(descriptor);
    throw new Error('the kernel gives no netlink socket');
  }
  const waste = Buffer.alloc(8_192);
  const drain = (): void => {
    let received = false;
    while (recv(descriptor, waste, BigInt(waste.length), 0) > 0n) received = true;
    if (received) listener();
  };
  if (!handling) process.on('SIGIO', () => listeners.forEach((one) => one()));
  handling = true;
  listeners.add(drain);
  fcntl(descriptor, setOwner, BigInt(process.pid));
  fcntl(descriptor, setFlags, BigInt(nonBlockingWithSignal));
  return {
    [Symbol.dispose]() {
      if (listeners.delete(drain)) close(descriptor);
    },
  };
}
