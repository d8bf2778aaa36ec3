/** Vitest's set-up of each file: whatever a failed test left running ends with the file. */
import { afterAll } from 'vitest';
import { cleanUp } from './clean-up.ts';

afterAll(cleanUp);
