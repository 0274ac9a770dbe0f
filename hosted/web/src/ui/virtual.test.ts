import { expect, test } from 'vitest';
import { edges, visible } from './virtual';

const all = edges(10_000, () => 34);

test('only rows near the window are drawn', () => {
  const s = visible(all, 0, 900);
  expect(s.first).toBe(0);
  expect(s.end).toBeLessThan(45);
});

test('whatever the scroll position, the rows cover the window', () => {
  for (let top = 300; top > -340_000; top -= 1237) {
    const s = visible(all, top, 900);
    expect(all[s.first]! + top).toBeLessThanOrEqual(Math.max(0, top));
    expect(s.end === 10_000 || all[s.end]! + top >= 900).toBe(true);
    expect(s.end - s.first).toBeLessThan(60);
  }
});

test('rows may differ in height', () => {
  const e = edges(4, (i) => (i % 2 ? 78 : 34));
  expect([...e]).toEqual([0, 34, 112, 146, 224]);
});

test('an empty list has no rows', () => {
  expect(visible(edges(0, () => 34), 0, 900)).toEqual({ first: 0, end: 0 });
});
