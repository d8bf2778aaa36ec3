import { expect, it } from 'vitest';
import { nearestName } from '../../src/config/nearest-name.ts';

it.each([
  ['listenport', 'listenPort'],
  ['lstenPort', 'listenPort'],
  ['flushDiskTyp', 'flushDiskType'],
  ['brokrName', 'brokerName'],
  ['somethingElse', null],
  ['x', null],
])('%s is nearest to %s', (given, expected) => {
  expect(nearestName(given, ['listenPort', 'flushDiskType', 'brokerName'])).toBe(expected);
});
