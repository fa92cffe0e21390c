// Whether an address lies in one of some CIDRs.

export const addressBits = (ip: string): bigint => {
  if (!ip.includes(':')) return ip.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  const [head = '', tail] = ip.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const all = [...first, ...Array<string>(tail === undefined ? 0 : 8 - first.length - last.length).fill('0'), ...last];
  return all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
};

export function rangeTest(cidrs: readonly string[]): (ip: string) => boolean {
  const ranges = cidrs.map((cidr) => {
    const [base = '', length = '0'] = cidr.split('/');
    const six = base.includes(':');
    const shift = BigInt((six ? 128 : 32) - Number(length));
    return { six, shift, prefix: addressBits(base) >> shift };
  });
  return (ip) =>
    ranges.some(({ six, shift, prefix }) => six === ip.includes(':') && addressBits(ip) >> shift === prefix);
}

/** The n-th address of an IPv4 or IPv6 range, such as the first: the bridge's. */
export function addressAt(cidr: string, index: number | bigint): string {
  const [base = ''] = cidr.split('/');
  const value = addressBits(base) + BigInt(index);
  if (!base.includes(':')) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - at * 16)) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}
