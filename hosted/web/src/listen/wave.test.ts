import { describe, expect, test } from 'vitest';
import { fold, gain, label, ticks } from './wave';

describe('columns of a waveform', () => {
  test('keep the loudest sample of those that share one', () => expect(fold([0.1, 0.9, 0.2, 0.3], 2, Math.max)).toEqual([0.9, 0.3]));
  test('repeat where there are more columns than points', () => expect(fold([0.1, 0.9], 4, Math.max)).toEqual([0.1, 0.1, 0.9, 0.9]));
  test('leave nothing out, whatever the width', () => {
    for (let width = 1; width < 300; width++) {
      const at = (width * 7919) % 200;
      expect(fold(Array.from({ length: 200 }, (_, i) => (i === at ? 1 : 0)), width, Math.max), `${width}`).toContain(1);
    }
  });
});

test('the loudest side fills its lane, up to eight times', () => {
  const side = (max: number) => ({ side: 'caller' as const, codecs: [], min: [-max / 2], max: [max], lost: [] });
  expect(gain([side(0.5), side(0.25)])).toBe(2);
  expect(gain([side(0.01), null])).toBe(8);
  expect(gain([side(0), null])).toBe(1);
});

test('times on the axis are round and apart', () => {
  expect(ticks(12_000, 800)).toEqual([0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 11_000]);
  expect(ticks(600_000, 320)).toEqual([0, 120_000, 240_000, 360_000, 480_000]);
  expect(ticks(40 * 3_600_000, 300).length).toBeLessThan(6);
  expect([0, 61_500, 3_725_000].map(label)).toEqual(['0:00', '1:01', '1:02:05']);
});
