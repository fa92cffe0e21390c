// Plain JavaScript for any Node.js: asks URL (HTTPS, any certificate) every 5 ms until it answers 200, then prints the time in
// milliseconds since the epoch.   node ready-probe.mjs URL TIMEOUT-SECONDS
import https from 'node:https';

const [url, timeoutSeconds] = process.argv.slice(2);
const end = Date.now() + Number(timeoutSeconds) * 1000;
const ask = () =>
  new Promise((resolve) => {
    const request = https.get(url, { rejectUnauthorized: false, agent: false, timeout: 2000 }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
while (!(await ask())) {
  if (Date.now() > end) process.exit(1);
  await new Promise((resolve) => setTimeout(resolve, 5));
}
console.log(Date.now());
