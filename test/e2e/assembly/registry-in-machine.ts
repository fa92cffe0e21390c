// Run inside a test machine: registry-in-machine.ts DIRECTORY PORT serves a registry with a login and one image until it is ended.
import { startDockerRegistry, testImage } from '../node/registry.ts';

const [directory = '', port = ''] = process.argv.slice(2);
const registry = await startDockerRegistry(directory, Number(port));
process.once('SIGTERM', () => {
  registry.stop();
  process.exit(0);
});
await registry.push('team/app', '1', await testImage('app'));
console.log('the registry serves');
setInterval(() => undefined, 60_000);
