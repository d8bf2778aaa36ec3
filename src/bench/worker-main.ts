/** Entry of every worker thread of the benchmark. Its first call decides what the thread is: a load, a pace or a consume worker. */
import { Consumption } from './consume-worker.ts';
import { runLoad } from './load-worker.ts';
import { pace } from './pacer.ts';
import { serveCalls } from './workers.ts';

let consumption: Consumption | null = null;

serveCalls({
  load: runLoad,
  async pace(spec) {
    pace(spec);
  },
  async consume(spec) {
    consumption = await Consumption.start(spec);
  },
  verify(expectation) {
    if (consumption === null) throw new Error('verify comes after consume');
    return consumption.verify(expectation);
  },
});
