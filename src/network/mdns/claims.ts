// The names that this node claims in its links: each is probed for, announced, defended, and said goodbye to (RFC 6762, 8 to
// 10). A name that somebody else holds is left to him, and asked for again later: a Route cannot take another name.
import type { Clock, Timer } from '#base/clock.ts';
import { fraction, type Random } from '#base/random.ts';
import { encodeProbe, encodeReply, type MdnsMessage } from '#wire/mdns-message.ts';
import { addressRecords, otherHolder, plainTtlSeconds, replyTo, winsProbe, type LinkAddress } from './answers.ts';

export interface Link {
  readonly name: string;
  readonly addresses: readonly LinkAddress[];
}

export interface Sender {
  /** To everybody on the link, or to one. */
  send(link: string, message: Uint8Array, to?: { readonly address: string; readonly port: number }): void;
}

const mdnsPort = 5353;
const probeGapMs = 250;
const probes = 3;
const announceGapMs = 1_000;
const lostProbeWaitMs = 1_000;
const takenRetryMs = 300_000;
/** The same answer is multicast at most so often; a probe is answered sooner, since it does not wait. */
const answerGapMs = 1_000;
const probeAnswerGapMs = 250;
/** Of a packet: a frame of Ethernet, less what IPv6 and UDP take of it. */
const packetBytesMax = 1_452;
const headerBytes = 12;
/** Of a question and a record, behind the name. */
const questionBytes = 4;
const recordBytes = 10 + 16;

type State = 'probing' | 'held' | 'taken';

interface Claim {
  state: State;
  /** Who has it, of `taken`. */
  holder: string;
  /** When it was last multicast, by link. */
  readonly saidMs: Map<string, number>;
}

export class Claims {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sender: Sender;
  readonly #onTaken: (name: string, holder: string) => void;
  readonly #claims = new Map<string, Claim>();
  readonly #timers = new Set<Timer>();
  #links: readonly Link[] = [];

