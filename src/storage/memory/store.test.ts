import { storeConformance } from '../conformance.ts';
import { createMemoryStore } from './store.ts';

storeConformance('memory', { open: async (options) => createMemoryStore(options) });
