// UDP sockets of a link-local multicast protocol, on chosen interfaces. Bytes only. Each message is told with the interface
// that it came in by, which is found by the sender's address: what does not come from the link itself is dropped.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { BlockList } from 'node:net';
import { messageOf } from '#base/errors.ts';
import type { LanInterface } from './linux/addresses.ts';

export interface MulticastGroup {
  readonly port: number;
  readonly ipv4: string;
  readonly ipv6: string;
}
export interface Peer {
  readonly address: string;
  readonly port: number;
}

export interface MulticastSockets extends AsyncDisposable {
  /** Takes part on these interfaces and no others; on none, no socket is open. Gives what does not work, by interface or for all. */
  use(interfaces: readonly LanInterface[]): Promise<readonly string[]>;
  /** To the group, or to one peer. Nothing happens where the interface is gone. */
  send(interfaceName: string, message: Uint8Array, to?: Peer): void;
}

type Family = 'IPv4' | 'IPv6';
const families: readonly Family[] = ['IPv4', 'IPv6'];
/** Link-local protocols send with it; a router would have taken one away. */
const timeToLive = 255;

interface Wanted {
  readonly family: Family;
  readonly one: LanInterface;
  readonly own: LanInterface['addresses'];
  readonly key: string;
}
/** One interface in one address family. */
interface Membership {
  readonly family: Family;
  readonly key: string;
  readonly sender: Socket;
  readonly onLink: BlockList;
}

const bind = (socket: Socket, port: number, address: string): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port, address, exclusive: false }, () => {
      socket.removeListener('error', reject);
      socket.on('error', () => undefined);
      resolve();
    });
  });
const close = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));

export function openMulticastSockets(
  group: MulticastGroup,
  onMessage: (interfaceName: string, message: Uint8Array, from: Peer) => void,
): MulticastSockets {
  const receivers = new Map<Family, Socket>();
  /** By family and interface. */
  const members = new Map<string, Membership>();
  const groupOf = (family: Family) => (family === 'IPv4' ? group.ipv4 : group.ipv6);
  const memberOf = (family: Family, name: string) => members.get(`${family} ${name}`);

  /** Node sends in a later turn, and drops what is left when the socket closes. */
  const sending = new Set<Promise<void>>();
  const sendBy = (socket: Socket, message: Uint8Array, port: number, address: string): void => {
    const sent: Promise<void> = new Promise<void>((resolve) => {
      socket.send(message, port, address, () => resolve());
    }).finally(() => sending.delete(sent));
    sending.add(sent);
  };
  const socketFor = (family: Family): Socket => {
    const socket = createSocket({
      type: family === 'IPv4' ? 'udp4' : 'udp6',
      reuseAddr: true,
      ipv6Only: family === 'IPv6',
    });
    socket.on('message', (message, from) => hear(family, message, from));
    return socket;
  };
  const hear = (family: Family, message: Uint8Array, from: RemoteInfo): void => {
    const [address = '', scope] = from.address.split('%');
    for (const [id, member] of members) {
      const name = id.slice(family.length + 1);
      if (member.family !== family || (scope !== undefined && scope !== name)) continue;
      if (!member.onLink.check(address, family === 'IPv4' ? 'ipv4' : 'ipv6')) continue;
      return onMessage(name, message, { address: from.address, port: from.port });
    }
  };
  const receiver = async (family: Family): Promise<Socket> => {
    const known = receivers.get(family);
    if (known !== undefined) return known;
    const socket = socketFor(family);
    try {
      await bind(socket, group.port, family === 'IPv4' ? '0.0.0.0' : '::');
    } catch (error) {
      await close(socket);
      throw error;
    }
    receivers.set(family, socket);
    return socket;
  };
  const leave = async (id: string, { family, sender }: Membership): Promise<void> => {
    members.delete(id);
    const name = id.slice(family.length + 1);
    try {
      receivers
        .get(family)
        ?.dropMembership(groupOf(family), family === 'IPv4' ? sender.address().address : `::%${name}`);
    } catch {
      // The interface is gone, and its membership with it.
    }
    await close(sender);
  };
  const join = async (
    family: Family,
    one: LanInterface,
    own: LanInterface['addresses'],
    key: string,
  ): Promise<void> => {
    const listening = await receiver(family);
    // Of IPv6 the link-local address: it is there on every interface, and peers use theirs.
    const from = own.find(({ address }) => family === 'IPv4' || address.startsWith('fe80:')) ?? own[0]!;
    const local = family === 'IPv4' ? from.address : `::%${one.name}`;
    const sender = socketFor(family);
    try {
      await bind(sender, group.port, family === 'IPv4' ? from.address : `${from.address}%${one.name}`);
      sender.setMulticastInterface(local);
      sender.setMulticastTTL(timeToLive);
      sender.setTTL(timeToLive);
      sender.setMulticastLoopback(true);
      try {
        listening.addMembership(groupOf(family), local);
      } catch (error) {
        // Two addresses of one interface are one membership.
        if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
      }
    } catch (error) {
      await close(sender);
      throw error;
    }
    const onLink = new BlockList();
    for (const { address, prefix } of own)
      onLink.addSubnet(
        address,
        Number(prefix.split('/')[1] ?? (family === 'IPv4' ? 32 : 128)),
        family === 'IPv4' ? 'ipv4' : 'ipv6',
      );
    members.set(`${family} ${one.name}`, { family, key, sender, onLink });
  };
  const sockets: MulticastSockets = {
    async use(interfaces) {
      await Promise.all(sending);
      const wanted = new Map<string, Wanted>(
        interfaces.flatMap((one) =>
          families.flatMap((family) => {
            const own = one.addresses.filter((address) => address.family === family);
            return own.length === 0
              ? []
              : [[`${family} ${one.name}`, { family, one, own, key: JSON.stringify(own) }] as const];
          }),
        ),
      );
      for (const [id, member] of members) if (wanted.get(id)?.key !== member.key) await leave(id, member);
      if (wanted.size === 0) {
        await Promise.all([...receivers.values()].map(close));
        receivers.clear();
      }
      const problems = new Set<string>();
      for (const [id, { family, one, own, key }] of wanted) {
        if (members.has(id)) continue;
        try {
          await join(family, one, own, key);
        } catch (error) {
          // IPv6 beside IPv4 is more than is needed.
          if (family === 'IPv4' || memberOf('IPv4', one.name) === undefined)
            problems.add(`${one.name}: ${messageOf(error)}`);
        }
      }
      return [...problems];
    },
    send(interfaceName, message, to) {
      for (const family of families) {
        const member = memberOf(family, interfaceName);
        if (member === undefined) continue;
        if (to === undefined) sendBy(member.sender, message, group.port, groupOf(family));
        else if (to.address.includes(':') === (family === 'IPv6')) sendBy(member.sender, message, to.port, to.address);
      }
    },
    async [Symbol.asyncDispose]() {
      await sockets.use([]);
    },
  };
  return sockets;
}
