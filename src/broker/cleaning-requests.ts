/** Requests of operators to delete what is not kept any longer (329, 306). Spec/api.md 15.6; both are answered before it is done. */
import { type Answer, SUCCESS } from './answer.ts';
import type { CleaningPort } from './control-ports.ts';

/** 329: files of the log that have expired go now, whatever the hour. */
export function deleteExpiredCommitLog(cleaning: CleaningPort): Answer {
  cleaning.deleteExpiredFiles();
  return SUCCESS;
}

/**
 * 306: files of queues go whose messages are all gone. Upstream also drops queues that hold none any more, and starts their offsets at 0
 * again while groups have larger ones; here a queue keeps its number.
 */
export function cleanExpiredConsumeQueue(cleaning: CleaningPort): Answer {
  cleaning.cleanQueues();
  return SUCCESS;
}
