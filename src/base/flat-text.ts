// A text in one piece. V8 keeps a text that was put together, or cut out of another, as its parts: JSON.stringify then takes twice
// as long for all of an object, and what was cut out keeps all that it was cut from.

/** Shorter ones are copied at once. */
const partsLengthMin = 13;
const room = Buffer.allocUnsafeSlow(256);

/** The same text; longer ones, and those beyond Latin-1, as they are. */
export function flatText(text: string): string {
  if (text.length < partsLengthMin || text.length > room.length) return text;
  const flat = room.toString('latin1', 0, room.write(text, 'latin1'));
  return flat === text ? flat : text;
}
