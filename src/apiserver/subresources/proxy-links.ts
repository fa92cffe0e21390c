// Links of a proxied page lead back through the proxy: absolute paths get the proxy's path in front, in Location headers and
// in the attributes of HTML that hold one address. Everything else of the page passes as it came, and as it comes.

export interface ProxyPlace {
  /** Path of the proxy subresource itself, without what is asked of the pod. */
  readonly prefix: string;
  /** `host:port` of the pod, and the host that the client asked: links to either are the page's own. */
  readonly hosts: readonly string[];
}

const parts = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)([^]*)$/i;

export function throughProxy(link: string, { prefix, hosts }: ProxyPlace): string {
  const found = parts.exec(link);
  if (found === null) return link;
  const [, , host = '', path = '', rest = ''] = found;
  if (!path.startsWith('/') || (host !== '' && !hosts.includes(host))) return link;
  if (path === prefix || path.startsWith(`${prefix}/`)) return `${path}${rest}`;
  return `${prefix}${path}${rest}`;
}

const linkAttributes: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};
/** What is between these tags is no markup. */
const rawElements = new Set([
  'script',
  'style',
  'textarea',
  'title',
  'xmp',
  'noscript',
  'noembed',
  'noframes',
  'iframe',
]);
const attribute = /([\s"'/])([a-z]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/gi;

function rewriteTag(tag: string, name: string, place: ProxyPlace): string {
  const wanted = Object.hasOwn(linkAttributes, name) ? linkAttributes[name]! : [];
  if (wanted.length === 0) return tag;
  return tag.replaceAll(attribute, (whole: string, before: string, key: string, equals: string, value: string) => {
    if (!wanted.includes(key.toLowerCase())) return whole;
    const quote = value.startsWith('"') || value.startsWith("'") ? value[0]! : '';
    const link = quote === '' ? value : value.slice(1, -1);
    return `${before}${key}${equals}${quote}${throughProxy(link, place)}${quote}`;
  });
}

/** Position of the `>` that ends the tag, outside of quotes; -1: not there yet, and in which quote the text ends. */
function endOfTag(text: string, from: number, open: string): { readonly at: number; readonly quote: string } {
  let quote = open;
  for (let at = from; at < text.length; at++) {
    const one = text[at]!;
    if (quote !== '') {
      if (one === quote) quote = '';
    } else if (one === '"' || one === "'") quote = one;
    else if (one === '>') return { at, quote };
  }
  return { at: -1, quote };
}

/** Held back at most while a tag or comment is not complete; a longer one passes unchanged. */
const heldCharactersMax = 65_536;

class LinkRewriter {
  readonly #place: ProxyPlace;
  #held = '';
  /** What is held is the beginning of a tag, which ends in this quote, or of a comment, with these last characters. */
  #begun: { readonly quote: string } | { readonly tail: string } | undefined;
  /** The name of the raw element that the text is in. */
  #raw = '';

  constructor(place: ProxyPlace) {
    this.#place = place;
  }

  add(text: string): string {
    if (!this.#ends(text)) {
      this.#held += text;
      return this.#held.length <= heldCharactersMax ? '' : this.#release();
    }
    const all = this.#held + text;
    this.#begun = undefined;
    let [output, at] = ['', 0];
    while (at < all.length) {
      const step = this.#step(all, at);
      if (step === undefined) break;
      output += step.text;
      at = step.end;
    }
    this.#held = all.slice(at);
    return this.#held.length <= heldCharactersMax ? output : output + this.#release();
  }
  #release(): string {
    const held = this.#held;
    this.#held = '';
    this.#begun = undefined;
    return held;
  }
  /** Pages come in pieces as small as the pod likes: what is held is not looked through again with each of them. */
  #ends(text: string): boolean {
    const begun = this.#begun;
    if (begun === undefined) return true;
    if ('quote' in begun) {
      const { at, quote } = endOfTag(text, 0, begun.quote);
      this.#begun = { quote };
      return at >= 0;
    }
    const seen = begun.tail + text;
    this.#begun = { tail: seen.slice(-2) };
    return seen.includes('-->');
  }
  end(): string {
    return this.#held;
  }

  /** The next piece; undefined: more text is needed to know. */
  #step(all: string, at: number): { readonly text: string; readonly end: number } | undefined {
    const open = all.indexOf('<', at);
    if (open < 0) return { text: all.slice(at), end: all.length };
    if (open > at) return { text: all.slice(at, open), end: open };
    if (this.#raw !== '') {
      const closing = `</${this.#raw}`;
      const here = all.slice(at, at + closing.length).toLowerCase();
      if (here.length < closing.length && closing.startsWith(here)) return undefined;
      if (here !== closing) return { text: '<', end: at + 1 };
      this.#raw = '';
      return { text: all.slice(at, at + closing.length), end: at + closing.length };
    }
    if (all.length - at < 4) return undefined;
    if (all.startsWith('<!--', at)) {
      const close = all.indexOf('-->', at + 4);
      if (close < 0) this.#begun = { tail: all.slice(Math.max(at + 4, all.length - 2)) };
      return close < 0 ? undefined : { text: all.slice(at, close + 3), end: close + 3 };
    }
    const name = /^[a-z][^\s/>]*/i.exec(all.slice(at + 1, at + 33))?.[0].toLowerCase();
    if (name === undefined) return { text: '<', end: at + 1 };
    const { at: close, quote } = endOfTag(all, at + 1, '');
    if (close < 0) {
      this.#begun = { quote };
      return undefined;
    }
    const tag = all.slice(at, close + 1);
    if (rawElements.has(name) && !tag.endsWith('/>')) this.#raw = name;
    return { text: rewriteTag(tag, name, this.#place), end: close + 1 };
  }
}

/** The page with its links rewritten, whatever its encoding: markup is ASCII in all that browsers take without a mark. */
export async function* rewriteLinks(page: AsyncIterable<Uint8Array>, place: ProxyPlace): AsyncGenerator<Uint8Array> {
  const rewriter = new LinkRewriter(place);
  for await (const chunk of page) {
    const text = rewriter.add(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1'));
    if (text !== '') yield Buffer.from(text, 'latin1');
  }
  const rest = rewriter.end();
  if (rest !== '') yield Buffer.from(rest, 'latin1');
}
