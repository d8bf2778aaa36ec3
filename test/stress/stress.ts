/** The long form: `npm run stress -- --seconds 600` shares the time among the scenarios and prints what each counted. */
import { parseArgs } from 'node:util';
import { stress } from './scenario.ts';
import { SOUND } from './scenarios.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds ${values.seconds} is not a time`);

for (const { scenario, variant, edits } of SOUND) {
  const counts = await stress({ scenario, seconds: seconds / SOUND.length, ...(edits === undefined ? {} : { edits }) });
  const text = Object.entries(counts).map(([name, count]) => `${name} ${count.toLocaleString('en')}`);
  console.log(`ok  ${scenario.name}, ${variant}: ${text.join(', ')}`);
}
