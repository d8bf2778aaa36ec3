/** A broker's settings as text. Called on control for request 26; pure. */
import { printProperties } from '../remoting/properties-text.ts';
import type { BrokerSettings } from './broker-settings.ts';

/** What a broker.conf that gives the same settings would say; what follows from them is left out. */
export function settingsText({ brokerAddress: _derived, ...settings }: BrokerSettings): string {
  return printProperties(Object.entries(settings));
}
