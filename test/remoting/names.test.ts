import { describe, expect, it } from 'vitest';
import {
  clientGroupError,
  clientTopicError,
  deadLetterTopicOf,
  groupOfTopic,
  isDeadLetterTopic,
  isRetryTopic,
  isSendForbidden,
  isSystemTopic,
  popRetryTopicOf,
  retryTopicOf,
  topicError,
  withNamespace,
  withoutNamespace,
} from '../../src/remoting/names.ts';
import { goldenJson } from '../support/golden.ts';

interface NameRow {
  readonly name: string;
  readonly brokerTopicRemark: string;
  readonly systemTopic: boolean;
  readonly notAllowedSend: boolean;
  readonly clientTopicError: string | null;
  readonly clientGroupError: string | null;
}

const names = goldenJson<{ rows: NameRow[]; systemTopics: string[]; notAllowedSendTopics: string[] }>(
  'answers/names.json',
);

describe('answers/names', () => {
  it.each(names.rows)('$name', (row) => {
    expect(topicError(row.name) ?? '').toBe(row.brokerTopicRemark);
    expect(clientTopicError(row.name)).toBe(row.clientTopicError);
    expect(clientGroupError(row.name)).toBe(row.clientGroupError);
    expect(isSystemTopic(row.name)).toBe(row.systemTopic);
    expect(isSendForbidden(row.name)).toBe(row.notAllowedSend);
  });

  it('knows the topics of the broker', () => {
    expect(names.systemTopics.filter((topic) => !isSystemTopic(topic))).toEqual([]);
    expect(names.notAllowedSendTopics.filter((topic) => !isSendForbidden(topic))).toEqual([]);
  });
});

interface Naming {
  readonly groups: readonly {
    group: string;
    retryTopic: string;
    dlqTopic: string;
    popRetryV1: string;
    popRetryV2: string;
  }[];
  readonly namespaces: readonly { namespace: string | null; resource: string; wrapped: string; unwrapped: string }[];
}

const naming = goldenJson<Naming>('answers/naming.json');

describe('answers/naming', () => {
  it.each(naming.groups)('$group', ({ group, retryTopic, dlqTopic, popRetryV1, popRetryV2 }) => {
    expect(retryTopicOf(group)).toBe(retryTopic);
    expect(deadLetterTopicOf(group)).toBe(dlqTopic);
    expect(popRetryTopicOf(group, 'T', 1)).toBe(popRetryV1);
    expect(popRetryTopicOf(group, 'T', 2)).toBe(popRetryV2);
    expect(isRetryTopic(retryTopic) && isDeadLetterTopic(dlqTopic)).toBe(true);
    expect(groupOfTopic(retryTopic)).toBe(group);
    expect(groupOfTopic(dlqTopic)).toBe(group);
  });

  it.each(naming.namespaces)('$resource in $namespace', ({ namespace, resource, wrapped, unwrapped }) => {
    expect(withNamespace(namespace ?? '', resource)).toBe(wrapped);
    expect(withoutNamespace(namespace ?? '', wrapped)).toBe(unwrapped);
  });
});
