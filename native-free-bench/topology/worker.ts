/** A thread of the topology benchmark: runs its agents until all are done, and sleeps on its bell when none has work. */
import { parentPort, workerData } from 'node:worker_threads';
import { BlockingSleeper, Doorbell } from '../../src/ring/doorbell.ts';
import { StatusPage } from '../../src/ring/status-page.ts';
import {
  type Agent,
  APPEND,
  AppendAgent,
  DISPATCH,
  DispatchAgent,
  FIRST_NET,
  type Memories,
  NetAgent,
  type Plan,
} from './agents.ts';

export interface WorkerTask {
  readonly plan: Plan;
  readonly memories: Memories;
  /** Numbers of the agents that this thread runs; the first one's bell is the thread's. */
  readonly agents: readonly number[];
  /** Which thread's bell each agent has. */
  readonly bellOf: readonly number[];
}

const { plan, memories, agents, bellOf } = workerData as WorkerTask;
const page = new StatusPage(memories.page);
const bell = (agent: number) => new Doorbell(memories.page, page.bellAt(bellOf[agent]!));

function agentOf(number: number): Agent {
  if (number === DISPATCH) return new DispatchAgent(plan, memories);
  if (number >= FIRST_NET) return new NetAgent(plan, memories, number - FIRST_NET, bell(APPEND));
  const nets = Array.from({ length: plan.nets }, (_, i) => bell(FIRST_NET + i));
  return new AppendAgent(plan, memories, nets, bell(DISPATCH));
}

const own = agents.map(agentOf);
const sleeper = new BlockingSleeper(memories.page, page.bellAt(bellOf[agents[0]!]!));
const hasWork = () => own.some((agent) => agent.hasWork());

parentPort!.once('message', () => {
  while (!own.every((agent) => agent.isDone())) {
    let work = 0;
    for (const agent of own) work += agent.doWork();
    if (work === 0 && !own.every((agent) => agent.isDone())) sleeper.sleep(hasWork, 1000);
  }
  parentPort!.postMessage('done');
});
parentPort!.postMessage('ready');
