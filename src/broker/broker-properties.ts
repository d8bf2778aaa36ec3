/**
 * The properties that a broker adds to every message that is sent to it: region, trace switch, cluster, and a UNIQ_KEY where the client
 * has set none (spec/api.md 5.1). They follow the client's own, so that of equal names the broker's counts. Used by the send family.
 */
import type { Random } from '../base/random.ts';
import { encodeProperties, PROPERTY_ENTRY_END } from '../layout/message-properties.ts';
import { PropertyName } from '../layout/property-names.ts';
import type { BrokerSettings } from './broker-settings.ts';

const UNIQ_KEY_DIGITS = 32;
/** Digits of one draw. */
const DRAW_DIGITS = 8;

export class BrokerProperties {
  /** What answers to sends say of the broker. */
  readonly extFields: Map<string, string>;
  readonly #random: Random;
  readonly #plain: Uint8Array;
  readonly #withEnd: Uint8Array;
  readonly #plainView: DataView;
  readonly #withEndView: DataView;
  /** What {@link added} has returned last, as words. */
  addedView: DataView;
  /** Where the key lies in what {@link added} has returned last, when it made one. */
  keyStart = 0;
  readonly keyLength = UNIQ_KEY_DIGITS;

  constructor(settings: Pick<BrokerSettings, 'regionId' | 'traceOn' | 'brokerClusterName'>, random: Random) {
    this.#random = random;
    this.extFields = new Map([
      [PropertyName.MSG_REGION, settings.regionId],
      [PropertyName.TRACE_ON, String(settings.traceOn)],
    ]);
    const own = new Map([...this.extFields, [PropertyName.CLUSTER, settings.brokerClusterName]]);
    this.#plain = Buffer.from(encodeProperties(own));
    this.#withEnd = Buffer.from([PROPERTY_ENTRY_END, ...this.#plain]);
    this.#plainView = viewOf(this.#plain);
    this.#withEndView = viewOf(this.#withEnd);
    this.addedView = this.#plainView;
  }

  /** What follows the client's properties. `needsEnd`: they lack the mark behind the last; `hasKey`: one of them is the UNIQ_KEY. */
  added(needsEnd: boolean, hasKey: boolean): Uint8Array {
    const common = needsEnd ? this.#withEnd : this.#plain;
    this.addedView = needsEnd ? this.#withEndView : this.#plainView;
    if (hasKey) return common;
    const entry = Buffer.from(encodeProperties(new Map([[PropertyName.UNIQ_KEY, this.#uniqueKey()]])));
    this.keyStart = common.length + PropertyName.UNIQ_KEY.length + 1;
    const added = Buffer.concat([common, entry]);
    this.addedView = viewOf(added);
    return added;
  }

  #uniqueKey(): string {
    let key = '';
    while (key.length < UNIQ_KEY_DIGITS) {
      key += this.#random.below(0x1_0000_0000).toString(16).toUpperCase().padStart(DRAW_DIGITS, '0');
    }
    return key;
  }
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
