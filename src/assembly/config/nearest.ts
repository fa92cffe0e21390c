// The known name that somebody may have meant.

const farthest = 3;

/** Undefined: none is near. The last part of a path counts as well: `ingress.http` is near `ingress.ports.http`. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  let found: { readonly one: string; readonly distance: number } | undefined;
  for (const one of known) {
    if (Math.abs(one.length - wanted.length) > farthest) continue;
    const distance = editDistance(one.toLowerCase(), wanted);
    if (distance <= Math.min(farthest, wanted.length / 2) && (found === undefined || distance < found.distance))
      found = { one, distance };
  }
  if (found !== undefined) return found.one;
  const last = wanted.split('.').at(-1);
  const sameEnd = known.filter((one) => one.toLowerCase().split('.').at(-1) === last);
  return sameEnd.length === 1 ? sameEnd[0] : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
