import { describe, expect, it } from 'vitest';
import { addressOfName, advertisedHost, isHostGuessed } from '../../src/threads/advertised-host.ts';

describe('the advertised host', () => {
  it('is what was set, or the address that is listened on', () => {
    expect(advertisedHost({ brokerIP1: 'mq.example.org' }, '0.0.0.0')).toBe('mq.example.org');
    expect(advertisedHost({ brokerIP1: '' }, '::1')).toBe('::1');
    expect(isHostGuessed({ brokerIP1: '' }, '::1')).toBe(false);
  });

  it('is an address of this machine when all are listened on', () => {
    for (const wildcard of ['0.0.0.0', '::']) {
      expect(advertisedHost({ brokerIP1: '' }, wildcard)).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(isHostGuessed({ brokerIP1: '' }, wildcard)).toBe(true);
      expect(isHostGuessed({ brokerIP1: '192.0.2.1' }, wildcard)).toBe(false);
    }
  });
});

describe('its address', () => {
  it('is itself, or what its name stands for', async () => {
    for (const address of ['', '192.0.2.1', '2001:db8::1']) expect(await addressOfName(address)).toBe(address);
    expect(['127.0.0.1', '::1']).toContain(await addressOfName('localhost'));
  });

  it('is refused with a reason when nobody knows the name', async () => {
    // A label of 64 characters is none, which every machine says at once, whatever its network.
    const name = `${'x'.repeat(64)}.invalid`;
    await expect(addressOfName(name)).rejects.toThrow(`brokerIP1 is ${name}, no address`);
  });
});
