// Reads long YAML texts on threads of their own: reading takes a second a megabyte and more, in which nothing else would be
// answered. A thread lives for one text; few of them at once, the rest wait their turn.
import { yamlThreadsMax } from '#base/limits.ts';
import { YamlSyntaxError } from '#wire/yaml.ts';
import { startWorker } from './worker.ts';

export interface YamlQuestion {
  readonly bytes: Uint8Array;
  readonly duplicates: boolean;
}
export type YamlAnswer =
  | { readonly type: 'read'; readonly json: string; readonly duplicates: string[] }
  | { readonly type: 'refused'; readonly message: string };

/** Of one thread: enough for the longest body, too little for one that grows when it is read. */
const threadMemoryMb = 512;

let running = 0;
const waiting: (() => void)[] = [];

/** As parseYaml; rejects with the signal's reason when the caller goes, and then the thread ends as well. */
export async function parseYamlOnThread(
  question: YamlQuestion,
  signal: AbortSignal,
): Promise<{ value: unknown; duplicates: string[] }> {
  if (running >= yamlThreadsMax) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    signal.throwIfAborted();
    const answer = await ask(question, signal);
    if (answer.type === 'refused') throw new YamlSyntaxError(answer.message);
    return { value: JSON.parse(answer.json) as unknown, duplicates: answer.duplicates };
  } finally {
    // The place goes to who waits longest.
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}

function ask(question: YamlQuestion, signal: AbortSignal): Promise<YamlAnswer> {
  return new Promise<YamlAnswer>((resolve, reject) => {
    const worker = startWorker('yaml', {
      workerData: question,
      resourceLimits: { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: threadMemoryMb },
    });
    const gone = (): void => {
      void worker.terminate();
      reject(signal.reason instanceof Error ? signal.reason : new Error('the client has gone'));
    };
    signal.addEventListener('abort', gone, { once: true });
    worker.once('message', (answer: YamlAnswer) => {
      resolve(answer);
      void worker.terminate();
    });
    // Its memory is over, mostly.
    worker.once('error', () => reject(new YamlSyntaxError('yaml: the document takes too much memory')));
    worker.once('exit', () => {
      signal.removeEventListener('abort', gone);
      reject(new YamlSyntaxError('yaml: the document could not be read'));
    });
  });
}
