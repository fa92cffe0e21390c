// Plain JavaScript for any Node.js: while others load the server, asks URL (HTTPS, any certificate) every 20 ms over one
// connection; says `asks` when it has its first answer. At SIGTERM prints the 99th percentile and the maximum of the answer times in
// ms.   node light-request.mjs URL
import https from 'node:https';

const [url] = process.argv.slice(2);
const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
const ask = () =>
  new Promise((resolve, reject) => {
    const began = performance.now();
    https
      .get(url, { agent }, (response) => {
        response.resume();
        response.on('end', () => resolve(performance.now() - began));
      })
      .on('error', reject);
  });
await ask();
console.log('asks');
const times = [];
process.on('SIGTERM', () => {
  times.sort((a, b) => a - b);
  console.log('p99', times[Math.floor(times.length * 0.99)].toFixed(2), 'max', times.at(-1).toFixed(2));
  process.exit(0);
});
for (;;) {
  times.push(await ask());
  await new Promise((resolve) => setTimeout(resolve, 20));
}
