// Plain JavaScript for any Node.js: makes Pods at once over HTTPS (any certificate, TOKEN of the environment) and prints in ms from the
// first request when the last was created, scheduled and Ready, as a watch tells it.   node pod-times.mjs SERVER NAMESPACE PREFIX COUNT
import https from 'node:https';

const [server, namespace, prefix, countText] = process.argv.slice(2);
const count = Number(countText);
const headers = { authorization: `Bearer ${process.env.TOKEN}`, 'content-type': 'application/json' };
const agent = new https.Agent({ keepAlive: true, maxSockets: 8, rejectUnauthorized: false });
const pods = `${server}/api/v1/namespaces/${namespace}/pods`;

function fail(error) {
  console.error(error.message);
  process.exit(1);
}
function send(method, url, body) {
  return new Promise((resolve, reject) => {
    const outgoing = https.request(url, { method, headers, agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => (text += part));
      answer.on('end', () =>
        answer.statusCode < 300 ? resolve(JSON.parse(text)) : reject(new Error(`${answer.statusCode}: ${text}`)),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
const manifest = (name) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { set: prefix } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'c', image: 'localhost/microshift/busybox:1', command: ['sleep', '3600'] }],
  },
});

// Connections are there before time counts.
const [{ metadata }] = await Promise.all(
  Array.from({ length: Math.min(8, count) }, () => send('GET', `${pods}?limit=1`)),
);
let began;
const states = { created: new Set(), scheduled: new Set(), ready: new Set() };
function note(state, name) {
  if (states[state].has(name)) return;
  states[state].add(name);
  if (states[state].size === count) console.log(state, Math.round(performance.now() - began));
  if (Object.values(states).every((names) => names.size === count)) process.exit(0);
}
function seen({ object }) {
  const has = (type) => object.status.conditions?.some((one) => one.type === type && one.status === 'True') === true;
  if (has('PodScheduled')) note('scheduled', object.metadata.name);
  if (has('Ready')) note('ready', object.metadata.name);
}
const query = `watch=true&labelSelector=set%3D${prefix}&resourceVersion=${metadata.resourceVersion}`;
const watching = https.get(`${pods}?${query}`, { headers, agent: false, rejectUnauthorized: false }, (answer) => {
  let rest = '';
  answer.setEncoding('utf8').on('data', (part) => {
    const lines = (rest + part).split('\n');
    rest = lines.pop();
    for (const line of lines) seen(JSON.parse(line));
  });
  answer.on('end', () => fail(new Error('the watch ended')));
  began = performance.now();
  for (let index = 0; index < count; index++) {
    const name = `${prefix}-${index}`;
    send('POST', pods, JSON.stringify(manifest(name))).then(() => note('created', name), fail);
  }
});
watching.on('error', fail);
