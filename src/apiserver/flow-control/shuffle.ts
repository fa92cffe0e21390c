// Shuffle sharding: a flow always gets the same few queues, and two flows seldom all the same ones. Pure. KEP-1040.

/** 53 bits of a text: two rounds of FNV-1a with different starts. Not for secrets. */
export function hashOf(text: string): number {
  let high = 0x811c9dc5;
  let low = 0xc9dc5118;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x01000193) ^ (high >>> 13);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

/** `handSize` different numbers below `deckSize`, drawn by the hash. */
export function deal(hash: number, deckSize: number, handSize: number): number[] {
  const hand: number[] = [];
  let rest = hash;
  for (let dealt = 0; dealt < Math.min(handSize, deckSize); dealt++) {
    const remaining = deckSize - dealt;
    let card = rest % remaining;
    rest = Math.floor(rest / remaining);
    // Cards that are gone are stepped over, lowest first.
    for (const gone of hand.toSorted((a, b) => a - b)) if (gone <= card) card++;
    hand.push(card);
  }
  return hand;
}
