import { describe, expect, test } from 'vitest';
import { fold, follow, gain, label, pan, ticks, zoom } from './wave';

describe('columns of a waveform', () => {
  test('keep the loudest sample of those that share one', () => expect(fold([0.1, 0.9, 0.2, 0.3], 2, Math.max)).toEqual([0.9, 0.3]));
  test('repeat where there are more columns than points', () => expect(fold([0.1, 0.9], 4, Math.max)).toEqual([0.1, 0.1, 0.9, 0.9]));
  test('leave nothing out, whatever the width', () => {
    for (let width = 1; width < 300; width++) {
      const at = (width * 7919) % 200;
      expect(fold(Array.from({ length: 200 }, (_, i) => (i === at ? 1 : 0)), width, Math.max), `${width}`).toContain(1);
    }
  });
  test('of a part hold that part alone', () => expect(fold([1, 2, 3, 4, 5, 6], 2, Math.max, 2, 4)).toEqual([3, 4]));
});

describe('what is shown of a call of 100 s', () => {
  const whole = { from: 0, to: 100_000 };
  test('closer, the moment stays where it is', () => {
    expect(zoom(whole, 0.5, 40_000, 100_000)).toEqual({ from: 20_000, to: 70_000 });
    expect(zoom(whole, 0.5, 0, 100_000)).toEqual({ from: 0, to: 50_000 });
  });
  test('is never less than 2 s nor more than the call', () => {
    expect(zoom(whole, 0.001, 50_000, 100_000)).toEqual({ from: 49_000, to: 51_000 });
    expect(zoom({ from: 90_000, to: 100_000 }, 100, 95_000, 100_000)).toEqual(whole);
    expect(zoom({ from: 0, to: 800 }, 0.5, 100, 800)).toEqual({ from: 0, to: 800 });
  });
  test('ends where the call ends', () => expect(pan(99_000, 10_000, 100_000)).toEqual({ from: 90_000, to: 100_000 }));
  test('turns the page when the position leaves it, and stays otherwise', () => {
    const v = { from: 10_000, to: 20_000 };
    expect(follow(v, 15_000, 100_000)).toBe(v);
    expect(follow(v, 21_000, 100_000)).toEqual({ from: 20_000, to: 30_000 });
    expect(follow(v, 1000, 100_000)).toEqual({ from: 0, to: 10_000 });
  });
});

test('the loudest side fills its lane, up to eight times', () => {
  const side = (max: number) => ({ side: 'caller' as const, codecs: [], min: [-max / 2], max: [max], lost: [] });
  expect(gain([side(0.5), side(0.25)])).toBe(2);
  expect(gain([side(0.01), null])).toBe(8);
  expect(gain([side(0), null])).toBe(1);
});

test('times on the axis are round and apart', () => {
  expect(ticks({ from: 0, to: 12_000 }, 800)).toEqual([0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 11_000]);
  expect(ticks({ from: 0, to: 600_000 }, 320)).toEqual([0, 120_000, 240_000, 360_000, 480_000]);
  expect(ticks({ from: 61_000, to: 71_000 }, 320)).toEqual([62_000, 64_000, 66_000, 68_000, 70_000]);
  expect(ticks({ from: 0, to: 40 * 3_600_000 }, 300).length).toBeLessThan(6);
  expect([0, 61_500, 3_725_000].map(label)).toEqual(['0:00', '1:01', '1:02:05']);
});
