// Steady traffic for tests, plain JavaScript for any Node.js: a request every INTERVAL ms, each on a new connection, until SIGTERM;
// then one line of JSON: how many succeeded, which failed when, and the first success after the last failure.
//   node traffic.mjs https ADDRESS PORT HOST INTERVAL
//   node traffic.mjs http ADDRESS PORT HOST INTERVAL
//   node traffic.mjs dns ADDRESS 53 NAME INTERVAL
import dgram from 'node:dgram';
import http from 'node:http';
import https from 'node:https';

const [kind, address, port, name, interval] = process.argv.slice(2);
const timeoutMs = kind === 'dns' ? 500 : 10_000;
let succeeded = 0;
let inFlight = 0;
const failures = [];
/** Since the first failure, for the time of recovery. */
const successes = [];
let lastFailureBegan = 0;

function request() {
  return new Promise((resolve, reject) => {
    const options = {
      host: address,
      port: Number(port),
      path: '/',
      agent: false,
      timeout: timeoutMs,
      headers: { host: name },
    };
    const done = (response) => {
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)),
      );
      response.resume();
    };
    const outgoing =
      kind === 'https'
        ? https.get({ ...options, servername: name, rejectUnauthorized: false }, done)
        : http.get(options, done);
    outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.on('error', reject);
  });
}

function lookup() {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
    const message = Buffer.concat([
      Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
      ...labels,
      Buffer.from([0, 0, 1, 0, 1]),
    ]);
    const timer = setTimeout(() => finish(new Error('timed out')), timeoutMs);
    const finish = (error) => {
      clearTimeout(timer);
      socket.close();
      if (error) reject(error);
      else resolve();
    };
    socket.on('message', (answer) =>
      (answer[3] & 15) === 0 && answer.readUInt16BE(6) > 0 ? finish() : finish(new Error(`code ${answer[3] & 15}`)),
    );
    socket.on('error', finish);
    socket.send(message, Number(port), address, (error) => error && finish(error));
  });
}

const timer = setInterval(async () => {
  if (inFlight > 200) return;
  inFlight++;
  const began = Date.now();
  try {
    await (kind === 'dns' ? lookup() : request());
    succeeded++;
    if (failures.length > 0 && successes.length < 100_000) successes.push({ began, at: Date.now() });
  } catch (error) {
    lastFailureBegan = Math.max(lastFailureBegan, began);
    if (failures.length < 1000) failures.push({ at: began, error: error.message });
  }
  inFlight--;
}, Number(interval));

process.on('SIGTERM', async () => {
  clearInterval(timer);
  const end = Date.now() + timeoutMs;
  while (inFlight > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  // A failure is known only when it times out: what counts is the first success that was asked for after the last failure was.
  const recovered = successes.filter((one) => one.began > lastFailureBegan).map((one) => one.at);
  const recoveredAt = recovered.length === 0 ? 0 : Math.min(...recovered);
  console.log(JSON.stringify({ succeeded, failed: failures.length, recoveredAt, failures: failures.slice(0, 10) }));
  process.exit(0);
});
