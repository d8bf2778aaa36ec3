import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { LAYOUTS_DOC, layoutsDoc, sectionOf } from './layouts-doc.ts';
import { sourceFile } from './source-tree.ts';

it('docs/layouts.md says what src/layout does (npm run docs:layouts writes it)', async () => {
  expect(readFileSync(LAYOUTS_DOC, 'utf8')).toBe(await layoutsDoc());
});

it('a section has the picture, the fields that the code uses, and the sizes', () => {
  const text = `/**
 * A head of two fields.
 *
 * \`\`\`
 *  | a | b |
 * \`\`\`
 */
/** Positions in it. */
export const HeadAt = {
  a: 0,
  /** Starts behind a. */
  b: A_BYTES,
} as const;
const InnerAt = { c: 0x10 } as const;
/** The whole. */
export const HEAD_BYTES = 12;
export const HEAD_MAGIC = -1;
`;
  const exports = { HeadAt: { a: 0, b: 4 }, HEAD_BYTES: 12, HEAD_MAGIC: -1 };
  const section = sectionOf(sourceFile('src/layout/two-fields.ts', text), exports);
  expect(section).toBe(`## Two fields

\`src/layout/two-fields.ts\`

A head of two fields.

\`\`\`
 | a | b |
\`\`\`

\`HeadAt\`: Positions in it.

| field | byte | note |
| --- | ---: | --- |
| a | 0 |  |
| b | 4 | Starts behind a. |

\`InnerAt\`

| field | byte |
| --- | ---: |
| c | 16 |

| constant | value | note |
| --- | ---: | --- |
| \`HEAD_BYTES\` | 12 | The whole. |
| \`HEAD_MAGIC\` | 0xffffffff |  |
`);
  expect(sectionOf(sourceFile('src/layout/two-fields.ts', text), { ...exports, HeadAt: { a: 0, b: 8 } })).not.toBe(
    section,
  );
});
