/** `npm run docs:layouts`. */
import { writeFileSync } from 'node:fs';
import { LAYOUTS_DOC, layoutsDoc } from './layouts-doc.ts';

writeFileSync(LAYOUTS_DOC, await layoutsDoc());
