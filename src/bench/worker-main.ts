/** Entry of every worker thread of the benchmark. Its first call decides what the thread is: a load, a pace or a consume worker. */
import { Consumption } from './consume-worker.ts';
import { LoadSession } from './load-worker.ts';
import { pace } from './pacer.ts';
import { serveCalls } from './workers.ts';

let load: LoadSession | null = null;
let consumption: Consumption | null = null;

serveCalls({
  async connect(spec) {
    load = await LoadSession.open(spec);
  },
  load: (timing) => begun(load).run(timing),
  async pace(spec) {
    pace(spec);
  },
  async consume(spec) {
    consumption = await Consumption.start(spec);
  },
  async measure(window) {
    begun(consumption).measure(window);
  },
  verify: (expectation) => begun(consumption).verify(expectation),
});

function begun<Session>(session: Session | null): Session {
  if (session === null) throw new Error('the calls of a worker came in the wrong order');
  return session;
}
