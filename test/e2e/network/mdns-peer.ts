// Another host of the LAN, with multicast DNS on its address: prints every message that it hears as a line of JSON with the
// time in ms, and sends what it is told on its standard input: questions (from port 5353 or another), claims, probes.
import dnsPacket, { type Answer, type RecordType } from 'dns-packet';
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

const [address = ''] = process.argv.slice(2);
const scope = address.split('%')[1];
const type = scope === undefined ? 'udp4' : 'udp6';
const group = scope === undefined ? '224.0.0.251' : 'ff02::fb';
/** What stands for the interface. */
const link = scope === undefined ? address : `::%${scope}`;
const port = 5353;

const print = (direct: boolean, bytes: Buffer, from: string) => {
  if (from === address) return;
  const { type, id, questions, answers, authorities } = dnsPacket.decode(bytes);
  console.log(JSON.stringify({ atMs: performance.now(), direct, from, type, id, questions, answers, authorities }));
};
const open = async (local: string, localPort: number, direct: boolean) => {
  const socket = createSocket({ type, reuseAddr: true, ipv6Only: scope !== undefined });
  socket.on('message', (bytes, from) => print(direct, bytes, from.address));
  await new Promise<void>((resolve) => socket.bind(localPort, local, resolve));
  return socket;
};
const listening = await open(scope === undefined ? '0.0.0.0' : '::', port, false);
listening.addMembership(group, link);
// What is sent to this host alone arrives here.
const own = await open(address, port, true);
const plain = await open(address, 0, true);
for (const socket of [own, plain]) {
  socket.setMulticastInterface(link);
  socket.setMulticastTTL(255);
}

interface Command {
  readonly questions?: readonly { readonly name: string; readonly type: RecordType }[];
  readonly wantsUnicast?: boolean;
  readonly plain?: boolean;
  readonly known?: readonly Answer[];
  readonly claims?: readonly Answer[];
  readonly answers?: readonly Answer[];
  readonly bytes?: string;
}
createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line) as Command;
  if (command.bytes !== undefined) {
    own.send(Buffer.from(command.bytes, 'hex'), port, group);
    return;
  }
  const questions = (command.questions ?? []).map((one) => ({ ...one, class: 'IN' as const }));
  const message = dnsPacket.encode({
    type: command.answers === undefined ? 'query' : 'response',
    id: command.plain === true ? 77 : 0,
    flags: command.answers === undefined ? 0 : 1 << 10,
    questions,
    answers: [...(command.answers ?? command.known ?? [])],
    authorities: [...(command.claims ?? [])],
  });
  // The highest bit of the class of the last question.
  if (command.wantsUnicast === true) message[message.length - 2] = 0x80;
  (command.plain === true ? plain : own).send(message, port, group);
});
console.log('{"ready":true}');
