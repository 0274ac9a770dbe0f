import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { SHA256 } from './sha256';

const want = (b: Uint8Array) => createHash('sha256').update(b).digest('hex');

test.each([0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1000, 100_003])('of %d bytes', (n) => {
  const b = randomBytes(n);
  expect(new SHA256().update(b).hex()).toBe(want(b));
});

test('does not depend on the pieces', () => {
  const b = randomBytes(4099);
  for (const step of [1, 3, 63, 64, 65, 200, 1024]) {
    const h = new SHA256();
    for (let at = 0; at < b.length; at += step) h.update(b.subarray(at, at + step));
    expect(h.hex(), `pieces of ${step}`).toBe(want(b));
  }
});
