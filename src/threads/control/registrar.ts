/** Makes the broker known at its NameServers, from the moment that it listens. Part of control. */
import { addressText } from '../../base/address-text.ts';
import { after } from '../../base/clock.ts';
import { BrokerRegistration, type TopicSnapshot } from '../../broker/registration.ts';
import { RemotingClient } from '../../transport/remoting-client.ts';
import { advertisedHost, isHostGuessed } from '../advertised-host.ts';
import type { Address } from '../thread-messages.ts';
import type { WorkerContext } from '../worker-context.ts';

/** A start does not wait longer than this for NameServers that do not answer; registration goes on behind it. */
const FIRST_REGISTRATION_MS = 2_000;

export class Registrar {
  readonly #context: WorkerContext;
  readonly #topics: () => TopicSnapshot;
  #registration: BrokerRegistration | null = null;
  #client: RemotingClient | null = null;

  constructor(context: WorkerContext, topics: () => TopicSnapshot) {
    this.#context = context;
    this.#topics = topics;
  }

  topicsChanged(names: readonly string[]): void {
    this.#registration?.topicChanged(names);
  }

  async start({ host: listening, port }: Address, addresses: string): Promise<void> {
    const { settings, log } = this.#context;
    const nameServers = addresses.split(';').filter((address) => address !== '');
    if (nameServers.length === 0) return;
    const host = advertisedHost(settings, listening);
    const client = new RemotingClient({ onClosed: (address) => this.#registration?.connectionLost(address) });
    const registration = new BrokerRegistration({
      client,
      nameServers,
      identity: {
        clusterName: settings.brokerClusterName,
        brokerName: settings.brokerName,
        brokerAddr: addressText(host, port),
        brokerId: settings.brokerId,
        haServerAddr: addressText(host, port + 1),
        heartbeatTimeoutMs: null,
        enableActingMaster: null,
        zoneName: null,
        asDialled: isHostGuessed(settings, listening),
      },
      topics: this.#topics,
      log: (line, level) => log(level, line),
      brokerPermission: settings.brokerPermission,
      compressed: settings.compressedRegister,
      timeoutMs: settings.registerBrokerTimeoutMills,
    });
    this.#client = client;
    this.#registration = registration;
    registration.start(settings.registerNameServerPeriod);
    await new Promise<void>((resolve) => {
      // Stopped when the answers are there: a timer that runs on would hold a broker that ends soon.
      const patience = after(FIRST_REGISTRATION_MS, resolve);
      void registration.registerAll().then(() => {
        patience.stop();
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    await this.#registration?.unregisterAll();
    this.#client?.close();
  }
}
