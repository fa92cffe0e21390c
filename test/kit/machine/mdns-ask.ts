// Asks the local network for the address of a name, as a client with multicast DNS: `mdns-ask.ts OWN-ADDRESS NAME` prints the
// first address that somebody else says, or nothing after five seconds.
import dnsPacket from 'dns-packet';
import { createSocket } from 'node:dgram';

const [own = '', name = ''] = process.argv.slice(2);
const group = { address: '224.0.0.251', port: 5353 };
const question = dnsPacket.encode({ type: 'query', questions: [{ type: 'A', name, class: 'IN' }] });

const socket = createSocket({ type: 'udp4', reuseAddr: true });
socket.on('message', (message, from) => {
  if (from.address === own) return;
  const answer = dnsPacket
    .decode(message)
    .answers?.find((one) => one.type === 'A' && one.name === name && one.ttl !== 0);
  if (answer === undefined) return;
  console.log(String(answer.type === 'A' ? answer.data : ''));
  process.exit(0);
});
socket.bind(group.port, () => {
  socket.addMembership(group.address, own);
  socket.setMulticastInterface(own);
  socket.setMulticastTTL(255);
  const ask = () => socket.send(question, group.port, group.address);
  ask();
  setInterval(ask, 1_000);
  setTimeout(() => process.exit(1), 5_000);
});
