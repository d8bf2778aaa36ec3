/**
 * The tag filter of a pull: of its own subscription or of the one its group has sent with a heartbeat (spec/api.md 8.2 row 8, 8.5).
 * Both are made once and found again for each pull, by the bytes of the expression and by the object of the subscription.
 */
import { ByteKeyedMap } from '../base/byte-keyed-map.ts';
import { parseTagExpression, type TagFilter } from '../filter/tag-filter.ts';
import type { PullHeader } from '../remoting/pull-header.ts';
import type { SubscriptionView } from './control-protocol.ts';

/** A client may make up expressions without end; then all are forgotten and the live ones come back. */
const EXPRESSIONS_MAX = 4096;
/** Of the expressions; a filter takes some ten times as much. 4096 usual ones are less. */
const EXPRESSIONS_MAX_BYTES = 1024 * 1024;

const ALL_TAGS = parseTagExpression(null)!;
const TAG = Buffer.from('TAG');

export class PullFilters {
  #expressions = new ByteKeyedMap<TagFilter>();
  #expressionBytes = 0;
  readonly #subscriptions = new WeakMap<SubscriptionView, TagFilter>();

  /** The filter of the pull's own subscription; null when it does not parse. */
  ofRequest(header: PullHeader): TagFilter | null {
    if (!header.hasSubscription) return ALL_TAGS;
    const { names, subscriptionStart, subscriptionEnd } = header;
    const known = this.#expressions.get(names, subscriptionStart, subscriptionEnd);
    if (known !== undefined) return known;
    const filter = parseTagExpression(header.subscription());
    if (filter === null) return null;
    this.#keep(names.subarray(subscriptionStart, subscriptionEnd), filter);
    return filter;
  }

  #keep(expression: Uint8Array, filter: TagFilter): void {
    this.#expressionBytes += expression.length;
    if (this.#expressions.size === EXPRESSIONS_MAX || this.#expressionBytes > EXPRESSIONS_MAX_BYTES) {
      this.#expressions = new ByteKeyedMap();
      this.#expressionBytes = expression.length;
    }
    this.#expressions.set(expression, filter);
  }

  ofSubscription(subscription: SubscriptionView): TagFilter {
    if (subscription.codeSet.length === 0) return ALL_TAGS;
    const known = this.#subscriptions.get(subscription);
    if (known !== undefined) return known;
    const codes = new Set(subscription.codeSet);
    const filter = { ...ALL_TAGS, subString: subscription.expression, codes };
    this.#subscriptions.set(subscription, filter);
    return filter;
  }
}

/** Does the filter let everything through, without a look at the tags? */
export function isForAll(filter: TagFilter): boolean {
  return filter.subString === ALL_TAGS.subString;
}

/** No type, or TAG. */
export function hasTagType(header: PullHeader): boolean {
  if (!header.hasExpressionType) return true;
  const { names, expressionTypeStart: start, expressionTypeEnd: end } = header;
  if (end === start) return true;
  return (
    end - start === TAG.length && names[start] === TAG[0] && names[start + 1] === TAG[1] && names[start + 2] === TAG[2]
  );
}
