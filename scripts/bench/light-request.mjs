// Plain JavaScript for any Node.js: while others load the server, asks URL (HTTPS, any certificate) every 20 ms over one
// connection; prints the 99th percentile and the maximum of the answer times in ms.   node light-request.mjs URL SECONDS
import https from 'node:https';

const [url, seconds] = process.argv.slice(2);
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
const times = [];
const end = Date.now() + Number(seconds) * 1000;
while (Date.now() < end) {
  times.push(await ask());
  await new Promise((resolve) => setTimeout(resolve, 20));
}
times.sort((a, b) => a - b);
console.log(times[Math.floor(times.length * 0.99)].toFixed(2), times.at(-1).toFixed(2));
