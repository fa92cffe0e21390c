// Addresses that a Route never leads to: whoever may write EndpointSlices could reach the machine itself, or its cloud's
// metadata, through the router. Upstream's list. Pure.

const metadata = new Set(['168.63.129.16', 'fd00:ec2::254']);

const restrictedV4 = (ip: string): boolean => {
  const [first = 0, second = 0] = ip.split('.').map(Number);
  return first === 127 || ip === '0.0.0.0' || (first === 169 && second === 254) || (first >= 224 && first <= 239);
};

/** The last 32 bits of `::a.b.c.d`, `::ffff:a.b.c.d` and their hexadecimal forms, as IPv4. */
function embeddedV4(ip: string): string | undefined {
  const [, dotted, high, low] =
    /^(?:0*:)*:?(?:ffff:)?(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/.exec(ip) ?? [];
  if (dotted !== undefined) return dotted;
  if (high === undefined || low === undefined) return undefined;
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join('.');
}

export function isRestrictedAddress(address: string): boolean {
  const ip = address.toLowerCase();
  if (metadata.has(ip)) return true;
  if (!ip.includes(':')) return restrictedV4(ip);
  if (/^(?:0*:)*:?0*1?$/.test(ip)) return true;
  if (/^(?:fe[89ab][0-9a-f]|ff[0-9a-f]{2}):/.test(ip)) return true;
  const embedded = embeddedV4(ip);
  return embedded !== undefined && restrictedV4(embedded);
}