  constructor(clock: Clock, random: Random, sender: Sender, onTaken: (name: string, holder: string) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#sender = sender;
    this.#onTaken = onTaken;
  }
  /** Names that others have, with their address. */
  get taken(): readonly { readonly name: string; readonly holder: string }[] {
    return [...this.#claims].flatMap(([name, { state, holder }]) => (state === 'taken' ? [{ name, holder }] : []));
  }
  setNames(names: ReadonlySet<string>): void {
    const gone = [...this.#claims.keys()].filter((name) => !names.has(name));
    this.#sayGoodbye(gone);
    for (const name of gone) this.#claims.delete(name);
    const added = [...names].filter((name) => !this.#claims.has(name));
    for (const name of added) this.#claims.set(name, { state: 'probing', holder: '', saidMs: new Map() });
    this.#probe(added);
  }
  /** Everything is claimed anew where an address or a link is another. */
  setLinks(links: readonly Link[]): void {
    if (JSON.stringify(links) === JSON.stringify(this.#links)) return;
    this.#links = links;
    this.#restart([...this.#claims.keys()]);
  }
  receive(linkName: string, message: MdnsMessage, from: { readonly address: string; readonly port: number }): void {
    const link = this.#links.find((one) => one.name === linkName);
    if (link === undefined) return;
    // What the own host says is no conflict: another of its links, or another responder on it.
    const isOwn = this.#links.some((one) => one.addresses.some(({ address }) => address === from.address));
    if (!isOwn) this.#look(link, message);
    if (!message.isResponse) this.#answer(link, message, from);
  }
  /** Says goodbye to all. */
  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#sayGoodbye([...this.#claims.keys()]);
    this.#claims.clear();
  }

  #look(link: Link, message: MdnsMessage): void {
    const said = message.isResponse ? [...message.answers, ...message.additionals] : message.authorities;
    const lost: string[] = [];
    for (const name of new Set(said.map((one) => one.name))) {
      const claim = this.#claims.get(name);
      if (claim === undefined || claim.state === 'taken') continue;
      const holder = otherHolder(said, name, link.addresses);
      if (holder === undefined) continue;
      if (message.isResponse && claim.state === 'probing') this.#give(name, claim, holder);
      // Somebody took it while both were apart: who does not defend it in the next probes loses it.
      else if (message.isResponse) lost.push(name);
      else if (
        claim.state === 'probing' &&
        !winsProbe(
          link.addresses,
          message.authorities.filter((one) => one.name === name),
        )
      )
        this.#after(lostProbeWaitMs, [name], (names) => this.#probe(names), claim);
    }
    this.#restart(lost);
  }
  #give(name: string, claim: Claim, holder: string): void {
    claim.state = 'taken';
    claim.holder = holder;
    this.#onTaken(name, holder);
    this.#after(takenRetryMs, [name], (names) => this.#restart(names));
  }
  #restart(names: readonly string[]): void {
    for (const name of names) this.#claims.set(name, { state: 'probing', holder: '', saidMs: new Map() });
    this.#probe(names);
  }
  #probe(names: readonly string[]): void {
    if (names.length === 0) return;
    const step = (left: number) => (still: readonly string[]) => {
      if (left === 0) return this.#announce(still);
      for (const link of this.#links)
        for (const part of parts(still, link.addresses.length)) {
          const claims = part.flatMap((name) => addressRecords(name, link.addresses));
          this.#sender.send(link.name, encodeProbe(part, claims));
        }
      this.#after(probeGapMs, still, step(left - 1));
    };
    this.#after(Math.floor(fraction(this.#random) * probeGapMs), names, step(probes));
  }
  #announce(names: readonly string[]): void {
    for (const name of names) this.#claims.get(name)!.state = 'held';
    this.#say(names);
    this.#after(announceGapMs, names, (still) => this.#say(still));
  }
  #say(names: readonly string[], ttl?: number): void {
    for (const link of this.#links)
      for (const part of parts(names, link.addresses.length)) {
        const answers = part.flatMap((name) => addressRecords(name, link.addresses, ttl));
        if (answers.length > 0) this.#sender.send(link.name, encodeReply({ answers, denials: [] }));
        for (const name of part) this.#claims.get(name)?.saidMs.set(link.name, this.#clock.monotonicMs());
      }
  }
  #sayGoodbye(names: readonly string[]): void {
    this.#say(
      names.filter((name) => this.#claims.get(name)?.state === 'held'),
      0,
    );
  }
  #answer(link: Link, message: MdnsMessage, from: { readonly address: string; readonly port: number }): void {
    const now = this.#clock.monotonicMs();
    const isHeld = (name: string) => this.#claims.get(name)?.state === 'held';
    if (from.port !== mdnsPort) {
      const reply = replyTo(message, isHeld, link.addresses, plainTtlSeconds);
      if (reply !== undefined) this.#sender.send(link.name, encodeReply(reply, message), from);
      return;
    }
    const gapMs = message.authorities.length > 0 ? probeAnswerGapMs : answerGapMs;
    const isQuiet = (name: string) => now - (this.#claims.get(name)?.saidMs.get(link.name) ?? -Infinity) >= gapMs;
    const alone = { ...message, questions: message.questions.filter((one) => one.wantsUnicast) };
    const toAll = { ...message, questions: message.questions.filter((one) => !one.wantsUnicast && isQuiet(one.name)) };
    const direct = replyTo(alone, isHeld, link.addresses);
    if (direct !== undefined) this.#sender.send(link.name, encodeReply(direct), from);
    const reply = replyTo(toAll, isHeld, link.addresses);
    if (reply === undefined) return;
    this.#sender.send(link.name, encodeReply(reply));
    for (const { name } of [...reply.answers, ...reply.denials]) this.#claims.get(name)?.saidMs.set(link.name, now);
  }
  /** With the names that are, then, still in the same claim and not given away. */
  #after(delayMs: number, names: readonly string[], act: (names: readonly string[]) => void, renewed?: Claim): void {
    if (renewed !== undefined)
      for (const name of names) this.#claims.set(name, { ...renewed, saidMs: new Map(renewed.saidMs) });
    const before = names.map((name) => this.#claims.get(name));
    const state = before[0]?.state;
    const timer = this.#clock.schedule(delayMs, () => {
      this.#timers.delete(timer);
      const still = names.filter((name, at) => {
        const claim = this.#claims.get(name);
        return claim !== undefined && claim === before[at] && claim.state === state;
      });
      if (still.length > 0) act(still);
    });
    this.#timers.add(timer);
  }
}

/** As many names a packet as fit, each with its question and its addresses; names are not compressed. */
function parts(names: readonly string[], addresses: number): string[][] {
  const result: string[][] = [];
  let room = 0;
  for (const name of names) {
    const nameBytes = name.length + 2;
    const bytes = nameBytes + questionBytes + addresses * (nameBytes + recordBytes);
    if (bytes > room) {
      result.push([]);
      room = packetBytesMax - headerBytes;
    }
    result.at(-1)!.push(name);
    room -= bytes;
  }
  return result;
}
