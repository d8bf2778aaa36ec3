/**
 * Consumer groups that pulls have named, that this thread does not know, and that control has been asked for: once each, however many
 * pulls wait for the answer. Bounded in bytes over all groups; part of the net thread.
 */
import type { GroupEnsured } from '../../broker/pull-ports.ts';

/** What is kept of pulls that wait for their groups. */
const WAITING_MAX_BYTES = 16 * 1024 * 1024;
/** For the objects of a pull that has no long names. */
const PULL_BYTES = 512;

interface MissingGroup {
  readonly name: string;
  readonly waiting: GroupEnsured[];
  bytes: number;
}

export class MissingGroups {
  readonly #byTicket = new Map<number, MissingGroup>();
  readonly #byName = new Map<string, MissingGroup>();
  #bytes = 0;
  #count = 0;

  /** Pulls that wait. */
  get count(): number {
    return this.#count;
  }

  hasRoom(bytes: number): boolean {
    return this.#bytes + PULL_BYTES + bytes <= WAITING_MAX_BYTES;
  }

  /** False when control has not been asked for the group: nobody waits for it then. */
  wait(name: string, bytes: number, then: GroupEnsured): boolean {
    const group = this.#byName.get(name);
    if (group === undefined) return false;
    group.waiting.push(then);
    group.bytes += PULL_BYTES + bytes;
    this.#bytes += PULL_BYTES + bytes;
    this.#count++;
    return true;
  }

  /** Control is asked under `ticket`, for the pull of `then` and those that come after it. */
  asked(ticket: number, name: string, bytes: number, then: GroupEnsured): void {
    const group: MissingGroup = { name, waiting: [], bytes: 0 };
    this.#byTicket.set(ticket, group);
    this.#byName.set(name, group);
    this.wait(name, bytes, then);
  }

  /** Control's answer, passed on to all that wait for it, in their order. False when the ticket is no group's. */
  ensured(ticket: number, code: number, remark: string | null): boolean {
    const group = this.#byTicket.get(ticket);
    if (group === undefined) return false;
    this.#byTicket.delete(ticket);
    this.#byName.delete(group.name);
    this.#bytes -= group.bytes;
    this.#count -= group.waiting.length;
    for (const then of group.waiting) then(code, remark);
    return true;
  }
}
