/** Vitest's set-up of each file of the suite: whatever a failed test left running ends with the file. */
import { afterAll } from 'vitest';
import { cleanUp } from './harness/clean-up.ts';

afterAll(cleanUp);
