// Test client: `count` GETs, one after another or every `everyMs`, each on a new connection unless `keep`; prints `STATUS BODY` or error codes.
import http from 'node:http';
import https from 'node:https';

interface Order {
  url: string;
  count: number;
  everyMs?: number;
  keep?: boolean;
  host?: string;
  connectTo?: string;
  headers?: Record<string, string>;
  timeoutMs?: number;
}
const order = JSON.parse(process.argv[2]!) as Order;
const url = new URL(order.url);
const secure = url.protocol === 'https:';
const agent = new (secure ? https : http).Agent({
  keepAlive: order.keep === true,
  maxSockets: order.keep === true ? 2 : Infinity,
});
const get = (): Promise<string> =>
  new Promise((resolve) => {
    const request = (secure ? https : http).request(
      {
        host: order.connectTo ?? url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port || (secure ? 443 : 80),
        path: `${url.pathname}${url.search}`,
        headers: { host: order.host ?? url.host, ...order.headers },
        agent,
        timeout: order.timeoutMs ?? 5_000,
        ...(secure ? { rejectUnauthorized: false, servername: url.hostname } : {}),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => (body += part));
        response.on('end', () => resolve(`${response.statusCode} ${response.headers.location ?? body}`));
        response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      },
    );
    request.on('timeout', () => request.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.end();
  });
const results: Promise<string>[] = [];
for (let done = 0; done < order.count; done++) {
  const one = get();
  results.push(one);
  if (order.everyMs === undefined) await one;
  else await new Promise((resolve) => setTimeout(resolve, order.everyMs));
}
process.stdout.write(JSON.stringify(await Promise.all(results)));
agent.destroy();
