// A thread that reads one YAML text and says what it is as JSON. It is ended by whoever started it.
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '#base/errors.ts';
import { parseYaml } from '#wire/yaml.ts';
import type { YamlAnswer, YamlQuestion } from './yaml-thread.ts';

const { bytes, duplicates } = workerData as YamlQuestion;
const answer = (what: YamlAnswer): void => parentPort?.postMessage(what);

parseYaml(bytes, { duplicates }).then(
  (parsed) => answer({ type: 'read', json: JSON.stringify(parsed.value), duplicates: parsed.duplicates }),
  (error: unknown) => answer({ type: 'refused', message: messageOf(error) }),
);
