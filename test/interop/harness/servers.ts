/** What a running server looks like to a test, whoever made it. */
import type { Child } from '../../support/child.ts';

export interface NameServer {
  /** host:port */
  readonly namesrv: string;
  readonly child: Child;
  stop(): Promise<void>;
}

export interface Server extends NameServer {
  /** host:port of the broker */
  readonly broker: string;
  /** The store's folder. */
  readonly store: string;
}
