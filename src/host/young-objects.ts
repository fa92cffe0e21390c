// Objects that a request makes die with it. V8 watches where objects are made, and puts what often lived long there into the old
// generation from the start ("pretenuring"). A burst of slow requests teaches it that of the request chain; from then on each
// request keeps itself, and what it refers to, until the next full collection, and collections of the young generation copy all of it.
import { setFlagsFromString } from 'node:v8';

/** For the whole process, once it has started: V8 takes the code cache only with the options of the build. */
export function keepNewObjectsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
